enum TailCommand {
  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode { .failed }
}
