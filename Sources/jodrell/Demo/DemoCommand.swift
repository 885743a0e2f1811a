import Bytes
import Glibc
import Network
import Synchronization

/// `jodrell demo`: a gateway in a temporary directory, and a walk through it.
enum DemoCommand {
  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let isFast = arguments.flag("--fast")
    let isKeeping = arguments.flag("--keep")
    try arguments.finish()

    let gateway = try DemoGateway()
    let stop = StopSignal()
    guard stop.obeySignals(reloading: false) else {
      throw CommandFault(.failed, "the system has no threads left")
    }
    let watch = Task.detached {
      let reason = await stop.reason()
      await gateway.discard(keepingDirectory: isKeeping)
      if case .signal(let number) = reason { exit(128 + number) }
    }
    defer { watch.cancel() }

    let stage = DemoStage(isPaced: !isFast && Terminal.output.isInteractive)
    let story = DemoStory(gateway, stage)
    do throws(CommandFault) {
      try await story.tell()
    } catch {
      await gateway.discard(keepingDirectory: isKeeping)
      if isKeeping { Terminal.errors.line("left behind: \(gateway.directory)") }
      throw error
    }
    await gateway.discard(keepingDirectory: isKeeping)
    if isKeeping { stage.line("left behind: \(gateway.directory)") }
    return .done
  }
}
