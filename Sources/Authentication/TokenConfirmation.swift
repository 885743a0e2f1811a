public import Bytes
import Crypto
import JSONText

/// What a bound token's `cnf` claim says its presenter has (RFC 7800): a stolen one is of no use to
/// whoever has not.
struct TokenConfirmation: Sendable, Equatable {
  /// `x5t#S256`: the SHA-256 of the client certificate's DER (RFC 8705 §3.1).
  let certificate: ByteSlice?
  /// `jkt`: the thumbprint of the key that signs the proofs, in base64url (RFC 9449 §6.1).
  let key: ByteSlice?

  /// Members that are not known would have to be proved too: they are refused.
  init(parsing node: JSONNode) throws(TokenRefusal) {
    guard node.kind == .object else { throw .bound }
    var certificate: ByteSlice?
    var key: ByteSlice?
    for (name, value) in node.members {
      guard let text = value.string, let digest = Base64.decode(text, as: .url),
        digest.count == Digest.byteCount
      else { throw .bound }
      if name.equals("x5t#S256") {
        certificate = digest
      } else if name.equals("jkt") {
        key = text
      } else {
        throw .bound
      }
    }
    guard certificate != nil || key != nil else { throw .bound }
    self.certificate = certificate
    self.key = key
  }
}

/// What a request shows besides the token itself. Checked again with every request, whether the
/// token is remembered or not.
public struct Presentation: Sendable {
  /// The client's certificate in DER, where TLS has verified one.
  public let certificate: ByteSlice?
  /// The thumbprint of the key whose proof came along; nil under the Bearer scheme.
  public let proofKey: ByteSlice?

  /// Nothing besides: a plain bearer.
  public static let bare = Presentation(certificate: nil, proofKey: nil)

  /// Nobody is asked: to explain a token, not to let anybody in.
  public static let unasked = Presentation(certificate: nil, proofKey: nil, isAsked: false)

  private let isAsked: Bool

  public init(certificate: ByteSlice?, proofKey: ByteSlice?) {
    self.init(certificate: certificate, proofKey: proofKey, isAsked: true)
  }

  private init(certificate: ByteSlice?, proofKey: ByteSlice?, isAsked: Bool) {
    self.certificate = certificate
    self.proofKey = proofKey
    self.isAsked = isAsked
  }

  /// Whether it shows all that the confirmation asks for. A proof with a token that asks for none
  /// is refused: the client believes the token to be bound, and it is not.
  func proves(_ confirmation: TokenConfirmation?) -> Bool {
    guard isAsked else { return true }
    guard let confirmation else { return proofKey == nil }
    guard confirmation.key == proofKey else { return false }
    guard let wanted = confirmation.certificate else { return true }
    return certificate.map { Digest.sha256($0).bytes == wanted } ?? false
  }
}
