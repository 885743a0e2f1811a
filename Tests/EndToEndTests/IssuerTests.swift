import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

/// Identities as the world outside gives them: issuers on the network, opaque and bound tokens, API
/// keys, and what is taken back.
extension EndToEnd {
  @Suite struct Issuers {
    let issuer = TestIssuer(id: "remote")
    static let apiKey = "a-key-of-64-characters-that-was-made-by-somebody-for-a-till-in-berlin"

    static var now: UnixTime { UnixTime(seconds: Int64(Date().timeIntervalSince1970)) }

    func token(
      _ claims: [String: Any] = [:], algorithm: SignatureAlgorithm = .es256
    ) throws -> String {
      try issuer.token(claims, algorithm: algorithm, at: Self.now).text
    }

    private static let rules = """
      tenants: {acme: {}}
      mappings:
        - {id: remote, issuer: remote, when: {"/sub": {exists: true}}, tenant: acme, namespace: shop,
           principal: "{/sub}",
           allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
        - {id: tills, issuer: tills, when: {"/shop": {eq: berlin}}, tenant: acme, namespace: shop,
           principal: "till:{/sub}", allow: [{publish: ["shop/*"]}]}
      """

    /// An issuer that answers everything with its key set.
    static func servingKeys() throws -> HTTPNeighbour {
      let neighbour = try HTTPNeighbour()
      let keys = try TestIssuer.keySet().text
      neighbour.answer { _ in .init(keys) }
      return neighbour
    }

