private import COpenSSL

/// Why certificates, keys or authorities cannot be used for TLS.
public enum TLSFault: Error, Equatable, Sendable {
  /// The text holds no certificate in PEM, or a broken one.
  case badCertificate
  /// The text holds no private key in PEM, a broken one, or one behind a passphrase.
  case badKey
  /// The private key is not the certificate's.
  case foreignKey
  /// libssl's own word, such as `ee key too small`: its security level 2 asks for 112 bits
  /// (SSL_CTX_set_security_level(3)).
  case refused(String)
  /// No memory, or a libssl without what we need.
  case library

  /// In words for the operator.
  public var text: String {
    switch self {
    case .badCertificate: "no certificate in PEM, or a broken one"
    case .badKey: "no private key in PEM without a passphrase"
    case .foreignKey: "the private key is not the certificate's"
    case .refused(let words): words
    case .library: "libssl has no memory"
    }
  }

  /// What libssl said last, with this thread's error queue emptied.
  static func lastWord() -> TLSFault {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    // SAFETY: the words are literals of the library.
    guard code != 0, let words = unsafe ERR_reason_error_string(code) else { return .library }
    return unsafe .refused(String(cString: words))
  }
}
