import Authentication
import Bytes
import Fetching
import Settings
import TestSupport
import Testing

@Suite struct `Fetching over HTTP` {
  private func fetch(
    _ path: String, of neighbour: HTTPNeighbour, rules: FetchRules = Harness.loopback,
    limit: Int = 1_000
  ) async throws -> Result<FetchedDocument, FetchFault> {
    try await Harness.run { harness in
      await harness.fetch(
        Fetch(url: ByteSlice(utf8: neighbour.url + path), rules: rules, limit: limit))
    }
  }

  private func fault(_ result: Result<FetchedDocument, FetchFault>) -> FetchFault? {
    if case .failure(let fault) = result { fault } else { nil }
  }

  @Test func `a document comes with its lifetime`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    neighbour.answer { _ in .init("{}", fields: ["Cache-Control": "public, max-age=600"]) }
    let document = try await fetch("/keys?x=1", of: neighbour).get()
    #expect(document.body == ByteSlice(utf8: "{}"))
    #expect(document.maxAge == .seconds(600))
    let request = try #require(neighbour.requests.first)
    #expect(request.method == "GET" && request.path == "/keys?x=1")
    #expect(request.fields["accept"] == "application/json")
    #expect(request.fields["authorization"] == nil)
  }

  @Test func `a private address that is not listed is not connected to`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    neighbour.answer { _ in .init("{}") }
    let result = try await fetch("/", of: neighbour, rules: FetchRules())
    #expect(fault(result) == .addressRefused)
    // Whatever the name: it is the address that counts.
    let named = try await Harness.run { harness in
      await harness.fetch(
        Fetch(
          url: ByteSlice(utf8: "http://localhost:\(neighbour.port)/"), rules: FetchRules()))
    }
    #expect(fault(named) == .addressRefused)
    #expect(neighbour.requests.isEmpty)
  }

  @Test func `redirects are not followed`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    neighbour.answer { _ in .init("", status: 302, fields: ["Location": "/other"]) }
    #expect(fault(try await fetch("/", of: neighbour)) == .status(302))
    #expect(neighbour.requests.count == 1)
  }

  @Test func `too long a document is cut off, announced or not`() async throws {
    let neighbour = try HTTPNeighbour()
    defer { neighbour.stop() }
    let long = String(repeating: "x", count: 5_000)
    neighbour.answer { _ in .init(long) }
    #expect(fault(try await fetch("/", of: neighbour)) == .tooLarge(limit: 1_000))
  }

  @Test func `another status is a fault, and so is nobody there`() async throws {
    let neighbour = try HTTPNeighbour()
    neighbour.answer { _ in .init("{}", status: 500) }
    #expect(fault(try await fetch("/", of: neighbour)) == .status(500))
    neighbour.stop()
    let nobody = try await Harness.run { harness in
      await harness.fetch(
        Fetch(url: ByteSlice(utf8: "http://127.0.0.1:1/"), rules: Harness.loopback))
    }
    guard case .connection = fault(nobody) else {
      Issue.record("\(nobody)")
      return
    }
  }

  @Test func `what waits when the thread ends fails`() async throws {
    let harness = try Harness()
    harness.thread.stop()
    let result = await harness.fetch(
      Fetch(url: ByteSlice(utf8: "http://127.0.0.1:1/"), rules: Harness.loopback))
    #expect(fault(result) == .overloaded)
  }
}

@Suite struct `Addresses that may be connected to` {
  @Test(arguments: [
    ("https://login.example/keys", true), ("https://login.example:8443", true),
    ("http://127.0.0.1:8080/keys", true), ("http://localhost/keys", true),
    ("http://[::1]:80/keys", true), ("http://login.example/keys", false),
    ("http://localhost.evil.example/keys", false), ("http://127.0.0.1@evil.example/", false),
    ("https://user@login.example/", false), ("file:///etc/passwd", false), ("https://", false),
    ("https://login.example/#x", false), ("https://login example/", false), ("gopher://x/", false),
    ("HTTPS://login.example/", false),
  ])
  func `URLs that may be fetched`(_ url: String, _ isGood: Bool) {
    #expect(FetchRules.isURL(ByteSlice(utf8: url)) == isGood)
  }
}
