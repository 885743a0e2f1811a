import Bytes
import Client

/// Sends the requests of a pool over one connection per task: each when its answer to the last has
/// come (a closed loop), or when the pacer says so (an open one).
struct Publisher: Sendable {
  let endpoint: Endpoint
  let pool: RequestPool
  let tally: Tally
  let control: RunControl
  /// Whether it is a gateway's topic that is published to, whose 202 means quarantine. Another
  /// server's means that it has the event.
  let isTopic: Bool
  let pacer: Pacer?
  /// Whether readers shall find the send time in the events.
  let stamps: Bool

  /// Later than this a send counts as behind its schedule.
  static let punctual = TimeSpan.milliseconds(1)
  private static let tries = 20

  /// The life of one connection, until the run is over.
  func run(on loop: isolated ClientLoop) async {
    var line = Line(connection: try? await HTTPConnection.open(endpoint, on: loop))
    var failures = 0
    while failures < Self.tries, let due = await nextDue(on: loop) {
      guard let turn = control.claim() else {
        pacer?.forgo(due)
        break
      }
      do throws(ClientFault) {
        let open = try await line.opened(to: endpoint, on: loop)
        let answer = try await send(turn, due: due, over: open)
        line.usedAt = monotonicNow()
        failures = 0
        if !answer.keepsConnection { line.close(on: loop) }
      } catch {
        let counts = tally.failed(error, since: due)
        if counts || !control.isStopped { control.note(error) }
        if control.isStopped { break }
        line.close(on: loop)
        failures += 1
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    if failures == Self.tries, !control.isStopped { tally.gaveUp() }
    line.close(on: loop)
  }

  /// The connection of one task, opened again when it was closed or may have been.
  private struct Line {
    var connection: HTTPConnection?
    var usedAt = monotonicNow()

    /// Servers close connections that do not ask; half of Jodrell's time for a first request.
    static let idleTime = TimeSpan.seconds(5)

    init(connection: HTTPConnection?) { self.connection = connection }

    mutating func opened(
      to endpoint: Endpoint, on loop: isolated ClientLoop
    ) async throws(ClientFault) -> HTTPConnection {
      if monotonicNow() - usedAt > Self.idleTime { close(on: loop) }
      if let connection { return connection }
      let fresh = try await HTTPConnection.open(endpoint, on: loop)
      connection = fresh
      return fresh
    }

    mutating func close(on loop: isolated ClientLoop) {
      connection?.close(on: loop)
      connection = nil
    }
  }

  /// The instant from which the next send is measured; nil when the run is over.
  private func nextDue(on loop: isolated ClientLoop) async -> MonotonicTime? {
    guard let pacer else { return control.isStopped ? nil : monotonicNow() }
    guard let due = await pacer.next(on: loop) else { return nil }
    let late = monotonicNow() - due
    if late > Self.punctual { tally.wasLate(by: late) }
    return due
  }

  private func send(
    _ turn: Int, due: MonotonicTime, over open: HTTPConnection
  ) async throws(ClientFault) -> ClientAnswer {
    var payloadBytes = 0
    let answer = try await open.exchange { bytes in
      payloadBytes = pool.write(turn: turn, stamp: stamps ? due : nil, into: &bytes)
    }
    let (stored, unstored) = Self.outcome(
      of: pool.events(of: turn), in: answer, isTopic: isTopic)
    tally.answered(
      answer.status, stored: stored, unstored: unstored, bytes: payloadBytes, since: due)
    if answer.status / 100 != 2 || unstored > 0 {
      control.note("\(answer.status) \(answer.body.prefix(512).text)")
    }
    return answer
  }

  /// Publishes one event to each topic and counts none of it, since a stream of a topic that is
  /// not there is refused.
  func makeTopics(_ count: Int) async {
    let first = Publisher(
      endpoint: endpoint, pool: pool, tally: Tally(), control: RunControl(requests: count),
      isTopic: isTopic, pacer: nil, stamps: false)
    let role = LoadDriver.Role(min(count, 64), loops: 1) { loop, _ in await first.run(on: loop) }
    await LoadDriver.run([role]) { isOver in
      while !isOver(), !control.isStopped { try? await Task.sleep(for: .milliseconds(1)) }
    }
    if let fault = first.control.firstFault { control.note(fault) }
  }

  /// How many of a request's events are stored, and how many are not although the answer is a 2xx:
  /// all with 201, what `"stored":` says with 207 (a mixed batch), of a topic none with any other
  /// 2xx. What other servers keep with theirs, such as 204, nobody knows: neither counts anything.
  ///
  /// - Parameter isTopic: whether a gateway's topic has answered.
  static func outcome(
    of events: Int, in answer: ClientAnswer, isTopic: Bool
  ) -> (stored: Int, unstored: Int) {
    let stored: Int
    switch answer.status {
    case 200, 201: stored = events
    case 202 where !isTopic: stored = events
    case 207: stored = told(in: answer.body.prefix(256), of: events)
    case 200..<300 where isTopic: stored = 0
    default: return (0, 0)
    }
    return (stored, events - stored)
  }

  /// The number behind `"stored":`, at most `events`; 0 where there is none.
  private static func told(in body: ByteSlice, of events: Int) -> Int {
    let key: StaticString = "\"stored\":"
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
