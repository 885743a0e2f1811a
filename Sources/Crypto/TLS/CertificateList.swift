import Bytes
private import COpenSSL

/// Certificates read from PEM, freed with their last reference.
///
/// SAFETY: `@unchecked Sendable` because the certificates are not changed after they were read, and
/// libcrypto lets threads share an unchanging X509.
@safe final class CertificateList: @unchecked Sendable {
  /// X509 pointers, in the order of the text; at least one.
  let pointers: [OpaquePointer]

  /// How many certificates one text may hold: bundles of authorities have about 150.
  private static let most = 1000

  init(pem: ByteSlice) throws(TLSFault) {
    var found: [OpaquePointer] = unsafe []
    let isBroken = unsafe PEMReader.reading(pem) { source in
      while unsafe found.count < Self.most {
        guard let certificate = unsafe PEM_read_bio_X509(source, nil, PEMReader.noPassphrase, nil)
        else { break }
        unsafe found.append(certificate)
      }
      // The end of the text shows itself as a missing start line.
      let code = ERR_peek_last_error()
      ERR_clear_error()
      return PEMReader.isEnd(code) == false
    }
    unsafe pointers = unsafe found
    guard unsafe !found.isEmpty, !isBroken else { throw .badCertificate }
  }

  deinit { for index in 0..<count { unsafe X509_free(pointers[index]) } }

  var count: Int { unsafe pointers.count }

  /// From when to when the first certificate is valid (RFC 5280 §4.1.2.5).
  var validity: ClosedRange<UnixTime>? {
    guard let first = unsafe pointers.first,
      let from = unsafe Self.time(X509_get0_notBefore(first)),
      let until = unsafe Self.time(X509_get0_notAfter(first)), from <= until
    else { return nil }
    return from...until
  }

  private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> UnixTime? {
    guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { return nil }
    defer { unsafe ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    // Beyond the year 2262 an instant in nanoseconds does not fit: as good as for ever.
    let (whole, overflow) = (Int64(days) * 86_400 + Int64(seconds))
      .multipliedReportingOverflow(by: 1_000_000_000)
    return UnixTime(nanoseconds: overflow ? (days < 0 ? .min : .max) : whole)
  }
}

/// PEM text as libcrypto reads it.
enum PEMReader {
  /// Lets `read` take objects from the text, one after the other.
  static func reading<Result>(_ text: ByteSlice, _ read: (OpaquePointer?) -> Result) -> Result {
    // SAFETY: the BIO reads the borrowed bytes and is freed before they are given back.
    unsafe text.withUnsafeBytes { bytes in
      let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      defer { _ = unsafe BIO_free(source) }
      return unsafe read(source)
    }
  }

  /// Answers the question for a passphrase with a no, where libcrypto would ask at the terminal.
  static let noPassphrase:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
      { _, _, _, _ in -1 }

  /// Whether reading ended because the text has no further object.
  static func isEnd(_ code: UInt) -> Bool {
    ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
  }
}
