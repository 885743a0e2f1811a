import Bytes
import Crypto
import Foundation
import HTTPWire
import TestSupport
import Testing

@testable import Network

/// Proxies in front: the PROXY protocol of a connection, the fields of a request.
@Suite("Proxies", .serialized)
struct ProxyTests {
  private static let request = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let header = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"

  private func trusted(_ blocks: String...) -> TrustedPeers {
    TrustedPeers(blocks: blocks.compactMap { AddressRange(parsing: ByteSlice(utf8: $0)) })
  }

  private func withProxied(
    _ change: (inout ServerConfiguration) -> Void,
    _ body: (Server<TestResponder>, Peer) async throws -> Void
  ) async throws {
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0)])
    configuration.loops = 1
    change(&configuration)
    let journal = Journal()
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, journal) }
    let loop = try Loop(number: 96)
    var thrown: (any Error)?
    do { try await body(server, Peer(loop: loop, port: server.port)) } catch { thrown = error }
    await server.drain(within: .seconds(1))
    await loop.stop()
    if let thrown { throw thrown }
  }

  @Test("the header says who it is, cut anywhere, and before each request of its connection")
  func peers() async throws {
    try await withProxied({ $0.listeners[0].proxies = trusted("127.0.0.0/8") }) { server, peer in
      let whole = Array((Self.header + Self.request + Self.request).utf8)
      for cut in stride(from: 1, to: Self.header.utf8.count + 3, by: 3) {
        let pieces = [ByteSlice(whole[..<cut]), ByteSlice(whole[cut...])]
        let (text, _) = try await peer.loop.run { loop in
          try await peer.exchange(
            pieces, pause: .milliseconds(2), quiet: .seconds(20), halfClose: true, on: loop)
        }
        #expect(bodies(text) == ["192.0.2.1", "192.0.2.1"], "cut at \(cut)")
      }
      // One that says nothing about anybody.
      let (own, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes("PROXY UNKNOWN\r\n" + Self.request)], quiet: .seconds(20), halfClose: true,
          on: loop)
      }
      #expect(bodies(own) == ["127.0.0.1"])
      #expect(server.counters.badProxyHeaders == 0)
      #expect(server.counters.proxied > 10)
    }
  }

  @Test("without the header, with half of one or with a wrong one a connection is closed")
  func required() async throws {
    try await withProxied({ $0.listeners[0].proxies = trusted("127.0.0.1") }) { server, peer in
      for (index, pieces) in [
        [Self.request], ["PROXY TCP4 192.0.2.1 x 1 1\r\n" + Self.request], ["PROXY TCP4 192.0"],
        ["\u{16}\u{3}\u{1}"], [""],
      ].enumerated() {
        let (text, ending) = try await peer.loop.run { loop in
          try await peer.exchange(
            pieces.map { bytes($0) }, quiet: .seconds(20), halfClose: true, on: loop)
        }
        #expect(text.isEmpty, "nothing is said")
        #expect(ending != .quiet)
        await peer.until(server) { $0.badProxyHeaders == index + 1 }
        #expect(server.counters.badProxyHeaders == index + 1)
      }
      #expect(server.counters.requests == 0)
    }
  }

  @Test("a header that does not come is not waited for longer than a head")
  func slow() async throws {
    try await withProxied({
      $0.listeners[0].proxies = trusted("127.0.0.1")
      $0.limits.headTime = .milliseconds(100)
    }) { server, peer in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange([bytes("PROXY ")], quiet: .seconds(20), on: loop)
      }
      #expect(text.isEmpty)
      #expect(ending != .quiet)
      #expect(server.counters.slowProxyHeaders == 1)
    }
  }

  @Test("others than the proxies are closed unheard")
  func strangers() async throws {
    try await withProxied({ $0.listeners[0].proxies = trusted("10.0.0.0/8") }) { server, peer in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(Self.header + Self.request)], quiet: .seconds(20), on: loop)
      }
      #expect(text.isEmpty)
      #expect(ending != .quiet)
      #expect(server.counters.untrustedProxies == 1)
      // The socket is closed before it is counted out.
      await peer.loop.run { loop in
        await peer.until(on: loop) { server.counters.openConnections == 0 }
      }
      #expect(server.counters.openConnections == 0)
    }
  }

  @Test("the header stands in front of TLS and of HTTP/2")
  func below() async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:localhost,IP:127.0.0.1")
    let identity = try ServerIdentity(
      certificate: authority.bytes("server.pem"), key: authority.bytes("server.key"))
    let door = TLSDoor(try TLSServer([identity], clients: .notAsked))
    try await withProxied({
      $0.listeners = [
        ListenerConfiguration(host: "127.0.0.1", port: 0, tls: door),
        ListenerConfiguration(host: "127.0.0.1", port: 0),
      ]
      for index in 0..<2 { $0.listeners[index].proxies = trusted("127.0.0.1") }
    }) { server, _ in
      for options in [
        ["--http1.1", "https://localhost:\(server.ports[0])/peer"],
        ["--http2", "https://localhost:\(server.ports[0])/peer"],
        ["--http2-prior-knowledge", "http://localhost:\(server.ports[1])/peer"],
      ] {
        let curl = try await ChildProgram.run(
          "curl",
          [
            "-sS", "--max-time", "30", "--cacert", authority.path("ca.pem"), "--haproxy-protocol",
            "-w", "%{http_version}",
          ] + options)
        let version = options[0] == "--http1.1" ? "1.1" : "2"
        #expect(curl.output == "127.0.0.1" + version, "\(curl.errors)")
      }
      #expect(server.counters.proxied == 3)
    }
  }

  @Test("a request's fields name its client where a trusted proxy passes it on, and nowhere else")
  func fields() async throws {
    @Sendable func named(_ forwarded: String) -> ByteSlice {
      bytes("GET /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(forwarded)\r\n\r\n")
    }
    let requests = [named("1.1.1.1, 192.0.2.1"), named("192.0.2.7"), bytes(Self.request)]
    for (blocks, expected) in [
      (["127.0.0.1"], ["192.0.2.1", "192.0.2.7", "127.0.0.1"]),
      (["10.0.0.0/8"], ["127.0.0.1", "127.0.0.1", "127.0.0.1"]),
    ] {
      let ranges = blocks.compactMap { AddressRange(parsing: ByteSlice(utf8: $0)) }
      try await withProxied({
        $0.forwarding = Forwarding(field: .xForwardedFor, trusted: TrustedPeers(blocks: ranges))
      }) { _, peer in
        let (text, _) = try await peer.loop.run { loop in
          try await peer.exchange(requests, quiet: .seconds(20), halfClose: true, on: loop)
        }
        #expect(bodies(text) == expected)
      }
    }
    // Behind the PROXY protocol it is whom that names who must be a trusted proxy.
    try await withProxied({
      $0.listeners[0].proxies = trusted("127.0.0.1")
      $0.forwarding = Forwarding(field: .xForwardedFor, trusted: trusted("192.0.2.1"))
    }) { _, peer in
      let (text, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(Self.header), named("203.0.113.5")], quiet: .seconds(20), halfClose: true,
          on: loop)
      }
      #expect(bodies(text) == ["203.0.113.5"])
    }
  }
}

extension Peer {
  /// Waits until the server has counted what it should.
  fileprivate func until(
    _ server: Server<TestResponder>, _ holds: @Sendable @escaping (ServerCounters) -> Bool
  ) async {
    let counters = server.counters
    await loop.run { loop in await self.until(on: loop) { holds(counters) } }
  }
}