    /// A gateway with a management listener that trusts an issuer at `neighbour`.
    func withIssuer(
      _ neighbour: HTTPNeighbour, keys: String? = nil, more: String = "", top: String = "",
      _ body: (GatewayChild, _ management: String) async throws -> Void
    ) async throws {
      let folder = try Workplace.directory("issuers")
      defer { try? FileManager.default.removeItem(at: folder) }
      try Data("the client's secret\n".utf8).write(to: folder.appending(path: "secret"))
      let keys = keys ?? "{url: \"\(neighbour.url)/keys\", addresses: [127.0.0.1]}"
      let key = Digest.sha256(ByteSlice(utf8: Self.apiKey)).hexadecimal
      let text = """
        publicURL: "https://events.example/base"
        issuers:
          - {id: remote, iss: "\(issuer.iss)", audiences: [\(issuer.audience)], keys: \(keys)\(more)}
          - {id: tills, apiKeys: [{id: till-7, sha256: "\(key)", expires: "2100-01-01T00:00:00Z",
             claims: {shop: berlin}}]}
        \(top)
        \(Self.rules)
        """
      let file = folder.appending(path: "jodrell.yaml")
      try Data(text.utf8).write(to: file)
      let arguments = ["-c", file.path(), "--management", "127.0.0.1:0"]
      try await withGateway(arguments) { gateway in
        let told = await gateway.logText.firstMatch(of: #/"management":"([0-9.:]+)"/#)
        try await body(gateway, String(try #require(told).1))
      }
    }

    func curl(_ arguments: String...) async throws -> String {
      try await Workplace.run(URL(filePath: "/usr/bin/curl"), ["-sS"] + arguments).output
    }

    /// Waits until the gateway says that it is ready.
    func ready(_ management: String) async throws {
      let end = ContinuousClock().now + .seconds(600)
      while ContinuousClock().now < end {
        if try await curl("http://\(management)/readyz").contains("\"ready\"") { return }
        try await Task.sleep(for: .milliseconds(20))
      }
      Issue.record("never ready")
    }

    func publish(
      _ gateway: GatewayChild, _ token: String?, fields: [(String, String)] = []
    ) async throws -> Answer {
      try await gateway.send(
        "POST", "/v1/topics/~/orders/events", token: token, fields: fields, body: "{}")
    }

    @Test func `keys change under load and nobody is refused`() async throws {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      let (old, both, new) = (
        try TestIssuer.keySet([.es256]).text, try TestIssuer.keySet([.es256, .rs256]).text,
        try TestIssuer.keySet([.rs256]).text
      )
      neighbour.answer { _ in .init(old) }
      let algorithms = ", algorithms: [ES256, RS256]"
      try await withIssuer(neighbour, more: algorithms) { gateway, management in
        try await ready(management)
        let traffic = Traffic(token: try token(algorithm: .es256))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<4 { group.addTask { try await traffic.run(on: gateway) } }
          try await traffic.goOn()
          // The issuer publishes a second key and signs with it at once.
          neighbour.answer { _ in .init(both) }
          traffic.use(try token(algorithm: .rs256))
          try await traffic.goOn()
          // Later it takes the first one back.
          neighbour.answer { _ in .init(new) }
          try await traffic.goOn()
          traffic.end()
          try await group.waitForAll()
        }
        #expect(traffic.refusals == [])
        #expect(traffic.served >= 120)
        #expect(neighbour.requests.count == 2, "one look at the start, one for the new key")
        let metrics = try await curl("http://\(management)/metrics")
        #expect(metrics.contains("jodrell_issuer_keys{issuer=\"remote\"} 2"))
      }
    }

    @Test func `a gateway without its keys is not ready, and tells its operator why`() async throws
    {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, management in
        let answer = try await gateway.send("GET", "/readyz")
        #expect(answer.status == 503 && !answer.text.contains("remote"))
        #expect(try await curl("http://\(management)/readyz").contains("remote"))
        #expect(try await publish(gateway, try token()).status == 401)
      }
    }

    @Test func `a revoked token is refused at once, and after a restart`() async throws {
      let neighbour = try Self.servingKeys()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, management in
        try await ready(management)
        let (stolen, other) = (try token(["jti": "stolen"]), try token(["jti": "other"]))
        #expect(try await publish(gateway, stolen).status == 201)
        let revocation = #"{"issuer":"remote","jti":"stolen"}"#
        #expect(
          try await gateway.send("POST", "/v1/revocations", body: revocation).status == 404)
        let refused = try await curl("http://\(management)/v1/revocations", "-d", revocation)
        #expect(refused.contains("unsupported_media_type"), "no page can send it")
        let made = try await curl("http://\(management)/v1/revocations", "--json", revocation)
        #expect(made.contains("stolen"), "\(made)")
        let answer = try await publish(gateway, stolen)
        #expect(answer.status == 401 && answer.text.contains("the token was not accepted"))
        #expect(try await publish(gateway, other).status == 201)
        #expect(
          try await curl("http://\(management)/metrics")
            .contains("jodrell_token_refused_total{reason=\"revoked\"} 1"))
        #expect(try await gateway.terminate() == 0)
        try await gateway.start()
        let told = await gateway.logText.matches(of: #/"management":"([0-9.:]+)"/#).last
        let again = String(try #require(told).1)
        try await ready(again)
        #expect(try await publish(gateway, stolen).status == 401)
        #expect(try await publish(gateway, other).status == 201)
        let revocations = "http://\(again)/v1/revocations"
        #expect(try await curl(revocations).contains("stolen"))
        let back = try await curl("-X", "DELETE", "\(revocations)?issuer=remote&jti=stolen")
        #expect(back.contains("stolen"), "\(back)")
        #expect(try await publish(gateway, stolen).status == 201)
        let kept = try String(
          contentsOf: gateway.data.appending(path: "revocations.json"), encoding: .utf8)
        #expect(kept == "[]")
      }
    }

    @Test func `an open stream ends when its token is revoked`() async throws {
      let neighbour = try Self.servingKeys()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, management in
        try await ready(management)
        let stolen = try token(["jti": "stolen"])
        #expect(try await publish(gateway, stolen).status == 201)
        let stream = "\(await gateway.url)/v1/topics/~/orders/events"
        async let told = curl(
          "-N", "--max-time", "600", stream, "-H", "Authorization: Bearer \(stolen)", "-H",
          "Accept: text/event-stream")
        while try await !curl("http://\(management)/metrics").contains("jodrell_streams_open 1") {
          try await Task.sleep(for: .milliseconds(20))
        }
        let revocation = #"{"issuer":"remote","sub":"alice"}"#
        _ = try await curl("http://\(management)/v1/revocations", "--json", revocation)
        #expect(try await told.contains("event: jodrell.end"))
      }
    }

