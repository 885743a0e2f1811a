import Bytes
import HTTPWire
import Network
import Synchronization

/// What the responders of one test's server have met, for the test to look at.
final class Journal: Sendable {
  struct Entries: Sendable {
    var turnSizes: [Int] = []
    var cancelled = 0
    /// Requests that are answered without a task.
    var begun = 0
    /// Requests that have begun to wait.
    var waiting = 0
    /// Whether those that do not hear of cancellation may end.
    var isReleased = true
    var streamSteps = 0
    var bodyFailures: [BodyFailure] = []
    var pieces = 0
    var lateBody: BodyFailure?
    var outcomes: [PushOutcome] = []
    /// A waiting stream has said all it has to say.
    var isAtEnd = false
  }

  private let entries = Mutex(Entries())

  func note(_ change: @Sendable (inout Entries) -> Void) { entries.withLock { change(&$0) } }
  var now: Entries { entries.withLock { $0 } }
}

/// Answers by path: a small world of every way to answer.
final class TestResponder: Responder {
  private let timers: any LoopTimers
  private let journal: Journal
  /// Requests that are answered when the turn ends.
  private var staged: [CheckedContinuation<Void, Never>] = []

  init(_ timers: any LoopTimers, _ journal: Journal) {
    self.timers = timers
    self.journal = journal
  }

  /// `POST /kept` is told how often its head has come in a row.
  ///
  /// `POST /now` and `/once` are echoed without a task, `/held` once that is released; with a query
  /// by 4 MiB.
  func begin(
    _ request: HTTPRequest, with answer: inout AnswerWriter, for taker: any AnswerTaker
  ) -> Beginning {
    let path = request.head.path
    guard request.head.method == .post, let received = request.body.received else { return .left }
    let isLarge = request.head.query != nil
    let body = isLarge ? ByteSlice(Array(repeating: 0x61, count: 4 << 20)) : received
    if path.equals("/kept") {
      let met = request.memo as? Met ?? Met()
      request.memo = met
      met.count += 1
      answer.start(200)
      answer.finish(contentType: "text/plain", body: bytes("\(met.count);"))
      return .complete
    }
    if path.equals("/now") {
      answer.start(200)
      answer.finish(contentType: "text/plain", body: body)
      return .complete
    }
    guard path.equals("/once") || path.equals("/held") else { return .left }
    journal.note { $0.begun += 1 }
    complete(taker, ByteSlice(copying: body.span), isHeld: path.equals("/held"))
    return .begun
  }

  private func complete(_ taker: any AnswerTaker, _ body: ByteSlice, isHeld: Bool) {
    _ = timers.schedule(at: timers.clocks.monotonic() + .milliseconds(2)) { [self] in
      if isHeld, !journal.now.isReleased { return complete(taker, body, isHeld: true) }
      taker.completeAnswer { answer in
        answer.start(200)
        answer.finish(contentType: "text/plain", body: body)
      }
    }
  }

  func respond(to request: HTTPRequest, with answer: inout AnswerWriter) async -> AnswerEnd {
    let path = request.head.path
    if path.equals("/echo") || path.equals("/once") || path.equals("/now") {
      return await echo(request, &answer)
    }
    if path.equals("/pieces") { return await pieces(request, &answer) }
    if path.equals("/staged") {
      await withCheckedContinuation { staged.append($0) }
      answer.start(201)
      answer.finishEmpty()
      return .complete
    }
    if path.equals("/wait") {
      // As good as for ever.
      await wait(.seconds(3_600))
      if Task.isCancelled { journal.note { $0.cancelled += 1 } }
      answer.start(Task.isCancelled ? 503 : 200)
      answer.finishEmpty()
      return .complete
    }
    if path.equals("/later") {
      await wait(.milliseconds(100), isDeaf: true)
      while !journal.now.isReleased { await wait(.milliseconds(5), isDeaf: true) }
      answer.start(200)
      answer.finish(contentType: "text/plain", body: ByteSlice(utf8: "later"))
      return .complete
    }
    if path.equals("/stream") || path.equals("/flood") || path.equals("/broken") {
      answer.start(200)
      answer.startStream(contentType: "text/event-stream")
      return .stream(
        TestStream(
          journal: journal, isFlood: path.equals("/flood"), isBroken: path.equals("/broken")))
    }
    if path.equals("/waiting") {
      answer.start(200)
      answer.startStream(contentType: "text/event-stream")
      return .stream(WaitingStream(timers, journal, isLarge: request.head.query != nil))
    }
    if path.equals("/certificate") {
      answer.start(200)
      var text = ByteWriter()
      text.append(decimal: request.clientCertificate?.count ?? 0)
      answer.finish(contentType: "text/plain", body: text)
      return .complete
    }
    if path.equals("/peer") {
      answer.start(200)
      answer.finish(contentType: "text/plain", body: request.peer)
      return .complete
    }
    if path.equals("/forgetful") { return .complete }
    answer.start(200)
    answer.finish(contentType: "text/plain", body: path)
    return .complete
  }

