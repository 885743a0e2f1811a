import Testing

/// A topic that is deleted between the head of a publish and its commit.
@Suite struct DeletionRaceTests {
  private static let topic = "/v1/topics/acme/shop/raced"
  private static let events = topic + "/events"

  private static let bodies: [(type: String, body: String, query: String)] = [
    ("application/json", "{}", ""),
    ("application/x-ndjson", "{}\n{}\n", "?atomic=true"),
    ("application/x-ndjson", "{}\n{}\n", ""),
  ]

  /// Publishes while the topic is deleted.
  private func race(
    _ gateway: TestGateway, _ type: String, _ body: String, _ query: String
  ) async throws -> TestGateway.Answer {
    #expect(try await gateway.send("POST", Self.events, [:], "{}").status == 201)
    return try await gateway.send(
      "POST", Self.events + query, ["Content-Type": type], body,
      beforeBody: {
        let gone = try await gateway.send("DELETE", Self.topic)
        #expect(gone.status == 204)
      })
  }

  @Test(arguments: bodies)
  func `where topics are made on first use it may come again`(
    _ type: String, _ body: String, _ query: String
  ) async throws {
    let gateway = try TestGateway()
    let answer = try await race(gateway, type, body, query)
    #expect(answer.status == 503)
    #expect(answer.body.contains("\"overloaded\""))
    #expect(answer.fields["retry-after"] != nil)
    let again = try await gateway.send(
      "POST", Self.events + query, ["Content-Type": type], body)
    #expect(again.status / 100 == 2)
  }

  @Test func `elsewhere the topic is not found`() async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("PUT", Self.topic, [:], "{}").status == 201)
    let closed = try await gateway.send(
      "PUT", "/v1/namespaces/acme/shop", [:], #"{"autoCreate": false}"#)
    #expect(closed.status / 100 == 2)
    let answer = try await race(gateway, "application/json", "{}", "")
    #expect(answer.status == 404)
  }
}