    @Test func `opaque tokens are looked up, and only as often as needed`() async throws {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      let keys = try TestIssuer.keySet().text
      let claims = """
        {"active":true,"sub":"alice","aud":"\(issuer.audience)","exp":\(Self.now.seconds + 600)}
        """
      neighbour.answer { request in
        guard request.path == "/introspect" else { return .init(keys) }
        return .init(request.body.contains("token=good-one&") ? claims : #"{"active":false}"#)
      }
      let more = """
        , introspection: {url: "\(neighbour.url)/introspect", clientID: gateway,
          clientSecret: "file:secret", addresses: [127.0.0.1], lifetime: 5m}
        """
      try await withIssuer(neighbour, more: more) { gateway, management in
        try await ready(management)
        // What an issuer does not know is remembered for seconds.
        try await gateway.promptly { () async throws in
          for _ in 0..<3 { #expect(try await publish(gateway, "good-one").status == 201) }
          for _ in 0..<3 { #expect(try await publish(gateway, "bad-one").status == 401) }
        }
        #expect(try await publish(gateway, try token()).status == 201, "signed ones as before")
        let questions = neighbour.requests.filter { $0.path == "/introspect" }
        #expect(questions.count == 2)
        let expected = Base64.encode(
          ByteSlice(utf8: "gateway:the%20client%27s%20secret"), as: .standard)
        #expect(questions.allSatisfy { $0.fields["authorization"] == "Basic \(expected)" })
        neighbour.answer { _ in .init("", status: 500) }
        let unknown = try await publish(gateway, "never-seen")
        #expect(unknown.status == 503 && unknown.text.contains("auth_unavailable"))
        #expect(try await publish(gateway, "good-one").status == 201, "remembered")
        #expect(!(await gateway.logText).contains("client's secret"))
      }
    }

    @Test func `an open stream ends when its opaque token is taken back at the issuer`()
      async throws
    {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      let keys = try TestIssuer.keySet().text
      let claims = """
        {"active":true,"sub":"alice","aud":"\(issuer.audience)","exp":\(Self.now.seconds + 600)}
        """
      neighbour.answer { .init($0.path == "/introspect" ? claims : keys) }
      let more = """
        , introspection: {url: "\(neighbour.url)/introspect", clientID: gateway,
          clientSecret: "file:secret", addresses: [127.0.0.1], lifetime: 1s}
        """
      try await withIssuer(neighbour, more: more) { gateway, management in
        try await ready(management)
        #expect(try await publish(gateway, "opaque-one").status == 201)
        let stream = "\(await gateway.url)/v1/topics/~/orders/events"
        async let told = curl(
          "-N", "--max-time", "600", stream, "-H", "Authorization: Bearer opaque-one", "-H",
          "Accept: text/event-stream")
        while try await !curl("http://\(management)/metrics").contains("jodrell_streams_open 1") {
          try await Task.sleep(for: .milliseconds(20))
        }
        // It lives by further answers.
        let asked = neighbour.requests.count
        while neighbour.requests.count < asked + 2 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(
          try await curl("http://\(management)/metrics").contains("jodrell_streams_open 1"))
        neighbour.answer { .init($0.path == "/introspect" ? #"{"active":false}"# : keys) }
        let end = try await told
        #expect(end.contains("event: jodrell.end") && end.contains("invalid_token"))
      }
    }

    @Test func `an API key opens its own door and no other`() async throws {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, _ in
        let field = ("X-API-Key", Self.apiKey)
        #expect(try await publish(gateway, nil, fields: [field]).status == 201)
        #expect(try await publish(gateway, nil, fields: [("X-API-Key", "wrong")]).status == 401)
        #expect(try await publish(gateway, Self.apiKey).status == 401, "no bearer token")
        #expect(try await publish(gateway, try token(), fields: [field]).status == 400)
        let read = try await gateway.send("GET", "/v1/topics/~/orders/events", fields: [field])
        #expect(read.status == 403)
      }
    }

    @Test func `a token bound to a key needs a fresh proof each time`() async throws {
      let neighbour = try Self.servingKeys()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, management in
        try await ready(management)
        let prover = try Prover()
        let bound = try token(["cnf": ["jkt": try prover.thumbprint]])
        // A proof is good for a minute.
        try await gateway.promptly {
          func fields(_ proof: String) -> [(String, String)] {
            [("Authorization", "DPoP \(bound)"), ("DPoP", proof)]
          }
          let url = "https://events.example/base/v1/topics/~/orders/events"
          let proof = try prover.proof("POST", url, for: bound, at: Self.now)
          #expect(try await publish(gateway, nil, fields: fields(proof)).status == 201)
          let replayed = try await publish(gateway, nil, fields: fields(proof))
          #expect(replayed.status == 401 && replayed.text.contains("invalid_dpop_proof"))
          #expect(replayed.field("www-authenticate")?.hasPrefix("DPoP realm=") == true)
          let fresh = try prover.proof("POST", url, for: bound, at: Self.now)
          #expect(try await publish(gateway, nil, fields: fields(fresh)).status == 201)
          let elsewhere = try prover.proof("POST", url + "2", for: bound, at: Self.now)
          #expect(try await publish(gateway, nil, fields: fields(elsewhere)).status == 401)
          let thief = try Prover().proof("POST", url, for: bound, at: Self.now)
          #expect(try await publish(gateway, nil, fields: fields(thief)).status == 401)
          #expect(try await publish(gateway, bound).status == 401, "bound, but shown as a bearer's")
        }
      }
    }

    @Test func `a nonce that is asked for is handed out`() async throws {
      let neighbour = try Self.servingKeys()
      defer { neighbour.stop() }
      try await withIssuer(neighbour, top: "dpop: {nonce: true}") { gateway, management in
        try await ready(management)
        let prover = try Prover()
        let bound = try token(["cnf": ["jkt": try prover.thumbprint]])
        let url = "https://events.example/base/v1/topics/~/orders/events"
        func attempt(_ nonce: String?) async throws -> Answer {
          try await gateway.promptly {
            let proof = try prover.proof("POST", url, for: bound, at: Self.now, nonce: nonce)
            return try await publish(
              gateway, nil, fields: [("Authorization", "DPoP \(bound)"), ("DPoP", proof)])
          }
        }
        let first = try await attempt(nil)
        #expect(first.status == 401 && first.text.contains("use_dpop_nonce"))
        let nonce = try #require(first.field("dpop-nonce"))
        #expect(try await attempt(nonce).status == 201)
      }
    }

    /// None of the vectors' tokens names an issuer, so that even the well-signed ones must be
    /// refused; what they are to the verifier itself is tested beside it.
    @Test(.enabled(if: ConformanceData.isThere))
    func `no token of Wycheproof opens anything or breaks anything`() async throws {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, _ in
        var sent = 0
        for file in ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test"] {
          let groups = try ConformanceData.object("wycheproof/\(file).json")["testGroups"]
          for group in groups as? [[String: Any]] ?? [] {
            for test in group["tests"] as? [[String: Any]] ?? [] {
              guard let text = (test["jws"] ?? test["jwe"]) as? String,
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), text.utf8.count < 8_000
              else { continue }
              let answer = try await gateway.send("GET", "/v1/whoami", token: text)
              #expect([400, 401].contains(answer.status), "\(file) \(test["tcId"] ?? "")")
              sent += 1
            }
          }
        }
        #expect(sent > 400)
        #expect(try await gateway.send("GET", "/healthz").status == 200)
      }
    }

    @Test func `a caller without a token learns where tokens come from`() async throws {
      let neighbour = try HTTPNeighbour()
      defer { neighbour.stop() }
      try await withIssuer(neighbour) { gateway, _ in
        let answer = try await publish(gateway, nil)
        let place = "https://events.example/.well-known/oauth-protected-resource/base"
        #expect(
          answer.field("www-authenticate")
            == "Bearer realm=\"jodrell\", resource_metadata=\"\(place)\""
            + ", DPoP realm=\"jodrell\", algs=\"ES256 EdDSA PS256 RS256\"")
        for path in ["", "/base"] {
          let document = try await gateway.send(
            "GET", "/.well-known/oauth-protected-resource" + path)
          #expect(document.status == 200)
          #expect(document.text.contains(#""resource":"https://events.example/base""#))
          #expect(document.text.contains(issuer.iss) && !document.text.contains("tills"))
        }
        let other = try await gateway.send(
          "GET", "/.well-known/oauth-protected-resource/other")
        #expect(other.status == 404)
      }
    }
  }
}
