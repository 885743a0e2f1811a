import Bytes
import Glibc
import Metrics
import Network

/// `jodrell serve`: compile, open, serve, drain.
enum ServeCommand {
  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    let options = try ServeOptions(arguments)
    let stop = StopSignal()
    guard stop.obeySignals(reloading: options.file != nil), let pump = LogPump() else {
      throw CommandFault(.failed, "the system has no threads or descriptors left")
    }
    let code: ExitCode
    do throws(CommandFault) {
      let plan = try ServePlan(options)
      stop.onReload { isAsked in
        let now = Clocks.system.wall()
        plan.certificates?.look(at: now, isAsked: isAsked)
        plan.policy?.look(at: now, isAsked: isAsked)
      }
      code = try await serve(plan, options, pump.writer, stop)
    } catch {
      // Where the log is stuck, the line about the fault would be so for ever.
      guard pump.finish() else { return error.code }
      throw error
    }
    pump.finish()
    return code
  }

  private static func serve(
    _ plan: ServePlan, _ options: ServeOptions, _ log: LogWriter, _ stop: StopSignal
  ) async throws(CommandFault) -> ExitCode {
    let began = Clocks.system.monotonic()
    let gateway = try await GatewayProcess(plan, log: log, stop: stop)
    stop.onReload { _ in gateway.lookAtStorage() }
    do throws(CommandFault) {
      try await gateway.start()
    } catch {
      await gateway.end()
      throw error
    }
    log.log(
      .info, "ready",
      [
        "http": .text(gateway.http ?? ""), "https": .text(gateway.https ?? ""),
        "management": .text(gateway.management ?? ""),
        "data": .text(plan.data), "mode": .text(plan.isDevelopment ? "development" : "configured"),
        "version": .text("\(Command.version)"), "pid": .integer(Int(getpid())),
        "opened": .span(Clocks.system.monotonic() - began),
      ])
    if plan.isDevelopment, let keys = plan.keys,
      options.wantsBanner || Terminal.output.isInteractive
    {
      try Terminal.output.write(Banner.text(gateway, keys, data: plan.data))
    }

    let reason = await stop.reason()
    let drainBegan = Clocks.system.monotonic()
    log.log(.info, "stopping", ["reason": .text(reason.text)])
    await gateway.end()
    log.log(.info, "stopped", ["took": .span(Clocks.system.monotonic() - drainBegan)])
    return switch stop.lastReason ?? reason {
    case .signal: .done
    case .writeFailed: .writeFailed
    case .volumeFull: .volumeFull
    }
  }
}

extension StopReason {
  fileprivate var text: String {
    switch self {
    case .signal(SIGTERM): "SIGTERM"
    case .signal(SIGINT): "SIGINT"
    case .signal(SIGHUP): "SIGHUP"
    case .signal(let number): "signal \(number)"
    case .writeFailed(let fault): "a write failed: \(fault)"
    case .volumeFull(let fault): "the volume is full: \(fault)"
    }
  }
}
