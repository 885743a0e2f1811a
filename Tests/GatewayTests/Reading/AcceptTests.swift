import Bytes
import Testing

@testable import Gateway

/// What is read of `Accept` and of media types.
@Suite struct AcceptTests {
  private let events = "/v1/topics/acme/shop/orders/events"

  @Test("several lines of Accept are one list")
  func lines() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, ["Content-Type": "application/json"], "{}")
    for (first, second, type) in [
      ("image/png", "application/json", "application/json"),
      ("text/html, image/*", "application/x-ndjson", "application/x-ndjson"),
      ("application/json;q=0.5", "text/event-stream;q=0.7", "text/event-stream"),
      ("text/event-stream;q=0", "*/*", "application/json"), ("", "text/*", "text/event-stream"),
      (#"text/html;x="a,b;c""#, "application/json", "application/json"),
    ] {
      let answer = try await gateway.send(
        "GET", "\(events)?from=earliest", ["Accept": first, "accept": second], steps: 1)
      #expect(answer.status == 200, "\(first) and \(second)")
      #expect(answer.fields["content-type"] == type, "\(first) and \(second)")
    }
    let neither = try await gateway.send(
      "GET", events, ["Accept": "image/png", "accept": "text/html"])
    #expect(neither.status == 406)
  }

  @Test("a quoted parameter may hold what parts the others")
  func parameters() throws {
    let type = try MediaType(
      ByteSlice(utf8: #"Application/Schema+JSON; title="a;b=\"c\""; Version=draft-07;"#))
    #expect(type.essence == "application/schema+json")
    #expect(type.parameters.map { $0.name } == ["title", "version"])
    #expect(type.parameters.map { $0.value } == [#"a;b="c""#, "draft-07"])
    for malformed in [#"a/b; x="y"#, #"a/b; x="y"z"#, "a/b; x", "a; x=y", "a/b/c"] {
      #expect(throws: Refusal.self, "\(malformed)") {
        try MediaType(ByteSlice(utf8: malformed))
      }
    }
  }
}
