import Bytes

/// Why the store on disk cannot be opened, read or written. Closed: the shell turns each case into
/// a message and an exit code.
public enum StoreFault: Error, Equatable, Sendable {
  /// The store was closed by this process.
  case closed
  /// Another process holds the directory's lock.
  case alreadyOpen(path: String)
  /// No store lies at the path (inspection only; opening for service makes one).
  case noStore(path: String)
  /// The store was written by a newer program that this one must not read.
  case newerFormat(needed: UInt32, supported: UInt32)
  /// A value starts with a version this program does not know.
  case unknownVersion(family: UInt8, version: UInt8)
  /// Commits that were answered as durable are not there: the recovered commit number is lower than
  /// the side file's. The log files as found lie in `unproven/`.
  case acknowledgedDataMissing(recovered: UInt64, acknowledged: UInt64)
  /// The side file is missing or damaged although the store has commits.
  case acknowledgementsUnreadable(recovered: UInt64)
  /// The last commit is there, but not all that earlier ones wrote: so many events should be there
  /// and so many were found, or the catalogue is older than it should be.
  case tablesMissing(commit: UInt64, events: UInt64, found: UInt64, isCatalogueWhole: Bool)
  /// The operator accepted a loss at another commit number than the recovered one.
  case wrongLossAccepted(recovered: UInt64, accepted: UInt64)
  /// A record of the catalogue or the state cannot be decoded.
  case corruptRecord(family: UInt8)
  /// The events in this range of one topic cannot be read; other topics are not affected.
  case corruptEvents(CorruptRange)
  /// RocksDB found damaged data.
  case corruptFile(String)
  /// The volume is full.
  case noSpace(String)
  /// The kernel refused a read, write or sync.
  case input(String)
  /// Anything else RocksDB or the kernel said.
  case engine(String)

  /// Maps the text of RocksDB's C API, which has no status codes, by the prefixes of its `Status`.
  init(engineText text: String) {
    if text.hasPrefix("IO error: No space") || text.contains("No space left on device") {
      self = .noSpace(text)
    } else if text.hasPrefix("Corruption:")
      || text.hasPrefix("IO error: No such file or directory")
    {
      // A file that RocksDB knows of and cannot find is damage, too.
      self = .corruptFile(text)
    } else if text.hasPrefix("IO error: While lock file") || text.contains("lock hold by current") {
      self = .alreadyOpen(path: text)
    } else if text.hasPrefix("IO error:") {
      self = .input(text)
    } else {
      self = .engine(text)
    }
  }
}

/// A run of one topic's sequences whose bytes are damaged.
public struct CorruptRange: Hashable, Sendable {
  /// The first sequence that cannot be read.
  public var first: UInt64
  /// The last sequence of the damaged chunk, as its key says.
  public var last: UInt64
  public var reason: ChunkFault

  public init(first: UInt64, last: UInt64, reason: ChunkFault) {
    self.first = first
    self.last = last
    self.reason = reason
  }
}
