import Authentication
import Bytes
import JSONText

/// What a metadata document says about where keys are (OpenID Connect Discovery §4.3, RFC 8414
/// §3.3).
struct Discovery {
  let keySet: ByteSlice

  /// The document's `issuer` must be exactly the one whose keys are looked for: else whoever can
  /// put a document under a URL could speak for any issuer.
  init(parsing text: ByteSlice, for issuer: ByteSlice) throws(DiscoveryFault) {
    guard let document = try? JSONDocument(parsing: text, limits: .settings),
      document.root.kind == .object
    else { throw .malformed }
    guard document.root["issuer"]?.string == issuer else { throw .otherIssuer }
    guard let url = document.root["jwks_uri"]?.string, FetchRules.isURL(url) else {
      throw .noKeySet
    }
    keySet = ByteSlice(copying: url.span)
  }
}

/// Why a metadata document is of no use.
enum DiscoveryFault: Error, Equatable {
  case malformed
  case otherIssuer
  case noKeySet

  var text: String {
    switch self {
    case .malformed: "the metadata document is no JSON object"
    case .otherIssuer: "the metadata document is of another issuer"
    case .noKeySet: "the metadata document names no 'jwks_uri' that may be fetched"
    }
  }
}
