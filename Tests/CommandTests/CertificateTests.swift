import Bytes
import Foundation
import Settings
import TestSupport
import Testing

@testable import jodrell

/// What a listener with TLS shows while its files change.
@Suite("Certificates of a listener")
struct CertificateTests {
  private let authority: TestAuthority
  private let folder: String
  private let listener: SecureListener

  init() throws {
    authority = try TestAuthority()
    folder = authority.folder.path()
    try authority.sign("server", hosts: "DNS:a.test")
    let text =
      "listen: {https: {address: \"127.0.0.1:0\", certificate: server.pem, key: server.key}}"
    let compiled = try CompiledPolicy(ByteSlice(utf8: text), named: "test", in: folder)
    listener = try #require(compiled.settings.https)
  }

  private func files() throws -> CertificateFiles {
    try CertificateFiles(listener, in: folder, at: UnixTime(seconds: 0))
  }

  /// When the certificate that lies there begins.
  private func begin() throws -> UnixTime { try files().certificates[0].validity.lowerBound }

  @Test("new keys for tickets need no files, in which something else may lie by now")
  func tickets() throws {
    var files = try files()
    let before = files.server
    for name in ["server.pem", "server.key"] {
      try FileManager.default.removeItem(atPath: authority.path(name))
    }
    try files.renewTickets()
    #expect(files.server !== before)
  }

  @Test("a certificate that is not valid yet is taken once it is, and not before")
  func early() async throws {
    let began = try begin()
    let keeper = try CertificateKeeper(listener, in: folder, at: began)
    func shown() -> UnixTime { keeper.certificates[0].validity.lowerBound }
    // They begin at whole seconds.
    try await Task.sleep(for: .milliseconds(1_100))
    try authority.sign("server", hosts: "DNS:a.test")
    let next = try begin()
    #expect(next > began)
    for now in [began, next - .nanoseconds(1)] {
      keeper.look(at: now, isAsked: false)
      #expect(shown() == began)
    }
    keeper.look(at: next, isAsked: false)
    #expect(shown() == next)
  }
}
