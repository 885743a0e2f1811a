import Testing

/// The list of a namespace's topics: its pages, and what looking for them takes of the loop.
@Suite struct ListingTests {
  private let namespace = "/v1/topics/acme/shop"

  private func prepared() async throws -> TestGateway {
    let gateway = try TestGateway()
    for name in ["a", "b", "c", "d", "orders"] {
      #expect(try await gateway.send("PUT", "\(namespace)/\(name)", [:], "{}").status == 201)
    }
    return gateway
  }

  private func names(_ answer: TestGateway.Answer) throws -> [String?] {
    let topics = try #require(try answer.json["topics"] as? [[String: Any]])
    return topics.map { $0["topic"] as? String }
  }

  @Test("pages follow one another, and the last one says so")
  func pages() async throws {
    let gateway = try await prepared()
    let turns = await gateway.turns
    var (path, pages) = ("\(namespace)?limit=2", [[String?]]())
    while true {
      let page = try await gateway.send("GET", path)
      #expect(page.status == 200)
      pages.append(try names(page))
      guard let next = try page.json["next"] as? String else {
        #expect(page.fields["link"] == nil)
        break
      }
      path = "\(namespace)?limit=2&after=\(next)"
      #expect(page.fields["link"] == "<\(path)>; rel=\"next\"")
    }
    #expect(pages == [["a", "b"], ["c", "d"], ["orders"]])
    #expect(await gateway.turns == turns)
  }

  @Test("a walk for the few that a caller may see leaves the loop its turns")
  func sparse() async throws {
    let gateway = try await prepared()
    let turns = await gateway.turns
    let list = try await gateway.send("GET", "\(namespace)?limit=1", as: "rita")
    #expect(list.status == 200)
    #expect(try names(list) == ["orders"])
    #expect(try list.json["next"] == nil)
    #expect(await gateway.turns > turns)
  }
}
