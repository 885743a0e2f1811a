import Bytes
import Crypto
import Foundation
import HTTPWire
import TestSupport
import Testing

@testable import Network

/// Sessions that other people's client takes up again.
@Suite("TLS resumption", .serialized)
struct TLSResumptionTests {
  /// How long a client's certificate lasts, in seconds: enough for four handshakes where much runs
  /// beside them.
  private static let life = 15

  /// Signs `brief.pem` with `brief.key`, a client's certificate that ends after `life`.
  private func signBriefly(_ authority: TestAuthority) async throws {
    let settings = """
      [ca]
      default_ca = one
      [one]
      database = index.txt
      new_certs_dir = .
      rand_serial = yes
      default_md = sha256
      policy = any
      x509_extensions = leaf
      [any]
      commonName = supplied
      [leaf]
      basicConstraints = critical,CA:FALSE

      """
    try Data(settings.utf8).write(to: authority.folder.appending(path: "ca.cnf"))
    let script = """
      : > index.txt
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout brief.key -out brief.csr -subj /CN=brief &&
      openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -notext \
        -in brief.csr -out brief.pem -enddate $(date -u -d '+\(Self.life) seconds' +%y%m%d%H%M%SZ)
      """
    let signed = try await ChildProgram.run("sh", ["-c", script], at: authority.folder)
    #expect(signed.code == 0, "\(signed.errors)")
  }

  /// A connection of OpenSSL's client with that certificate, with a request that ends it.
  private func connect(
    _ port: UInt16, _ authority: TestAuthority, _ options: [String]
  ) async throws {
    let client = [
      "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-ign_eof", "-cert", "brief.pem",
      "-key", "brief.key",
    ]
    let request = "printf 'GET /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'"
    let words = (client + options).joined(separator: " ")
    _ = try await ChildProgram.run(
      "sh", ["-c", "\(request) | timeout 120 \(words)"], at: authority.folder)
  }

  @Test(
    "a session is not resumed once the client's certificate has ended", .timeLimit(.minutes(10)))
  func endedCertificate() async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "IP:127.0.0.1")
    let identity = try ServerIdentity(
      certificate: authority.bytes("server.pem"), key: authority.bytes("server.key"))
    let trust = try CertificateAuthorities(pem: authority.bytes("ca.pem"))
    var configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(
        host: "127.0.0.1", port: 0,
        tls: TLSDoor(try TLSServer([identity], clients: .required(trust))))
    ])
    configuration.loops = 1
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, Journal()) }
    let versions = ["-tls1_2", "-tls1_3"]

    try await signBriefly(authority)
    let end = ContinuousClock().now + .seconds(Self.life + 1)
    for option in ["-sess_out", "-sess_in"] {
      for version in versions {
        try await connect(server.port, authority, [version, option, "ticket\(version)"])
      }
    }
    #expect(server.counters.handshakes == 4)
    #expect(server.counters.resumptions == 2)

    try await Task.sleep(until: end, clock: .continuous)
    for version in versions {
      try await connect(server.port, authority, [version, "-sess_in", "ticket\(version)"])
    }
    // The alert goes out before it is counted.
    while server.counters.failedHandshakes < 2, server.counters.resumptions == 2 {
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(server.counters.failedHandshakes == 2)
    #expect(server.counters.handshakes == 4 && server.counters.resumptions == 2)
    await server.drain(within: .seconds(1))
  }
}
