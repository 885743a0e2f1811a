import Bytes
import Crypto
import Glibc
import HTTPWire
import TestSupport
import Testing

@testable import Network

/// A socket under TLS whose other end is in the test's hands.
@Suite("Sockets under TLS")
struct SealedSocketTests {
  private final class Client {
    let session: TLSSession
    private let fd: Int32
    private var buffer = ByteBuffer()

    init(_ session: TLSSession, on fd: Int32) {
      self.session = session
      self.fd = fd
    }

    func seal(_ bytes: [UInt8]) -> Bool {
      unsafe bytes.withUnsafeBytes { unsafe session.seal($0) }
    }

    /// All that it has goes in one write.
    func send() {
      let bytes = Array(session.sealed.bytes[session.sent...])
      guard !bytes.isEmpty else { return }
      let sent = unsafe bytes.withUnsafeBytes { unsafe Syscalls.send(fd, $0) }
      #expect(sent == .bytes(bytes.count))
      session.markSent(bytes.count)
    }

    func receive() {
      var room = [UInt8](repeating: 0, count: 32 * 1024)
      let received = unsafe room.withUnsafeMutableBytes { unsafe Syscalls.receive(fd, into: $0) }
      guard case .bytes(let count) = received else { return }
      let bytes = Array(room[..<count])
      _ = unsafe bytes.withUnsafeBytes {
        unsafe session.receive($0, into: &buffer, firstRoom: 1024)
      }
    }
  }

  private func shakeHands(_ socket: Socket, _ client: Client, on loop: isolated Loop) {
    client.session.begin()
    for _ in 0..<4 {
      client.send()
      socket.ready(.readable, on: loop)
      _ = socket.readNow(2048)
      client.receive()
    }
    #expect(socket.tls?.phase == .open && client.session.phase == .open)
  }

  @Test(
    "of records that hold next to nothing a turn of the loop opens one read",
    .timeLimit(.minutes(10)))
  func crumbs() async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:a.test")
    let identity = try ServerIdentity(
      certificate: authority.bytes("server.pem"), key: authority.bytes("server.key"))
    let server = try TLSServer([identity])
    let trusting = try TLSClient(trusting: CertificateAuthorities(pem: authority.bytes("ca.pem")))
    let loop = try Loop(number: 0)
    try await loop.run { loop in
      var ends: [Int32] = [-1, -1]
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      #expect(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
      defer { for end in ends { Syscalls.close(end) } }
      let socket = Socket(
        fd: ends[0], clock: loop.clock, lane: ServerCounters.Lane(), limits: WireLimits(),
        tls: server.accept())
      let session = try #require(trusting.connect(to: "a.test", protocols: []))
      let client = Client(session, on: ends[1])
      shakeHands(socket, client, on: loop)

      // 46 KB for 2,000 bytes.
      for number in 0..<2000 { #expect(client.seal([UInt8(truncatingIfNeeded: number)])) }
      client.send()
      socket.ready(.readable, on: loop)
      let first = socket.readNow(2048)
      let opened = socket.buffer.count
      #expect(first == .bytes(opened) && opened < 2000)
      #expect(!socket.canRead)
      // More that comes in does not bring the rest any sooner.
      socket.ready(.readable, on: loop)
      #expect(!socket.canRead)
      #expect(await socket.wait(for: .readable, until: .distantFuture) == .ready)
      #expect(socket.canRead)
      #expect(socket.readNow(2048) == .bytes(2000 - opened))
      let all = socket.buffer.contents.array
      #expect(all == (0..<2000).map { UInt8(truncatingIfNeeded: $0) })
    }
    await loop.stop()
  }
}
