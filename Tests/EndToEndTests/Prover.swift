import Authentication
import Bytes
import Crypto
import Foundation
import JSONText

/// A client with a key of its own, which proves in each request that it has it.
struct Prover {
  private let key: PrivateKey

  init() throws { key = try PrivateKey.generate(.es256) }

  /// The public part of a key, as it stands in a header.
  static func jwk(of key: PrivateKey) throws -> ByteSlice {
    var json = JSONWriter()
    try key.publicMaterial.writeJWK(to: &json, algorithm: .es256, keyID: nil)
    return json.slice
  }

  var thumbprint: String {
    get throws { try key.publicMaterial.thumbprint.text }
  }

  /// - Parameters:
  ///   - altered: claims that replace those of a good proof.
  ///   - jwk: stands in the header instead of the key that signs.
  func proof(
    _ method: String, _ url: String, for token: String, at now: UnixTime, nonce: String? = nil,
    _ altered: [String: Any] = [:], jwk: ByteSlice? = nil
  ) throws -> String {
    var claims: [String: Any] = [
      "jti": UUID().uuidString, "htm": method, "htu": url, "iat": now.seconds,
      "ath": Base64.encode(Digest.sha256(ByteSlice(utf8: token)).bytes, as: .url),
    ]
    if let nonce { claims["nonce"] = nonce }
    claims.merge(altered) { $1 }
    var header = JSONWriter()
    header.beginObject()
    header.key("typ")
    header.string("dpop+jwt" as StaticString)
    header.key("alg")
    header.string("ES256" as StaticString)
    header.key("jwk")
    header.raw(try jwk ?? Self.jwk(of: key))
    header.endObject()
    let text = try JSONSerialization.data(withJSONObject: claims)
    return try TokenMinter(key, keyID: nil).mint(
      header: header.slice, claims: ByteSlice(Array(text))
    ).text
  }
}
