import Authentication
import Bytes
import Network
import Synchronization

/// Where the revocations that operators have added outlive the process: one file in the data
/// directory, beside the log and not in it, so that a log that takes no writes does not keep a
/// stolen token alive.
final class RevocationFile: Sendable {
  private static let name = "revocations.json"

  private let path: String
  private let revocations: Revocations
  /// Writers one after the other: the last one writes the newest state.
  private let writing = Mutex(())

  /// Puts what the file holds in force. A file that cannot be read stops the gateway: without it
  /// revoked tokens would be taken again.
  init(in data: String, for revocations: Revocations) throws(CommandFault) {
    path = "\(data)/\(Self.name)"
    self.revocations = revocations
    let text: ByteSlice
    do throws(FileFault) {
      text = try FileAccess.read(path, limit: 64 << 20)
    } catch {
      if error.isAbsent { return }
      throw CommandFault(.storeUnavailable, error.description)
    }
    let now = Clocks.system.wall()
    do throws(RevocationFault) {
      _ = revocations.add(try Revocation.read(list: text, at: now), at: now)
    } catch {
      throw CommandFault(
        .damagedStore, "\(path) holds no revocations (\(error.text)); mend or remove it")
    }
  }

  /// Writes what is in force now, whole or not at all, and returns when it is on disk; false when
  /// that has failed. Blocks.
  func keep() -> Bool {
    writing.withLock { _ in
      let list = Revocation.list(revocations.added(at: Clocks.system.wall()))
      do throws(FileFault) {
        try FileAccess.write(list, to: path, mode: 0o600)
        return true
      } catch {
        return false
      }
    }
  }
}
