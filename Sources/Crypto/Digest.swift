public import Bytes
private import COpenSSL

/// A SHA-256 digest (FIPS 180-4): 32 bytes held inline, so that it can be a key without allocating.
public struct Digest: Hashable, Sendable, BitwiseCopyable {
  /// The digest's bytes in groups of eight, in this machine's byte order.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  public static let byteCount = 32

  fileprivate init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// The digest that 64 hexadecimal digits of either case write; nil for any other text.
  public init?(hexadecimal text: ByteSlice) {
    guard text.count == 2 * Self.byteCount else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    var isValid = true
    unsafe withUnsafeMutableBytes(of: &words) { bytes in
      for index in 0..<Self.byteCount {
        guard let high = ASCII.hexValue(text[2 * index]),
          let low = ASCII.hexValue(text[2 * index + 1])
        else {
          isValid = false
          return
        }
        unsafe bytes[index] = high << 4 | low
      }
    }
    guard isValid else { return nil }
    self.words = words
  }

  /// The SHA-256 of `bytes`; 0.7 µs for 900 bytes with SHA instructions.
  public static func sha256(_ bytes: ByteSlice) -> Digest {
    unsafe bytes.withUnsafeBytes { unsafe sha256(contentsOf: $0) }
  }

  public static func sha256(_ bytes: Span<UInt8>) -> Digest {
    unsafe bytes.withUnsafeBytes { unsafe sha256(contentsOf: $0) }
  }

  // SAFETY: libcrypto reads `bytes.count` bytes and writes the 32 bytes of `words`; both outlive
  // the call.
  private static func sha256(contentsOf bytes: UnsafeRawBufferPointer) -> Digest {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    let done = unsafe withUnsafeMutableBytes(of: &words) { out in
      unsafe HashFunction.sha256.digest(bytes, into: out.baseAddress)
    }
    precondition(done, "SHA-256 is part of every libcrypto")
    return Digest(words: words)
  }

  /// A word of the digest: as good as random for choosing a slot.
  public var slot: UInt64 { words.0 }

  /// The 32 bytes.
  public var bytes: ByteSlice {
    unsafe withUnsafeBytes(of: words) { unsafe ByteSlice($0) }
  }

  /// The 64 lower-case hexadecimal digits.
  public var hexadecimal: String {
    var writer = ByteWriter(capacity: 64)
    for byte in bytes.array {
      writer.append(ASCII.hexDigit(byte >> 4))
      writer.append(ASCII.hexDigit(byte & 0x0F))
    }
    return writer.slice.text
  }

  public static func == (left: Digest, right: Digest) -> Bool {
    left.words.0 == right.words.0 && left.words.1 == right.words.1
      && left.words.2 == right.words.2 && left.words.3 == right.words.3
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Makes digests one after the other in a context of libcrypto of its own, where `Digest.sha256`
/// takes one that threads share. Owned by one loop.
///
/// SAFETY: sole owner of the context, made in `init` and freed in `deinit`; no pointer to it leaves
/// a call.
@safe public final class DigestContext {
  private let context: OpaquePointer

  public init() {
    guard let context = unsafe EVP_MD_CTX_new(),
      unsafe EVP_DigestInit_ex2(context, HashFunction.sha256.method, nil) == 1
    else { preconditionFailure("SHA-256 is part of every libcrypto") }
    unsafe self.context = unsafe context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// The SHA-256 of `bytes`.
  public func sha256(_ bytes: ByteSlice) -> Digest {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    // SAFETY: libcrypto reads `bytes.count` bytes and writes the 32 bytes of `words`; both outlive
    // the calls.
    let done = unsafe withUnsafeMutableBytes(of: &words) { out in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe EVP_DigestInit_ex2(context, nil, nil) == 1
          && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
          && EVP_DigestFinal_ex(context, out.baseAddress, nil) == 1
      }
    }
    precondition(done, "SHA-256 is part of every libcrypto")
    return Digest(words: words)
  }
}

/// A hash function of libcrypto, fetched once per process: a fetch costs more than a short digest.
///
/// SAFETY: `@unchecked Sendable` because an EVP_MD is immutable and reference-counted atomically.
@safe final class HashFunction: @unchecked Sendable {
  /// The EVP_MD, kept for the life of the process.
  let method: OpaquePointer
  /// The name by which providers know it.
  let name: String
  /// Bytes of a digest.
  let byteCount: Int

  /// The longest digest of any of them.
  static let mostBytes = 64

  /// Contexts that have made a digest and can make the next.
  private let spares = SpareContexts()

  static let sha256 = HashFunction("SHA256", 32)
  static let sha384 = HashFunction("SHA384", 48)
  static let sha512 = HashFunction("SHA512", 64)

  private init(_ name: String, _ byteCount: Int) {
    guard let method = unsafe EVP_MD_fetch(nil, name, nil) else {
      preconditionFailure("libcrypto without \(name)")
    }
    unsafe self.method = unsafe method
    self.name = name
    self.byteCount = byteCount
  }

  /// Calls `use` with the digest of `message`, which lives on the stack.
  ///
  /// SAFETY: libcrypto reads the message and writes at most `mostBytes` bytes within the call; the
  /// buffer that `use` gets is dead after it.
  func withDigest<Result>(
    of message: ByteSlice, _ use: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.mostBytes) { room in
      let done = unsafe message.withUnsafeBytes { message in
        unsafe digest(message, into: room.baseAddress)
      }
      precondition(done, "SHA-2 is part of every libcrypto")
      return unsafe use(UnsafeBufferPointer(rebasing: room[0..<byteCount]))
    }
  }

  /// Writes the digest of `message`; false where libcrypto fails.
  ///
  /// SAFETY: `out` must have room for `byteCount` bytes. The context is this call's own.
  fileprivate func digest(_ message: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer?)
    -> Bool
  {
    let spare = unsafe spares.take()
    guard let context = unsafe spare ?? EVP_MD_CTX_new() else { return false }
    defer { if unsafe !spares.keep(context) { unsafe EVP_MD_CTX_free(context) } }
    let bytes = unsafe out?.assumingMemoryBound(to: UInt8.self)
    // A context that has been used knows its function.
    return unsafe EVP_DigestInit_ex2(context, spare == nil ? method : nil, nil) == 1
      && EVP_DigestUpdate(context, message.baseAddress, message.count) == 1
      && EVP_DigestFinal_ex(context, bytes, nil) == 1
  }
}
