enum InspectCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode { .failed }
}
