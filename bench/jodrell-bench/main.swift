import Client
import Glibc
import Synchronization

/// Set when a signal asks the process to end; runs end early and still report.
let interrupted = Atomic<Bool>(false)

/// What the process's exit means; told by `--help`. A second signal makes it 128 + its number.
enum ExitCode {
  static let good: Int32 = 0
  static let failed: Int32 = 1
  static let findings: Int32 = 2
  static let usage: Int32 = 64
}

func bench(_ words: [String]) async -> Int32 {
  let wantsHelp = words.contains("--help") || words.contains("-h")
  let rest = Array(words.dropFirst())
  do {
    switch words.first {
    case "publish" where !wantsHelp: return try await PublishRun(rest).run()
    case "replay" where !wantsHelp: return try await PublishRun(replaying: rest).run()
    case "subscribe" where !wantsHelp: return try await SubscribeRun(rest, as: .fanOut).run()
    case "workers" where !wantsHelp: return try await WorkersRun(rest).run()
    case "soak" where !wantsHelp: return try await SoakRun(rest).run()
    case "machine" where !wantsHelp: return try await MachineRun(rest).run()
    case "compare" where !wantsHelp: return try Comparison.run(rest)
    case "roundtrip" where !wantsHelp: return try await SubscribeRun(rest, as: .roundTrip).run()
    case "verify":
      if wantsHelp { break }
      switch rest.first {
      case "run": return try await VerifyRun(Array(rest.dropFirst())).start()
      case "check": return try await VerifyCheck(Array(rest.dropFirst())).run()
      default: throw UsageFault("verify takes run or check")
      }
    case nil:
      complain(Help.overview, end: "")
      return ExitCode.usage
    default:
      if wantsHelp || words.first == "help" { break }
      throw UsageFault("there is no subcommand \(words[0])")
    }
  } catch let fault as UsageFault {
    complain("jodrell-bench: \(fault.message)\nSee jodrell-bench --help.")
    return ExitCode.usage
  } catch ClientFault.badRequest(let words) {
    // A topic, token or header with bytes that would end it early: it was typed so.
    complain("jodrell-bench: cannot be sent: \(words)\nSee jodrell-bench --help.")
    return ExitCode.usage
  } catch {
    complain("jodrell-bench: \(error)")
    return ExitCode.failed
  }
  switch words.first {
  case "publish": say(Help.publish)
  case "replay": say(Help.replay)
  case "subscribe": say(Help.subscribe)
  case "workers": say(Help.workers)
  case "soak": say(Help.soak)
  case "machine": say(Help.machine)
  case "compare": say(Help.compare)
  case "roundtrip": say(Help.roundTrip)
  case "verify": say(Help.verify)
  default: say(Help.overview)
  }
  return ExitCode.good
}

Signals.obey()
signal(SIGPIPE, SIG_IGN)
Descriptors.raiseLimit()
exit(Output.standard.ending(await bench(Array(CommandLine.arguments.dropFirst()))))
