import Authentication
import Bytes
import Crypto
import Foundation
import JSONText
import TestSupport
import Testing

extension EndToEnd.Abuse {
  private typealias Object = [String: Any]

  /// Vectors that are judged by the rule, not by the file: a key's `alg` that is not the token's
  /// (346, 350), the unregistered name ES521 (347, 351), text with `?` in it (372, 373), and the
  /// two that are marked invalid but equal to the valid 357 (367, 370).
  private static let overridden: [Int: Bool] = [
    346: false, 350: false, 347: false, 351: false, 372: false, 373: false, 367: true, 370: true,
  ]

  /// Project Wycheproof's signatures as tokens: each of its keys is an issuer's. The private keys
  /// are published with it, so that what its valid vectors say with their header can be said as a
  /// token, and what its invalid ones say of algorithms and uses be well signed and refused all the
  /// same.
  @Test(.enabled(if: ConformanceData.isThere), .timeLimit(.minutes(15)))
  func `keys of Wycheproof open with what is good of them and with nothing else`() async throws {
    let file = try ConformanceData.object("wycheproof/json_web_signature_test.json")
    // A secret of one byte over and over is refused with the configuration; its vectors are held
    // against the verifier alone.
    let groups = try #require(file["testGroups"] as? [Object]).filter { group in
      guard let secret = (group["private"] as? Object)?["k"] as? String else { return true }
      return Set((Base64.decode(ByteSlice(utf8: secret), as: .url) ?? .empty).array).count > 1
    }
    let folder = try Workplace.directory("wycheproof")
    defer { try? FileManager.default.removeItem(at: folder) }
    let neighbour = try HTTPNeighbour()
    var sets: [String: String] = ["/keys": try TestIssuer.keySet([.rs256, .es256]).text]
    var issuers: [String] = []
    for (index, group) in groups.enumerated() {
      let key = try #require((group["public"] ?? group["private"]) as? Object)
      let start =
        "- {id: w\(index), iss: \"https://w\(index).example\", audiences: [event-gateway], "
      if let secret = key["k"] as? String {
        let place = folder.appending(path: "\(index)")
        let bytes = Base64.decode(ByteSlice(utf8: secret), as: .url) ?? .empty
        try Data(bytes.array).write(to: place)
        issuers.append(
          start + "keys: {secret: \"file:\(place.path())\", kid: \"\(key["kid"] ?? "")\"}}")
      } else {
        let text = try JSONSerialization.data(withJSONObject: ["keys": [key]])
        sets["/w\(index)"] = String(decoding: text, as: UTF8.self)
        // A key that does not say what it is for has the usual meaning.
        let all = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512"
        issuers.append(
          start + (key["alg"] == nil ? "" : "algorithms: [\(all)], ")
            + "keys: {url: \"\(neighbour.url)/w\(index)\", addresses: [127.0.0.1], lazy: true}}")
      }
    }
    let mappings = groups.indices.map { index in
      "- {id: w\(index), issuer: w\(index), when: {\"/sub\": {exists: true}}, tenant: acme, "
        + "principal: \"{/sub}\", allow: [{publish: [\"*/*\"]}]}"
    }
    neighbour.answer { [sets] request in .init(sets[request.path] ?? "") }
    let attempts = try Self.attempts(groups)
    try await AbuseGround.run(
      issuers: issuers.joined(separator: "\n  "), mappings: mappings.joined(separator: "\n  "),
      neighbour: neighbour
    ) { ground in
      try await untilAllWereAsked(ground.gateway)
      for attempt in attempts {
        let bytes = Attempt.call("GET", "/v1/whoami", attempt.token).bytes
        let status = try await ground.gateway.exchange(bytes).answer.status
        #expect(
          attempt.isGood ? status == 200 : status == 401 || status == 400,
          "\(attempt.vector): \(status)")
      }
    }
    #expect(attempts.count { $0.isGood } >= 35 && attempts.count { !$0.isGood } >= 280)
  }

  private struct VectorAttempt: Sendable {
    let vector: String
    let token: String
    let isGood: Bool
  }

  private static func attempts(_ groups: [Object]) throws -> [VectorAttempt] {
    var attempts: [VectorAttempt] = []
    for (index, group) in groups.enumerated() {
      let key = try #require(group["private"] as? Object)
      for vector in group["tests"] as? [Object] ?? [] {
        guard let id = vector["tcId"] as? Int, let text = vector["jws"] as? String else { continue }
        let isGood = overridden[id] ?? (vector["result"] as? String == "valid")
        for token in try tokens(of: text, key, issuer: index, isGood: isGood) {
          attempts.append(
            VectorAttempt(
              vector: "\(id) \(vector["comment"] ?? "")", token: token, isGood: isGood))
        }
      }
    }
    return attempts
  }

  private func untilAllWereAsked(_ gateway: GatewayChild) async throws {
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      let told = try JSONDocument(parsing: ByteSlice(utf8: try await gateway.observed("/readyz")))
      let waiting = told.root["issuers"]?.elements.filter {
        $0["keys"]?.integer == 0 && $0["fault"] == nil
      }
      if waiting?.isEmpty == true { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("keys were not fetched")
  }

  /// What a vector comes to as tokens of the issuer that has its key.
  private static func tokens(
    of vector: String, _ key: Object, issuer: Int, isGood: Bool
  ) throws -> [String] {
    let parts = vector.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let now = AbuseGround.now.seconds
    let claims = ByteSlice(
      utf8: "{\"iss\":\"https://w\(issuer).example\",\"aud\":\"event-gateway\",\"sub\":\"w\","
        + "\"exp\":\(now + 600),\"iat\":\(now)}")
    let header = Base64.decode(ByteSlice(utf8: parts[0]), as: .url) ?? .empty
    let root = try? JSONDocument(parsing: header).root
    let algorithm = (root?["alg"]?.string).flatMap { SignatureAlgorithm(named: $0) }
    var tokens: [String] = []
    if !isGood, parts.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }) {
      // Its header and signature around claims of ours.
      var changed = parts
      if changed.count > 1 { changed[1] = Base64.encode(claims, as: .url) }
      let token = changed.joined(separator: ".")
      if !token.isEmpty, token.utf8.count < 8_000 { tokens.append(token) }
    }
    // Well signed: where it is good, or what is bad is what it is signed with.
    let isMismatch = (key["alg"] as? String).map { $0 != root?["alg"]?.text } ?? true
    if isGood || isMismatch, let algorithm,
      let minter = try minter(key, algorithm, id: key["kid"] as? String)
    {
      tokens.append(try minter.mint(header: header, claims: claims).text)
    }
    return tokens
  }

  private static func minter(
    _ key: Object, _ algorithm: SignatureAlgorithm, id: String?
  ) throws -> TokenMinter? {
    func bytes(_ name: String) -> ByteSlice {
      Base64.decode(ByteSlice(utf8: key[name] as? String ?? ""), as: .url) ?? .empty
    }
    let id = id.map { ByteSlice(utf8: $0) }
    switch (key["kty"] as? String, algorithm.isSymmetric) {
    case ("oct", true):
      return TokenMinter(try SecretKey(bytes("k"), for: algorithm), keyID: id)
    case ("RSA", false) where algorithm.keyType == .rsa:
      // RFC 8017 A.1.2.
      let numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map { DER.integer(bytes($0)) }
      let text = DER.sequence([DER.integer(ByteSlice([0]))] + numbers)
      return TokenMinter(try PrivateKey(der: text, for: algorithm), keyID: id)
    case ("EC", false) where algorithm == .es256 || algorithm == .es512:
      guard (key["crv"] as? String == "P-256") == (algorithm == .es256) else { return nil }
      // RFC 5915 §3.
      let curve: [UInt8] =
        algorithm == .es256
        ? [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        : [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23]
      let point = [0x00, 0x04] + bytes("x").array + bytes("y").array
      let text = DER.sequence([
        DER.integer(ByteSlice([1])), DER.value(0x04, bytes("d").array), DER.value(0xA0, curve),
        DER.value(0xA1, DER.value(0x03, point)),
      ])
      return TokenMinter(try PrivateKey(der: text, for: algorithm), keyID: id)
    default: return nil
    }
  }
}

/// As much of DER (X.690) as private keys need.
private enum DER {
  static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    switch content.count {
    case ..<128: [tag, UInt8(content.count)] + content
    case ..<256: [tag, 0x81, UInt8(content.count)] + content
    default: [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
    }
  }

  static func integer(_ number: ByteSlice) -> [UInt8] {
    value(0x02, (number.array.first ?? 0) >= 0x80 ? [0] + number.array : number.array)
  }

  static func sequence(_ parts: [[UInt8]]) -> ByteSlice {
    ByteSlice(value(0x30, parts.flatMap(\.self)))
  }
}
