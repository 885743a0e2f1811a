#if MUTANTS
  private import Glibc

  /// Faults built in on purpose, to find out whether the tests would find them (`make mutants`).
  /// In every other build there are none.
  enum Mutant: String {
    /// Answers before the log is synced.
    case syncSkipped = "sync-skipped"
    /// Leaves names to the mercy of the file system.
    case directorySyncSkipped = "directory-sync-skipped"
    /// Does not note what has been acknowledged.
    case sideFileSkipped = "side-file-skipped"
    /// Gives an entry out twice after a reopening.
    case entryReused = "entry-reused"
    /// Lets RocksDB take a directory without `CURRENT` for empty.
    case engineUnchecked = "engine-unchecked"
    /// Believes the watermark without looking at the other column families.
    case extentUnchecked = "extent-unchecked"
    /// Takes the last entry that can be read for the topic's end.
    case endGuessed = "end-guessed"
    /// Leaves a subscription's chunks where a seek or its end has made them void.
    case chunksKept = "chunks-kept"

    /// Whether the environment asks for this one.
    var isOn: Bool {
      // SAFETY: nothing in this process changes the environment.
      guard let name = unsafe getenv("JODRELL_MUTANT") else { return false }
      return unsafe String(cString: name) == rawValue
    }
  }
#endif
