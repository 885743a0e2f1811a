import Bytes
import Foundation
import Gateway
import Metrics
import Settings
import TestSupport
import Testing

@testable import jodrell

@Suite("The policy's file") struct PolicyKeeperTests {
  /// A file in a folder of its own, and what keeps it.
  final class Place {
    static let now = UnixTime(seconds: 1_700_000_000)
    let folder: String
    let file: String
    let desk: AccessDesk
    let keeper: PolicyKeeper
    let metrics = PolicyMetrics()
    let log = LogWriter(now: { Place.now }, wake: {})
    let issuers: IssuerService
    private let authority: TestAuthority?

    /// - Parameter authority: has signed the certificates that the text names, which lie there.
    init(_ text: String, signedBy authority: TestAuthority? = nil) throws {
      self.authority = authority
      folder =
        authority?.folder.path()
        ?? FileManager.default.temporaryDirectory
        .appending(path: "jodrell-policy-\(UUID().uuidString.prefix(8))").path()
      try FileAccess.makeDirectory(folder)
      file = "\(folder)/jodrell.yaml"
      try FileAccess.write(ByteSlice(utf8: text), to: file, mode: 0o600)
      let secret = ByteSlice(utf8: "only a test, and thirty-two bytes at least")
      try FileAccess.write(secret, to: "\(folder)/secret", mode: 0o600)
      let compiled = try CompiledPolicy(file: file)
      desk = compiled.makeDesk(isDevelopment: false)
      let certificates = try compiled.settings.https.map {
        try CertificateKeeper($0, in: compiled.directory, at: Place.now)
      }
      keeper = PolicyKeeper(file, compiled, desk: desk, certificates: certificates)
      issuers = try IssuerService(metrics: IssuerMetrics(), log: log, changed: {})
    }

    deinit {
      issuers.stop()
      FileAccess.removeTree(folder)
    }

    func write(_ text: String) throws {
      try FileAccess.write(ByteSlice(utf8: text), to: file, mode: 0o600)
    }

    /// When the certificate begins that the text names.
    func begin(_ text: String) throws -> UnixTime {
      let compiled = try CompiledPolicy(ByteSlice(utf8: text), named: "test", in: folder)
      let listener = try #require(compiled.settings.https)
      let files = try CertificateFiles(listener, in: folder, at: Place.now)
      return files.certificates[0].validity.lowerBound
    }

    func report() {
      keeper.report(to: metrics, log, issuers: issuers, audit: nil, isTaken: { _ in })
    }
  }

  @Test(
    "what changes while the gateway starts waits for all who must learn of it",
    arguments: [false, true])
  func starting(isAsked: Bool) throws {
    let place = try Place("tenants: {one: {}}\n")
    let generation = place.desk.generation
    try place.write("tenants: {two: {}}\n")
    place.keeper.look(at: Place.now, isAsked: isAsked)
    #expect(place.desk.generation == generation)

    place.report()
    place.keeper.look(at: Place.now, isAsked: false)
    #expect(place.desk.generation > generation)
    #expect(place.metrics.taken.value == 1 && place.metrics.refused.value == 0)
    #expect(place.metrics.generation.value == Int(place.desk.generation))
  }

  @Test("a refused configuration is tried again when a file that it names is mended, and only then")
  func mended() throws {
    let place = try Place("tenants: {one: {}}\n")
    place.report()
    place.keeper.look(at: Place.now, isAsked: true)
    try place.write(
      """
      issuers:
        - {id: own, iss: own, audiences: [a], keys: {secretFile: other}}

      """)
    for _ in 0..<3 { place.keeper.look(at: Place.now, isAsked: false) }
    #expect(place.metrics.refused.value == 1 && place.metrics.taken.value == 0)
    let secret = ByteSlice(utf8: "only another test, and thirty-two bytes at least")
    try FileAccess.write(secret, to: "\(place.folder)/other", mode: 0o600)
    place.keeper.look(at: Place.now, isAsked: false)
    #expect(place.metrics.refused.value == 1 && place.metrics.taken.value == 1)
  }

  @Test("one that names new certificates is taken when they are there and valid, and not before")
  func certificates() throws {
    func text(_ name: String) -> String {
      "listen: {https: {address: \"127.0.0.1:0\", certificate: \(name).pem, key: \(name).key}}\n"
    }
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:a.test")
    let place = try Place(text("server"), signedBy: authority)
    place.report()
    place.keeper.look(at: Place.now, isAsked: true)
    try place.write(text("other"))
    for _ in 0..<3 { place.keeper.look(at: Place.now, isAsked: false) }
    #expect(place.metrics.refused.value == 1 && place.metrics.taken.value == 0)
    try authority.sign("other", hosts: "DNS:a.test")
    let begin = try place.begin(text("other"))
    for _ in 0..<3 { place.keeper.look(at: begin - .nanoseconds(1), isAsked: false) }
    #expect(place.metrics.refused.value == 2 && place.metrics.taken.value == 0)
    for _ in 0..<3 { place.keeper.look(at: begin, isAsked: false) }
    #expect(place.metrics.refused.value == 2 && place.metrics.taken.value == 1)
  }

  @Test(
    "a file that says the same is no new policy, but open streams are looked at if it revokes more",
    arguments: [("", false), (", before: \"2026-05-01T00:00:00Z\"", false), (nil, true)])
  func readAgain(before: String?, revokesMore: Bool) throws {
    let revoked =
      before == "" ? "" : "revoked: [{issuer: own, sub: ann\(before ?? "")}]\n"
    let place = try Place(
      """
      issuers:
        - {id: own, iss: own, audiences: [a], keys: {secretFile: secret}}
      \(revoked)
      """)
    place.report()
    place.keeper.look(at: Place.now, isAsked: true)
    let generation = place.desk.generation
    place.keeper.look(at: Place.now, isAsked: true)
    #expect((place.desk.generation > generation) == revokesMore)
    #expect(place.metrics.taken.value == 0 && place.metrics.refused.value == 0)
  }
}
