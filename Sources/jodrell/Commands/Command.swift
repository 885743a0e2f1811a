import Glibc

/// The subcommands, and the way from a command line to an exit code.
enum Command: String, CaseIterable {
  case serve
  case token
  case check
  case explain
  case audit
  case inspect
  case publish
  case tail
  case topics
  case schema
  case demo

  /// The version of the program; `jodrell_build_info` and `/healthz` show it too.
  static let version: StaticString = "0.1.0"

  /// Runs the command line's words, those behind the program's name.
  static func run(_ words: [String]) async -> ExitCode {
    let code = await obey(words)
    // What `serve` shows there while it serves is no result of its work.
    guard code == .done, let first = words.first,
      first != Command.serve.rawValue || wantsHelp(words.dropFirst()),
      let fault = Terminal.output.firstFault
    else { return code }
    Terminal.errors.line("jodrell \(first): standard output: \(fault)")
    return .failed
  }

  private static func wantsHelp(_ rest: ArraySlice<String>) -> Bool {
    rest.contains("--help") || rest.contains("-h")
  }

  private static func obey(_ words: [String]) async -> ExitCode {
    guard let first = words.first else {
      Terminal.errors.write(HelpText.overview)
      return .usage
    }
    switch first {
    case "--help", "-h", "help":
      let topic = words.dropFirst().first.flatMap(Command.init(rawValue:))
      Terminal.output.write(topic?.help ?? HelpText.overview)
      return .done
    case "--version", "-V", "version":
      Terminal.output.line("jodrell \(version)")
      return .done
    default: break
    }
    guard let command = Command(rawValue: first) else {
      Terminal.errors.line("jodrell: no command '\(first.printable)'; see jodrell --help")
      return .usage
    }
    let rest = words.dropFirst()
    if wantsHelp(rest) {
      Terminal.output.write(command.help)
      return .done
    }
    do throws(CommandFault) {
      return try await command.run(Arguments(Array(rest)))
    } catch {
      Terminal.errors.line("jodrell \(first): \(error.message.printable)")
      if error.code == .usage { Terminal.errors.line("see jodrell \(first) --help") }
      return error.code
    }
  }

  private func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    switch self {
    case .serve: try await ServeCommand.run(arguments)
    case .token: try TokenCommand.run(arguments)
    case .check: try CheckCommand.run(arguments)
    case .explain: try ExplainCommand.run(arguments)
    case .audit: try AuditCommand.run(arguments)
    case .inspect: try InspectCommand.run(arguments)
    case .publish: try await PublishCommand.run(arguments)
    case .tail: try await TailCommand.run(arguments)
    case .topics: try await TopicsCommand.run(arguments)
    case .schema: try SchemaCommand.run(arguments)
    case .demo: try await DemoCommand.run(arguments)
    }
  }

  var help: String {
    switch self {
    case .serve: HelpText.serve
    case .token: HelpText.token
    case .check: HelpText.check
    case .explain: HelpText.explain
    case .audit: HelpText.audit
    case .inspect: HelpText.inspect
    case .publish: HelpText.publish
    case .tail: HelpText.tail
    case .topics: HelpText.topics
    case .schema: HelpText.schema
    case .demo: HelpText.demo
    }
  }
}
