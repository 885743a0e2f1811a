import Bytes
import TestSupport
import Testing

@testable import Crypto

/// Two sessions in one process, with every byte between them in the test's hands.
@Suite("TLS sessions")
struct TLSSessionTests {
  private let authority: TestAuthority
  private let identity: ServerIdentity
  private let trust: CertificateAuthorities

  init() throws {
    authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:gateway.test,DNS:*.wild.test,IP:127.0.0.1")
    identity = try ServerIdentity(
      certificate: authority.bytes("server.pem"), key: authority.bytes("server.key"))
    trust = try CertificateAuthorities(pem: authority.bytes("ca.pem"))
  }

  /// One side with what it has read.
  private final class Side {
    let session: TLSSession
    var buffer = ByteBuffer()

    init(_ session: TLSSession) { self.session = session }

    var text: String { buffer.contents.text }

    @discardableResult
    func receive(_ bytes: [UInt8]) -> TLSSession.Received {
      unsafe bytes.withUnsafeBytes {
        unsafe session.receive($0, into: &buffer, firstRoom: 16_384)
      }
    }

    /// What it has for the other one.
    func take() -> [UInt8] {
      let bytes = Array(session.sealed.bytes[session.sent...])
      session.markSent(bytes.count)
      return bytes
    }

    func seal(_ text: String) -> Bool {
      let bytes = Array(text.utf8)
      return unsafe bytes.withUnsafeBytes { unsafe session.seal($0) }
    }
  }

