package import Foundation
import Glibc
import Synchronization

/// A program that a test starts: in a process group of its own, its input empty and its output in
/// files, so that no pipe can fill. What tests and gateway open is closed in it (`O_CLOEXEC`).
///
/// Not Foundation's `Process`, which walks through the descriptors of the whole test process and
/// reads past a directory entry on the way.
///
/// SAFETY: the argument and environment texts are copies that live until `posix_spawn` has
/// returned, and are freed after it; attributes and file actions are destroyed where they are made.
package final class ChildProgram: Sendable {
  package struct Failed: Error, CustomStringConvertible {
    package let description: String
  }

  package let pid: pid_t
  private let code = Mutex<Int32?>(nil)

  /// Starts it.
  ///
  /// - Parameters:
  ///   - program: its path, or its name on the search path.
  ///   - environment: what is set beside the environment of the test.
  ///   - folder: where it works; where the test does if nil.
  ///   - output: made anew; nowhere if nil. Likewise `errors`.
  package init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    at folder: URL? = nil, output: URL? = nil, errors: URL? = nil
  ) throws {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (descriptor, file) in [(Int32(1), output), (2, errors)] {
      unsafe posix_spawn_file_actions_addopen(
        &actions, descriptor, file?.path() ?? "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    let whole = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let command =
      (folder.map { ["env", "-C", $0.path()] } ?? []) + [program] + arguments
    let words = unsafe Self.copies(command)
    let settings = unsafe Self.copies(whole.map { "\($0)=\($1)" })
    defer { unsafe (words + settings).forEach { unsafe free($0) } }
    var pid = pid_t()
    let refused = unsafe posix_spawnp(&pid, command[0], &actions, &attributes, words, settings)
    guard refused == 0 else {
      throw Failed(description: "\(program): \(unsafe String(cString: strerror(refused)))")
    }
    self.pid = pid
  }

  /// How it ended: its exit code, or 128 + the signal that ended it; nil while it runs.
  package var exitCode: Int32? { look(WNOHANG) }

  package var isRunning: Bool { exitCode == nil }

  /// Sends it a signal, unless it has ended.
  package func signal(_ number: Int32) {
    code.withLock { if $0 == nil { _ = kill(pid, number) } }
  }

  /// Suspends until it has ended.
  package func ended() async throws -> Int32 {
    while true {
      if let exitCode { return exitCode }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Blocks the thread until it has ended: for programs that are quick.
  package func wait() -> Int32 {
    while true {
      if let code = look(0) { return code }
    }
  }

  private func look(_ options: Int32) -> Int32? {
    code.withLock { code in
      if code != nil { return code }
      var status: Int32 = 0
      guard unsafe waitpid(pid, &status, options) == pid else { return nil }
      code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      return code
    }
  }

  /// Runs a program to its end.
  package static func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    at folder: URL? = nil
  ) async throws -> (code: Int32, output: String, errors: String) {
    let place = FileManager.default.temporaryDirectory
    let name = "jodrell-run-\(UUID().uuidString.prefix(8))"
    let (output, errors) = (
      place.appending(path: name + ".out"), place.appending(path: name + ".err")
    )
    defer { for file in [output, errors] { try? FileManager.default.removeItem(at: file) } }
    let child = try ChildProgram(
      program, arguments, environment: environment, at: folder, output: output, errors: errors)
    return (
      try await child.ended(), try String(contentsOf: output, encoding: .utf8),
      try String(contentsOf: errors, encoding: .utf8)
    )
  }

  private static func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    unsafe texts.map { unsafe strdup($0) } + [nil]
  }
}
