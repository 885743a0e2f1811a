import Bytes
private import COpenSSL

/// The one owner of an EVP_PKEY, freed with its last reference.
///
/// SAFETY: `@unchecked Sendable` because the key is not changed after it was made, and libcrypto
/// lets threads share an unchanging EVP_PKEY (openssl-threads(7)).
@safe final class KeyHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  /// Takes over the reference that `pointer` is.
  init(owning pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }

  deinit { unsafe EVP_PKEY_free(pointer) }
}

/// libcrypto's conventions, in one place.
enum Library {
  /// Whether a call succeeded: 1 is success, 0 and every negative number are not. Leaves no entry
  /// in this thread's error queue behind.
  static func succeeded(_ result: Int32) -> Bool {
    if result == 1 { return true }
    ERR_clear_error()
    return false
  }

  /// The key that named parameters describe, or nil when libcrypto finds none in them.
  static func publicKey(_ type: String, _ parameters: [Parameter]) -> KeyHandle? {
    guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else {
      ERR_clear_error()
      return nil
    }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    guard unsafe succeeded(EVP_PKEY_fromdata_init(context)) else { return nil }
    var key: OpaquePointer?
    let selection = Int32(COPENSSL_SELECT_PUBLIC_KEY)
    let made = unsafe Parameter.withList(parameters) { list in
      unsafe succeeded(EVP_PKEY_fromdata(context, &key, selection, list))
    }
    guard made, let key = unsafe key else { return nil }
    return unsafe KeyHandle(owning: key)
  }

  /// Whether libcrypto's own examination finds the public key sound (SP 800-56B §6.4.2.1 for RSA,
  /// SP 800-56A §5.6.2.3.3 for curves).
  static func isSound(_ key: KeyHandle) -> Bool {
    guard let context = unsafe EVP_PKEY_CTX_new(key.pointer, nil) else {
      ERR_clear_error()
      return false
    }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    return unsafe succeeded(EVP_PKEY_public_check(context))
  }
}

extension Library {
  /// What an encoder writes, which tells only the length when it is given no place to write to.
  static func encoded(
    _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
  ) throws(KeyFault) -> ByteSlice {
    let length = encode(nil)
    guard length > 0 else {
      ERR_clear_error()
      throw .library
    }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    // SAFETY: the encoder writes exactly the length it announced and moves `start`, a copy.
    let written = unsafe bytes.withUnsafeMutableBufferPointer { out in
      var start = out.baseAddress
      return unsafe encode(&start)
    }
    guard written == length else { throw .library }
    return ByteSlice(bytes)
  }

  /// Sets the padding of an RSA algorithm on a prepared EVP_PKEY_CTX. PSS takes its salt as long as
  /// the hash and masks with the same hash (RFC 7518 §3.5), both said outright: libcrypto would
  /// else accept any length of salt.
  static func setPadding(
    of algorithm: SignatureAlgorithm, _ hash: HashFunction, on context: OpaquePointer
  ) -> Bool {
    guard algorithm.isPSS else {
      return unsafe succeeded(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING))
    }
    return unsafe succeeded(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING))
      && succeeded(EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash.method))
      && succeeded(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, Int32(hash.byteCount)))
  }

  /// An EVP_MAC_CTX for HMAC that has taken `secret`, for the caller to free; nil without memory.
  static func keyedHMAC(_ secret: ByteSlice, _ hash: HashFunction) -> OpaquePointer? {
    guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else {
      ERR_clear_error()
      return nil
    }
    defer { unsafe EVP_MAC_free(mac) }
    guard let context = unsafe EVP_MAC_CTX_new(mac) else { return nil }
    // SAFETY: libcrypto copies the secret within the call.
    let ready = unsafe Parameter.withList([.text("digest", hash.name)]) { list in
      unsafe secret.withUnsafeBytes { secret in
        unsafe succeeded(
          EVP_MAC_init(
            context, secret.bindMemory(to: UInt8.self).baseAddress, secret.count, list))
      }
    }
    if ready { return unsafe context }
    unsafe EVP_MAC_CTX_free(context)
    return nil
  }
}

/// A named value handed to libcrypto (OSSL_PARAM(3)).
struct Parameter {
  enum Form { case integer, text, octets }

  let name: StaticString
  let form: Form
  /// The value's bytes: an integer's in this machine's byte order, which is little-endian; a text's
  /// with a NUL behind, because some readers in libcrypto do not look at the size.
  private let bytes: [UInt8]

  private init(_ name: StaticString, _ form: Form, _ bytes: [UInt8]) {
    self.name = name
    self.form = form
    self.bytes = bytes
  }

  static func integer(_ name: StaticString, bigEndian bytes: [UInt8]) -> Parameter {
    Parameter(name, .integer, bytes.reversed())
  }

  static func text(_ name: StaticString, _ text: String) -> Parameter {
    Parameter(name, .text, Array(text.utf8) + [0])
  }

  static func octets(_ name: StaticString, _ bytes: [UInt8]) -> Parameter {
    Parameter(name, .octets, bytes)
  }

  /// Calls `use` with the terminated list that libcrypto reads.
  ///
  /// SAFETY: the list points to names, which are literals, and into one array of all values, which
  /// stays where it is until `use` returns; libcrypto copies what it keeps.
  fileprivate static func withList<Result>(
    _ parameters: [Parameter], _ use: (UnsafeMutablePointer<OSSL_PARAM>?) -> Result
  ) -> Result {
    var values = parameters.flatMap(\.bytes)
    return unsafe values.withUnsafeMutableBufferPointer { values in
      var list: [OSSL_PARAM] = unsafe []
      var offset = 0
      for parameter in parameters {
        let value = unsafe values.baseAddress?.advanced(by: offset)
        unsafe list.append(parameter.described(at: value))
        offset += parameter.bytes.count
      }
      unsafe list.append(OSSL_PARAM_construct_end())
      return unsafe list.withUnsafeMutableBufferPointer { unsafe use($0.baseAddress) }
    }
  }

  private func described(at value: UnsafeMutablePointer<UInt8>?) -> OSSL_PARAM {
    let name = unsafe UnsafeRawPointer(self.name.utf8Start).assumingMemoryBound(to: CChar.self)
    switch form {
    case .integer: return unsafe OSSL_PARAM_construct_BN(name, value, bytes.count)
    case .octets: return unsafe OSSL_PARAM_construct_octet_string(name, value, bytes.count)
    case .text:
      let text = unsafe UnsafeMutableRawPointer(value)?.assumingMemoryBound(to: CChar.self)
      return unsafe OSSL_PARAM_construct_utf8_string(name, text, bytes.count - 1)
    }
  }
}