  private func echo(_ request: HTTPRequest, _ answer: inout AnswerWriter) async -> AnswerEnd {
    do throws(BodyFailure) {
      let body = try await request.body.collect(upTo: 4 << 20)
      answer.start(200)
      answer.finish(contentType: "application/octet-stream", body: body)
    } catch {
      journal.note { $0.bodyFailures.append(error) }
      answer.start(error.refusal?.status ?? 400)
      answer.finishEmpty()
    }
    return .complete
  }

  private func pieces(_ request: HTTPRequest, _ answer: inout AnswerWriter) async -> AnswerEnd {
    do throws(BodyFailure) {
      var sum = 0
      while let piece = try await request.body.next() {
        sum += piece.count
        journal.note { $0.pieces += 1 }
      }
      answer.start(200)
      var text = ByteWriter()
      text.append(decimal: sum)
      answer.finish(contentType: "text/plain", body: text)
    } catch {
      journal.note { $0.bodyFailures.append(error) }
      answer.start(error.refusal?.status ?? 400)
      answer.finishEmpty()
    }
    return .complete
  }

  /// Waits on the loop's timers; cancellation ends it unless `isDeaf`.
  private func wait(_ span: TimeSpan, isDeaf: Bool = false) async {
    journal.note { $0.waiting += 1 }
    let deadline = timers.clocks.monotonic() + span
    while timers.clocks.monotonic() < deadline {
      if !isDeaf, Task.isCancelled { return }
      await withCheckedContinuation { waiting in
        _ = timers.schedule(at: timers.clocks.monotonic() + .milliseconds(5)) { waiting.resume() }
      }
    }
  }

  func refuse(_ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter) {
    answer.start(refusal.status)
    answer.finish(contentType: "text/plain", body: ByteSlice(utf8: "no"))
  }

  func turnEnded() {
    guard !staged.isEmpty else { return }
    let size = staged.count
    journal.note { $0.turnSizes.append(size) }
    let waiting = staged
    staged = []
    for one in waiting { one.resume() }
  }
}

/// Three ticks, or an endless flood of 64 KiB steps, or one tick and an abort.
final class TestStream: AnswerStream {
  private let journal: Journal
  private let isFlood: Bool
  private let isBroken: Bool
  private var steps = 0

  init(journal: Journal, isFlood: Bool, isBroken: Bool) {
    self.journal = journal
    self.isFlood = isFlood
    self.isBroken = isBroken
  }

  func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    if Task.isCancelled {
      journal.note { $0.cancelled += 1 }
      return .end
    }
    steps += 1
    journal.note { $0.streamSteps += 1 }
    if isFlood {
      bytes.append(Array(repeating: 0x61, count: 64 * 1024))
      return .more
    }
    if steps == 2, isBroken { return .abort }
    bytes.append("tick\n")
    return steps == 3 ? .end : .more
  }
}

/// How often a head has come in a row.
private final class Met: HeadMemo {
  var count = 0
}