  private func pair(
    _ server: TLSServer? = nil, host: String = "gateway.test", identity shown: ServerIdentity? = nil
  ) throws -> (server: Side, client: Side) {
    let server = try server ?? TLSServer([identity])
    let client = try TLSClient(trusting: trust, identity: shown)
    let sides = (
      server: Side(try #require(server.accept())),
      client: Side(try #require(client.connect(to: host, protocols: [.http11])))
    )
    sides.client.session.begin()
    return sides
  }

  /// Carries bytes to and fro, `size` at a time, until neither has any.
  private func settle(_ sides: (server: Side, client: Side), by size: Int = .max) {
    var isMoving = true
    while isMoving {
      isMoving = false
      for (from, to) in [(sides.client, sides.server), (sides.server, sides.client)] {
        let bytes = from.take()
        var at = 0
        while at < bytes.count {
          isMoving = true
          let end = size < bytes.count - at ? at + size : bytes.count
          to.receive(Array(bytes[at..<end]))
          at = end
        }
      }
    }
  }

  @Test("a handshake, bytes both ways, and an end in order", arguments: [.max, 1, 7, 1000])
  func exchange(size: Int) throws {
    let sides = try pair()
    settle(sides, by: size)
    #expect(sides.server.session.phase == .open)
    #expect(sides.client.session.phase == .open)
    #expect(sides.server.session.applicationProtocol == .http11)
    #expect(sides.client.session.version == "TLSv1.3")
    let long = String(repeating: "0123456789abcdef", count: 9000)
    #expect(sides.client.seal("hello"))
    #expect(sides.server.seal(long))
    settle(sides, by: size)
    #expect(sides.server.text == "hello")
    #expect(sides.client.text == long)
    sides.server.session.finish()
    settle(sides, by: size)
    #expect(sides.client.session.phase == .ended)
    #expect(sides.client.seal("still"))
    settle(sides, by: size)
    #expect(sides.server.text == "hellostill")
  }

  @Test("the client's first bytes may be cut anywhere")
  func splits() throws {
    let length = try pair().client.take().count
    for cut in 1..<length {
      let sides = try pair()
      let hello = sides.client.take()
      sides.server.receive(Array(hello[..<min(cut, hello.count)]))
      #expect(sides.server.session.phase == .handshaking)
      sides.server.receive(Array(hello[min(cut, hello.count)...]))
      settle(sides)
      #expect(sides.server.session.phase == .open, "cut at \(cut)")
    }
  }

  @Test("a flipped bit anywhere in a record ends the session, and nothing of it is read")
  func tampering() throws {
    let sides = try pair()
    settle(sides)
    #expect(sides.client.seal("twelve bytes"))
    let record = sides.client.take()
    for index in record.indices {
      let fresh = try pair()
      settle(fresh)
      #expect(fresh.client.seal("twelve bytes"))
      var bytes = fresh.client.take()
      bytes[index] ^= 0x10
      let received = fresh.server.receive(bytes)
      // A longer length only waits for more.
      #expect(received == .failed || (3...4).contains(index) && received == .bytes(0), "\(index)")
      #expect(fresh.server.text.isEmpty)
    }
  }

  @Test("what is no handshake fails and is told so")
  func nonsense() throws {
    for text in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}abcde", "\0\0\0\0\0\0\0\0"] {
      let side = Side(try #require(TLSServer([identity]).accept()))
      #expect(side.receive(Array(text.utf8)) == .failed, "\(text)")
      #expect(side.session.phase == .failed(.broken))
      #expect(!side.seal("no"))
    }
  }

  @Test(
    "the certificate must be for the host",
    arguments: [
      ("gateway.test", true), ("GATEWAY.TEST", true), ("127.0.0.1", true), ("a.wild.test", true),
      ("wild.test", false), ("a.b.wild.test", false), ("127.0.0.2", false), ("other.test", false),
    ])
  func hosts(host: String, isRight: Bool) throws {
    let sides = try pair(host: host)
    settle(sides)
    #expect(sides.client.session.phase == (isRight ? .open : .failed(.certificate)))
    #expect(sides.server.session.phase == (isRight ? .open : .failed(.alert)))
  }

  @Test("clients without an authority in common are refused on both sides")
  func strangers() throws {
    let stranger = try TestAuthority()
    try stranger.sign("server", hosts: "DNS:gateway.test")
    let server = try TLSServer([
      ServerIdentity(
        certificate: stranger.bytes("server.pem"), key: stranger.bytes("server.key"))
    ])
    let sides = try pair(server)
    settle(sides)
    #expect(sides.client.session.phase == .failed(.certificate))
  }

  @Test("the host a client names chooses the certificate; others get the first")
  func names() throws {
    try authority.sign("second", hosts: "DNS:second.test")
    let second = try ServerIdentity(
      certificate: authority.bytes("second.pem"), key: authority.bytes("second.key"))
    let server = try TLSServer([identity, second])
    for (host, isServed) in [("second.test", true), ("gateway.test", true), ("x.test", false)] {
      let sides = try pair(server, host: host)
      settle(sides)
      #expect((sides.client.session.phase == .open) == isServed, "\(host)")
      guard isServed else { continue }
      #expect(sides.server.session.applicationProtocol == .http11, "\(host)")
      #expect(sides.client.session.applicationProtocol == .http11, "\(host)")
    }
  }

  @Test("client certificates: verified ones are shown, bad ones and missing ones refused")
  func clients() throws {
    try authority.sign("client")
    let stranger = try TestAuthority()
    try stranger.sign("client")
    func shown(_ authority: TestAuthority) throws -> ServerIdentity {
      try ServerIdentity(
        certificate: authority.bytes("client.pem"), key: authority.bytes("client.key"))
    }
    try authority.sign("second", hosts: "DNS:second.test")
    let second = try ServerIdentity(
      certificate: authority.bytes("second.pem"), key: authority.bytes("second.key"))
    for (isRequired, host) in [
      (false, "gateway.test"), (true, "gateway.test"), (false, "second.test"),
      (true, "second.test"),
    ] {
      let server = try TLSServer(
        [identity, second], clients: isRequired ? .required(trust) : .optional(trust))
      let good = try pair(server, host: host, identity: shown(authority))
      settle(good)
      #expect(good.server.session.phase == .open, "\(host)")
      let der = try #require(good.server.session.peerCertificate)
      #expect(der.count > 200 && der[0] == 0x30)
      let none = try pair(server, host: host)
      settle(none)
      #expect(none.server.session.phase == (isRequired ? .failed(.certificate) : .open))
      #expect(none.server.session.peerCertificate == nil)
      let bad = try pair(server, host: host, identity: shown(stranger))
      settle(bad)
      #expect(bad.server.session.phase == .failed(.certificate), "\(host)")
    }
  }

  @Test("files that do not fit are refused with the reason")
  func faults() throws {
    let certificate = try authority.bytes("server.pem")
    let key = try authority.bytes("server.key")
    let foreign = try authority.bytes("ca.key")
    func fault(_ certificate: ByteSlice, _ key: ByteSlice) -> TLSFault? {
      do throws(TLSFault) {
        _ = try TLSServer([ServerIdentity(certificate: certificate, key: key)])
        return nil
      } catch {
        return error
      }
    }
    #expect(fault(certificate, key) == nil)
    #expect(fault(certificate, foreign) == .foreignKey)
    #expect(fault(key, key) == .badCertificate)
    #expect(fault(.empty, key) == .badCertificate)
    #expect(fault(certificate, certificate) == .badKey)
    #expect(fault(certificate, .empty) == .badKey)
    #expect(fault(certificate.prefix(certificate.count / 2), key) == .badCertificate)
    var cut = certificate.array
    cut.append(contentsOf: certificate.prefix(200).array)
    #expect(fault(ByteSlice(cut), key) == .badCertificate)
    #expect(identity.validity.upperBound - identity.validity.lowerBound == .seconds(30 * 86_400))
  }
}
