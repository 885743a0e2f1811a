import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

/// Two tenants with the same names for everything: acme, whose caller looks around, and globex,
/// whose every value carries a canary that must never be seen by acme.
struct Twins: Sendable {
  let ground: AbuseGround
  let canary: String
  /// Acme's caller: staff and owner.
  let acme: String
  let globex: String

  var gateway: GatewayChild { ground.gateway }

  static func run(_ body: (Twins) async throws -> Void) async throws {
    let canary = "canary\(UInt64.random(in: .min ... .max))"
    let mapping = """
      - {id: \(canary), issuer: remote, when: {"/\(canary)": {exists: true}}, tenant: globex, \
      principal: "{/sub}", allow: [{publish: ["\(canary)/*"]}]}
      """
    try await AbuseGround.run(mappings: mapping) { ground in
      let twins = Twins(
        ground: ground, canary: canary, acme: try ground.token(["owner": "acme"]),
        globex: try ground.token(["sub": canary], tenant: "globex"))
      try await twins.fill("acme", twins.acme, mark: "own", events: 3)
      try await twins.fill("globex", twins.globex, mark: twins.canary, events: 7)
      try await body(twins)
    }
  }

  /// Gives a tenant a topic with events, a schema, a binding, a subscription with a lease, a
  /// document and a namespace's policy; `mark` is in each of them.
  private func fill(_ tenant: String, _ token: String, mark: String, events: Int) async throws {
    let topic = "/v1/topics/\(tenant)/shop/orders"
    func make(
      _ method: StaticString, _ path: String, _ body: String, type: String = "application/json",
      fields: [(String, String)] = []
    ) async throws {
      let answer = try await gateway.send(
        method, path, token: token, fields: fields, body: body, type: type)
      #expect((200..<300).contains(answer.status), "\(method) \(path): \(answer.text)")
    }
    let schema = "application/schema+json"
    try await make("PUT", "/v1/namespaces/\(tenant)/shop", #"{"autoCreate":true}"#)
    try await make(
      "PUT", "/v1/schemas/\(tenant)/shop/common/address?uri=https://\(mark).example/address",
      #"{"title":"\#(mark)","type":"object"}"#, type: schema)
    try await make(
      "PUT", topic + "/schema",
      #"{"title":"\#(mark)","properties":{"note":{"enum":["x","\#(mark)"]},"n":{"type":"integer"}}}"#,
      type: schema)
    for number in 0..<events {
      try await make(
        "POST", topic + "/events", #"{"note":"\#(mark)","n":\#(number)}"#,
        fields: [
          ("ce-specversion", "1.0"), ("ce-id", "\(mark)-\(number)"), ("ce-source", "urn:\(mark)"),
          ("ce-type", "\(mark).made"), ("Event-Key", mark),
        ])
    }
    try await make(
      "PUT", topic + "/subscriptions/workers",
      #"{"type":"shared","initialPosition":"earliest","ackTimeout":"0s"}"#)
    try await make("POST", topic + "/subscriptions/workers/receive", #"{"max":1}"#)
    if mark == canary {
      // What a list, a count or a hint could give away.
      try await make("PUT", "/v1/topics/\(tenant)/shop/\(mark)", "{}")
      try await make("PUT", "/v1/topics/\(tenant)/\(mark)/orders", "{}")
      try await make("PUT", topic + "/subscriptions/\(mark)", "{}")
      try await make("PUT", "/v1/schemas/\(tenant)/shop/\(mark)", "{}", type: schema)
    }
  }

  /// What globex sees of its own; nothing that acme does may change it.
  func globexView() async throws -> [String] {
    var view: [String] = []
    for path in [
      "/v1/topics/globex/shop", "/v1/topics/globex/shop/orders/events?from=earliest",
      "/v1/topics/globex/shop/orders/schema", "/v1/topics/globex/shop/orders/schemas",
      "/v1/topics/globex/shop/orders/schema/binding",
      "/v1/topics/globex/shop/orders/schema/default",
      "/v1/schemas/globex/shop", "/v1/schemas/globex/shop/common/address?view=description",
      "/v1/namespaces/globex/shop", "/v1/tenants/globex",
    ] {
      let answer = try await gateway.send("GET", path, token: globex)
      // Tenants are for owners; what is asked is that the answer stays.
      view.append("\(path) \(answer.status) \(anonymous(answer))")
    }
    let subscription = try await gateway.send(
      "GET", "/v1/topics/globex/shop/orders/subscriptions/workers", token: globex)
    for member in ["backlog", "unacked"] {
      view.append("\(member) \(try subscription.json[member]?.raw.text ?? "-")")
    }
    return view
  }

  /// Nothing of globex's may be in an answer to acme: not a byte, a name or a label.
  func expectNothing(of answer: Answer, _ place: String) {
    #expect(!answer.everything.contains(canary), "\(place): \(answer.everything)")
  }
}

/// An answer's body without what differs between any two requests.
func anonymous(_ answer: Answer) -> String {
  answer.text.replacing(answer.field("request-id") ?? "-", with: "")
}

extension Answer {
  /// Fields and body as one text.
  var everything: String {
    names.sorted().map { "\($0): \(field($0) ?? "")\n" }.joined() + "\n" + text
  }
}
