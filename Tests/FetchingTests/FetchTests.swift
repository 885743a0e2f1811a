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
    ("127.0.0.1", [127, 0, 0, 1], true), ("10.0.0.0/8", [10, 200, 3, 4], true),
    ("10.0.0.0/8", [11, 0, 0, 1], false), ("192.168.1.0/25", [192, 168, 1, 127], true),
    ("192.168.1.0/25", [192, 168, 1, 128], false), ("0.0.0.0/0", [8, 8, 8, 8], true),
  ])
  func `blocks of IPv4`(_ text: String, _ address: [UInt8], _ isIn: Bool) throws {
    let range = try #require(AddressRange(parsing: ByteSlice(utf8: text)))
    #expect(range.contains(address) == isIn)
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + address
    #expect(range.contains(mapped) == isIn)
  }

  @Test func `blocks of IPv6`() throws {
    let range = try #require(AddressRange(parsing: ByteSlice(utf8: "fd00:1::/32")))
    #expect(range.contains([0xFD, 0, 0, 1] + [UInt8](repeating: 9, count: 12)))
    #expect(!range.contains([0xFD, 0, 0, 2] + [UInt8](repeating: 9, count: 12)))
    let one = try #require(AddressRange(parsing: ByteSlice(utf8: "::1")))
    #expect(one.contains([UInt8](repeating: 0, count: 15) + [1]))
    let whole = try #require(AddressRange(parsing: ByteSlice(utf8: "2001:db8:1:2:3:4:5:6")))
    #expect(whole.bytes == [0x20, 1, 0x0D, 0xB8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6])
  }

  @Test(arguments: [
    "", "10", "10.0.0.0/33", "10.0.0.1/8", "256.0.0.1", "1.2.3.4.5", "01.2.3.4", "a.b.c.d", "/8",
    "::1::", ":::", "12345::", "1:2:3:4:5:6:7", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "::g",
  ])
  func `what is no block`(_ text: String) {
    #expect(AddressRange(parsing: ByteSlice(utf8: text)) == nil)
  }

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
