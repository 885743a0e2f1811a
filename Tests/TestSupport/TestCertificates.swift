public import Bytes
public import Foundation

/// An authority of a test's own with certificates that it has signed, made with the `openssl` of
/// the system in a folder that goes with it. Nothing is shared between tests.
public final class TestAuthority: Sendable {
  /// `ca.pem` lies there, and NAME.pem with NAME.key for each certificate.
  public let folder: URL

  public init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-tls-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let options = ["req", "-x509"] + Self.fresh("ca") + ["-days", "30", "-subj", "/CN=ca"]
    try Self.openssl(options, in: folder)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Signs a certificate with a new key.
  ///
  /// - Parameters:
  ///   - name: of the two files.
  ///   - hosts: as in `DNS:localhost,IP:127.0.0.1`; without any it is a client's.
  public func sign(_ name: String, hosts: String? = nil, days: Int = 30) throws {
    var options =
      ["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key"] + Self.fresh(name)
      + ["-days", "\(days)", "-subj", "/CN=\(name)"]
      + ["-addext", "basicConstraints=critical,CA:FALSE"]
    if let hosts { options += ["-addext", "subjectAltName=\(hosts)"] }
    try Self.openssl(options, in: folder)
  }

  private static func fresh(_ name: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(name).key",
      "-out", "\(name).pem",
    ]
  }

  public func path(_ name: String) -> String { folder.appending(path: name).path() }

  public func bytes(_ name: String) throws -> ByteSlice {
    ByteSlice(try Data(contentsOf: folder.appending(path: name)))
  }

  private static func openssl(_ arguments: [String], in folder: URL) throws {
    let program = try ChildProgram("openssl", arguments, at: folder)
    guard program.wait() == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
