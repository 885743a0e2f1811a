import Authentication
import Bytes
import Glibc
import Settings
import Synchronization

/// The secrets that a configuration refers to, each found once: a change takes effect with the next
/// configuration. What is found is never shown.
final class SecretStore: Sendable {
  /// A secret of more bytes is none.
  static let longest = 64 << 10

  private let directory: String
  private let found = Mutex<[SecretReference: ByteSlice]>([:])

  /// - Parameter directory: what paths are relative to.
  init(directory: String) { self.directory = directory }

  /// The secret; blocks while a file is read or a command runs, for the first time.
  func find(_ reference: SecretReference) throws(SecretFault) -> ByteSlice {
    if let secret = found.withLock({ $0[reference] }) { return secret }
    let secret = try look(reference).withoutLineEnd
    guard !secret.isEmpty else { throw .empty }
    found.withLock { $0[reference] = secret }
    return secret
  }

  /// The variable that a reference names and that the environment does not have.
  ///
  /// SAFETY: as of `look`.
  static func missingVariable(of reference: SecretReference) -> String? {
    guard case .environment(let name) = reference, unsafe getenv(name) == nil else { return nil }
    return name
  }

  /// Says that a secret was not looked at for want of a variable, which the machine that serves may
  /// have.
  static func notLookedAt(_ name: String) -> String {
    "the environment has no variable \(name) here: the secret was not looked at"
  }

  // SAFETY: nothing of this process changes its environment.
  private func look(_ reference: SecretReference) throws(SecretFault) -> ByteSlice {
    switch reference {
    case .environment(let name):
      guard let value = unsafe getenv(name) else { throw .noVariable(name) }
      return ByteSlice(utf8: unsafe String(cString: value))
    case .file(let path):
      do throws(FileFault) {
        return try FileAccess.readFile(
          FileAccess.resolve(path, from: directory), limit: Self.longest)
      } catch {
        throw .file(error.description)
      }
    case .command(let command):
      return try SecretCommand.output(of: command, limit: Self.longest)
    }
  }
}

/// Why a secret was not found; names the place, never what is there.
enum SecretFault: Error, CustomStringConvertible {
  case noVariable(String)
  case file(String)
  case command(String)
  case empty

  var description: String {
    switch self {
    case .noVariable(let name): "the environment has no variable \(name)"
    case .file(let words): words
    case .command(let words): "the command \(words)"
    case .empty: "it is empty"
    }
  }
}
