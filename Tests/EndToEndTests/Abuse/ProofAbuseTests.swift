import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

extension EndToEnd.Abuse {
  private static let url = "https://events.example/v1/topics/~/orders/events"

  /// 12: a token that is bound to a certificate, from whoever has it and from others.
  @Test(.timeLimit(.minutes(15)))
  func `a bound token is of no use with another's certificate`() async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "IP:127.0.0.1")
    for name in ["client", "thief"] { try authority.sign(name) }
    func run(_ program: String, _ arguments: [String]) async throws -> String {
      try await Workplace.run(URL(filePath: "/usr/bin/\(program)"), arguments).output
    }
    _ = try await run(
      "openssl",
      [
        "x509", "-in", authority.path("client.pem"), "-outform", "der", "-out",
        authority.path("client.der"),
      ])
    let print = Base64.encode(Digest.sha256(try authority.bytes("client.der")).bytes, as: .url)
    let more = """
      listen:
        https: {address: "127.0.0.1:0", certificate: "\(authority.path("server.pem"))",
          key: "\(authority.path("server.key"))", clientCA: "\(authority.path("ca.pem"))"}
      """
    try await AbuseGround.run(more: more) { ground in
      let log = await ground.gateway.logText
      let port = try #require(log.firstMatch(of: #/"https":"127.0.0.1:(\d+)"/#)).1
      let bound = try ground.token(["cnf": ["x5t#S256": print]])
      var refused: [String] = []
      for (name, status) in [
        ("client", "201"), ("thief", "401"), (nil, "401"), ("client", "201"),
      ] as [(String?, String)] {
        let shown = name.map {
          ["--cert", authority.path("\($0).pem"), "--key", authority.path("\($0).key")]
        }
        let told = try await run(
          "curl",
          [
            "-sS", "-o", "/dev/null", "-w", "%{http_code} %header{request-id}", "--cacert",
            authority.path("ca.pem"), "-H", "Authorization: Bearer \(bound)", "--json", "{}",
            "https://127.0.0.1:\(port)/v1/topics/~/orders/events",
          ] + (shown ?? []))
        #expect(told.hasPrefix(status), "\(name ?? "nobody"): \(told)")
        if status == "401" { refused.append(String(told.dropFirst(4))) }
      }
      let audit = try await ground.audit(until: try #require(refused.last))
      #expect(refused.allSatisfy { audit[$0]?["reason"]?.text == "cnf_mismatch" })
    }
  }

  /// Proofs about a token: what they are, the status that they meet, and the reason on record.
  private static func proofs(
    _ prover: Prover, _ bound: String, _ plain: String, _ good: String, at now: UnixTime
  ) throws -> [(String, String, Int, String?)] {
    // A point of small order verifies what nobody has signed.
    let weak = ByteSlice(
      utf8:
        #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#
    )
    let zeros = String(repeating: "A", count: 43)
    let beside = ByteSlice(utf8: #"{"kty":"EC","crv":"P-256","x":"\#(zeros)","y":"\#(zeros)"}"#)
    func proof(
      _ altered: [String: Any] = [:], _ method: String = "POST", _ url: String = Self.url,
      token: String? = nil, jwk: ByteSlice? = nil
    ) throws -> String {
      try prover.proof(method, url, for: token ?? bound, at: now, altered, jwk: jwk)
    }
    return [
      ("a good one", good, 201, nil), ("the same again", good, 401, "dpop_replayed"),
      ("another method", try proof([:], "GET"), 401, "dpop_request"),
      ("another URL", try proof([:], "POST", Self.url + "/x"), 401, "dpop_request"),
      ("another host", try proof(["htu": "https://evil.example/"]), 401, "dpop_request"),
      ("another token", try proof(token: plain), 401, "dpop_token"),
      ("of yesterday", try proof(["iat": now.seconds - 86_400]), 401, "dpop_time"),
      ("of tomorrow", try proof(["iat": now.seconds + 86_400]), 401, "dpop_time"),
      ("without a name", try proof(["jti": NSNull()]), 401, "dpop_claim"),
      ("a key of small order", try proof(jwk: weak), 401, "dpop_key"),
      // Not examined: the token is bound to another key.
      ("a point beside the curve", try proof(jwk: beside), 401, "cnf_mismatch"),
      ("a key that is none", try proof(jwk: ByteSlice(utf8: "{}")), 401, "dpop_key"),
      ("the token itself", bound, 401, "dpop_form"), ("nothing", "", 401, "dpop_form"),
      (
        "another's key", try Prover().proof("POST", Self.url, for: bound, at: now), 401,
        "cnf_mismatch"
      ),
    ]
  }

  /// What attempts met, each by its name and with the reason that must be on record, and what one
  /// more met.
  private typealias Met = ([(String, Answer, String?)], Answer)

  /// 13: proofs of possession that are somebody else's, for something else, or old.
  @Test func `a proof that is not for this request is refused, with the reason on record`()
    async throws
  {
    try await AbuseGround.run { ground in
      let prover = try Prover()
      let bound = try ground.token(["cnf": ["jkt": try prover.thumbprint]])
      let plain = try ground.token()
      // A proof is good for a minute.
      let (met, unbound) = try await ground.gateway.promptly { () async throws -> Met in
        let now = AbuseGround.now
        let good = try prover.proof("POST", Self.url, for: bound, at: now)
        let attempts = try Self.proofs(prover, bound, plain, good, at: now)
        var met: [(String, Answer, String?)] = []
        for (name, proof, status, reason) in attempts {
          let answer = try await ground.gateway.exchange(
            Attempt.publish(nil, ["Authorization: DPoP \(bound)", "DPoP: \(proof)"]).bytes
          ).answer
          #expect(answer.status == status, "\(name): \(answer.text)")
          if status == 401, reason != "cnf_mismatch" {
            #expect(answer.text.contains("\"invalid_dpop_proof\""), "\(name): \(answer.text)")
            #expect(
              answer.field("www-authenticate")?.hasPrefix("DPoP realm=") == true, "\(name)")
          }
          met.append((name, answer, reason))
        }
        let twice = try await ground.gateway.exchange(
          Attempt.publish(
            nil, ["Authorization: DPoP \(bound)", "DPoP: \(good)", "DPoP: \(good)"]
          ).bytes
        ).answer
        #expect(twice.status == 401)
        let unbound = try await ground.gateway.exchange(
          Attempt.publish(
            nil,
            [
              "Authorization: DPoP \(plain)",
              "DPoP: \(try prover.proof("POST", Self.url, for: plain, at: now))",
            ]
          ).bytes
        ).answer
        return (met, unbound)
      }
      #expect(unbound.status == 401, "a proof binds no token that is not bound")
      let audit = try await ground.audit(until: try #require(unbound.field("request-id")))
      for (name, answer, reason) in met {
        let line = audit[answer.field("request-id") ?? ""]
        #expect(line?["reason"]?.text == reason, "\(name): \(line?.raw.text ?? "")")
      }
    }
  }
}
