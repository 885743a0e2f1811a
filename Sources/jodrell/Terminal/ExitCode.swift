/// What the process tells the shell it was started from. docs/cli.md lists the same numbers;
/// scripts rely on them, so a number never changes its meaning.
enum ExitCode: Int32, CaseIterable {
  case done = 0
  /// The command did not reach its end: a refusal, a lost connection, a failed test.
  case failed = 1
  /// The configuration file is missing, empty or wrong.
  case badSettings = 3
  /// An address cannot be listened at.
  case cannotListen = 4
  /// Another process serves the data directory.
  case storeInUse = 5
  /// Events that had been answered as durable are not there; see `--accept-loss`.
  case acknowledgedDataMissing = 6
  /// A newer program wrote the data directory.
  case newerStore = 7
  /// The data directory holds records or files that cannot be read.
  case damagedStore = 8
  /// The data directory cannot be made, opened or written: no space, no leave, or no such store.
  case storeUnavailable = 9
  /// A write failed while serving. Start again: opening finds out what is on disk.
  case writeFailed = 10
  /// A write failed while serving because the volume is full. Start again: reading needs no space.
  case volumeFull = 11
  /// The command line is wrong (`EX_USAGE`).
  case usage = 64
}

/// A command's end that is not a success: the code, and one line for the person who typed it.
struct CommandFault: Error {
  let code: ExitCode
  let message: String

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }

  static func usage(_ message: String) -> CommandFault { CommandFault(.usage, message) }
}
