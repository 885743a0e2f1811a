import Bytes
import Client
import Foundation
import Metrics
import Synchronization

/// `jodrell-bench publish`: every connection sends its next request when it has read the answer to
/// the last (a closed loop), so the rate is the server's and the latency is that at full load.
struct PublishRun: Sendable {
  private let target: Target
  private let endpoint: Endpoint
  private let pool: RequestPool
  private let connections: Int
  private let batch: Int
  private let loops: Int
  private let duration: TimeSpan?
  private let warmUp: TimeSpan
  private let serverPID: Int?
  private let asJSON: Bool
  private let quiet: Bool
  private let tally = Tally()
  private let control: RunControl

  init(_ words: [String]) throws {
    var arguments = Arguments(words)
    target = try Target(&arguments)
    endpoint = try Endpoint(target.url)
    connections = try arguments.number("--connections", in: 1...10_000, or: 64)
    batch = try arguments.number("--batch", in: 1...10_000, or: 1)
    loops = try arguments.number("--loops", in: 1...64, or: 1)
    let count = try arguments.number("--count", in: 0...Int.max, or: 0)
    let given = try arguments.span("--duration")
    duration = given ?? (count == 0 ? .seconds(10) : nil)
    warmUp = try arguments.span("--warm-up") ?? .zero
    let pid = try arguments.number("--server-pid", in: 0...Int(Int32.max), or: 0)
    serverPID = pid == 0 ? nil : pid
    asJSON = arguments.flag("--json")
    quiet = arguments.flag("--quiet")
    let path = try arguments.text("--payload")
    let contentType = try arguments.text("--content-type") ?? "application/json"
    let seed = try arguments.number("--seed", in: 0...Int.max, or: 1)
    try arguments.finish()
    let payloads = try path.map { try RequestPool.payloads(in: $0, option: "--payload") }
    if let pid = serverPID, ServerUsage(pid: pid) == nil {
      throw UsageFault("--server-pid: there is no process \(pid)")
    }
    pool = try RequestPool(
      for: target, payloads: payloads, contentType: contentType, batch: batch, seed: UInt64(seed))
    // A count of events is sent as whole requests.
    control = RunControl(requests: count == 0 ? nil : (count + batch - 1) / batch)
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async -> Int32 {
    let watch = Watch(
      tally: tally, control: control, duration: duration, warmUp: warmUp, serverPID: serverPID,
      progress: quiet ? nil : Progress(label: "publishing"))
    let result = await LoadDriver.run(loops: loops, connections: connections) { loop, index in
      await send(on: loop, as: index)
    } watch: {
      await watch.run(until: $0)
    }
    guard let result else {
      complain("cannot start the loops")
      return ExitCode.failed
    }
    let report = Report(
      url: target.url, topic: target.topic, connections: connections, batch: batch,
      elapsed: result.elapsed, tally: result.tally, series: result.series, server: result.server)
    say(asJSON ? report.json + "\n" : report.table)
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    return report.isClean ? ExitCode.good : ExitCode.failed
  }

  private func send(on loop: isolated ClientLoop, as index: Int) async {
    var connection: HTTPConnection?
    var next = index &* 7_919
    var failures = 0
    while control.claim() {
      do throws(ClientFault) {
        let open: HTTPConnection
        if let connection {
          open = connection
        } else {
          open = try await HTTPConnection.open(endpoint, on: loop)
          connection = open
        }
        let request = pool.requests[next % pool.requests.count]
        next &+= 1
        let started = monotonicNow()
        let answer = try await open.exchange(request.bytes)
        let stored = Self.stored(of: request.events, in: answer)
        tally.answered(
          answer.status, stored: stored, bytes: request.payloadBytes, since: started)
        failures = 0
        if answer.status / 100 != 2 {
          control.note("\(answer.status) \(answer.body.prefix(512).text)")
        }
        if !answer.keepsConnection {
          open.close(on: loop)
          connection = nil
        }
      } catch {
        if control.isStopped { break }
        tally.failed(error)
        control.note("\(error)")
        connection?.close(on: loop)
        connection = nil
        failures += 1
        if failures == 20 { break }
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    connection?.close(on: loop)
  }

  /// How many of a request's events the answer says are stored: all with 201, what `"stored":` says
  /// with 207 (a mixed batch), else none.
  static func stored(of events: Int, in answer: ClientAnswer) -> Int {
    switch answer.status {
    case 200, 201, 202: return events
    case 207: break
    default: return 0
    }
    let key: StaticString = "\"stored\":"
    let body = answer.body.prefix(256)
    for start in 0..<max(body.count - key.utf8CodeUnitCount, 0)
    where body.dropFirst(start).starts(with: key) {
      var value = 0
      for index in (start + key.utf8CodeUnitCount)..<body.count {
        guard ASCII.isDigit(body[index]), value <= events else { break }
        value = value * 10 + Int(body[index] - ASCII.zero)
      }
      return min(value, events)
    }
    return 0
  }
}

/// When a run ends: told to stop, out of requests, or interrupted from the keyboard.
final class RunControl: Sendable {
  private let stopped = Atomic<Bool>(false)
  private let remaining: Atomic<Int>
  private let isLimited: Bool
  private let fault = Mutex<String?>(nil)

  /// - Parameter requests: how many may be sent; nil for any number.
  init(requests: Int?) {
    remaining = Atomic(requests ?? 0)
    isLimited = requests != nil
  }

  /// Whether one more request may be sent; counts it.
  func claim() -> Bool {
    if isStopped { return false }
    guard isLimited else { return true }
    return remaining.wrappingSubtract(1, ordering: .relaxed).newValue >= 0
  }

  var isStopped: Bool { stopped.load(ordering: .relaxed) || interrupted.load(ordering: .relaxed) }

  func stop() { stopped.store(true, ordering: .relaxed) }

  /// Keeps the first thing that went wrong, for the report.
  func note(_ text: String) { fault.withLock { if $0 == nil { $0 = text } } }

  var firstFault: String? { fault.withLock { $0 } }
}
