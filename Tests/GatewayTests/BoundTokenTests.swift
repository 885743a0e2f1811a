import Bytes
import Crypto
import Foundation
import TestSupport
import Testing

/// Tokens bound to a client certificate, as requests meet them.
@Suite struct BoundTokenTests {
  private let certificate = ByteSlice(utf8: "the DER of a client's certificate")

  private func token() throws -> String {
    let digest = Base64.encode(Digest.sha256(certificate).bytes, as: .url)
    return try TestIssuer().token(
      ["sub": "alice", "cnf": ["x5t#S256": digest]], algorithm: .rs256
    ).text
  }

  @Test func `whoever has the certificate may use the token, again and again`() async throws {
    let gateway = try TestGateway()
    let bound = try token()
    for _ in 0..<2 {
      let answer = try await gateway.send(
        "GET", "/v1/whoami", token: bound, certificate: certificate)
      #expect(answer.status == 200)
    }
  }

  @Test func `a stolen one is of no use, remembered or not`() async throws {
    let gateway = try TestGateway()
    let bound = try token()
    for thief in [nil, ByteSlice(utf8: "another certificate")] {
      for _ in 0..<2 {
        let answer = try await gateway.send(
          "GET", "/v1/whoami", token: bound, certificate: thief)
        #expect(answer.status == 401 && answer.code == "invalid_token")
        _ = try await gateway.send("GET", "/v1/whoami", token: bound, certificate: certificate)
      }
    }
  }
}
