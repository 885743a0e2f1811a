import Foundation
import Glibc
import Testing

/// A disk that misbehaves on command, for one gateway: `Tests/Faults/inject.c`, preloaded, with its
/// file of rules.
struct FaultyDisk: Sendable {
  private let rules: URL
  private let library: URL

  init() async throws {
    library = try await Self.compiled.value
    rules = try Workplace.directory("faults").appending(path: "rules")
  }

  /// The wrapper that puts a gateway on this disk.
  var wrapper: [String] {
    [
      "/usr/bin/env", "LD_PRELOAD=\(library.path())",
      "JODRELL_FAULT_DIRECTORY=\(FileManager.default.temporaryDirectory.path())",
      "JODRELL_FAULT_RULES=\(rules.path())",
    ]
  }

  /// From now on these rules hold, and no others; the counting of calls begins anew.
  func arm(_ lines: String...) throws {
    try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: rules, options: .atomic)
  }

  /// What rules have caught, oldest first.
  var fired: [String] {
    let text = (try? String(contentsOf: rules.appendingPathExtension("fired"), encoding: .utf8))
    return (text ?? "").split(separator: "\n").map(String.init)
  }

  func remove() { try? FileManager.default.removeItem(at: rules.deletingLastPathComponent()) }

  /// Compiled once per run of the tests.
  private static let compiled = Task {
    try await Workplace.library(from: "Tests/Faults/inject.c")
  }
}

extension Workplace {
  /// Compiles one C file of the repository to a library that can be preloaded.
  static func library(from source: String) async throws -> URL {
    let made = programs.appending(path: source.split(separator: "/").joined(separator: "-") + ".so")
    let fresh = made.appendingPathExtension("\(ProcessInfo.processInfo.processIdentifier)")
    let compiler = try await run(
      URL(filePath: "/usr/bin/cc"),
      [
        "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", fresh.path(),
        root.appending(path: source).path(), "-ldl",
      ])
    try #require(compiler.code == 0, "\(compiler.errors)")
    // Another run of the tests may use the old one at this moment.
    try #require(unsafe rename(fresh.path(), made.path()) == 0)
    return made
  }
}

/// Runs `body` with a gateway on a disk that can be made to fail.
func withFaultyDisk(
  _ arguments: [String] = [], _ body: (GatewayChild, FaultyDisk) async throws -> Void
) async throws {
  let disk = try await FaultyDisk()
  defer { disk.remove() }
  try await withGateway(arguments, under: disk.wrapper) { gateway in
    try await body(gateway, disk)
  }
}
