import Authentication
import Bytes
import Crypto
import Foundation
import JSONText

/// A client with a key of its own, which proves in each request that it has it.
struct Prover {
  private let key: PrivateKey

  init() throws { key = try PrivateKey.generate(.es256) }

  var thumbprint: String {
    get throws { try key.publicMaterial.thumbprint.text }
  }

  func proof(
    _ method: String, _ url: String, for token: String, at now: UnixTime, nonce: String? = nil
  ) throws -> String {
    var claims: [String: Any] = [
      "jti": UUID().uuidString, "htm": method, "htu": url, "iat": now.seconds,
      "ath": Base64.encode(Digest.sha256(ByteSlice(utf8: token)).bytes, as: .url),
    ]
    if let nonce { claims["nonce"] = nonce }
    var header = JSONWriter()
    header.beginObject()
    header.key("typ")
    header.string("dpop+jwt" as StaticString)
    header.key("alg")
    header.string("ES256" as StaticString)
    header.key("jwk")
    try key.publicMaterial.writeJWK(to: &header, algorithm: .es256, keyID: nil)
    header.endObject()
    let text = try JSONSerialization.data(withJSONObject: claims)
    return try TokenMinter(key, keyID: nil).mint(
      header: header.slice, claims: ByteSlice(Array(text))
    ).text
  }
}
