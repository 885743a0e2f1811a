public import Bytes

/// Answers requests: what stands between the wire and the journeys. One per loop, confined to it;
/// all methods run on the loop, the asynchronous ones in the task of their connection.
public protocol Responder: AnyObject, SendableMetatype {
  /// Answers a request without the connection's task, if it is of those that can be answered so:
  /// starting and ending a task's waits costs more than many a request. Asked first for requests
  /// that have been received completely.
  func begin(
    _ request: HTTPRequest, with answer: inout AnswerWriter, for taker: any AnswerTaker
  ) -> Beginning

  /// Answers one request by writing to `answer`. When the peer hangs up meanwhile, the task is
  /// cancelled: waits end early, appends go on.
  func respond(to request: HTTPRequest, with answer: inout AnswerWriter) async -> AnswerEnd

  /// Writes the body text for a "no" of the wire's own; the connection ends afterwards.
  func refuse(_ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter)

  /// The loop has run everything that was ready: the time to hand staged appends on. May resume
  /// tasks of this loop; they run before the loop sleeps.
  func turnEnded()
}

/// What `Responder.begin` has made of a request.
public enum Beginning: Sendable {
  /// Nothing, or nothing that would show if `respond` began from the start: it is called next.
  case left
  /// The answer is complete.
  case complete
  /// `AnswerTaker.completeAnswer` will be called, once, whatever becomes of the connection.
  case begun
}

/// A connection or a stream whose request is answered without a task. Loop-confined.
public protocol AnswerTaker: AnyObject {
  /// Lets `write` complete the answer that `begin` has left open; not to be called within `begin`.
  func completeAnswer(_ write: (inout AnswerWriter) -> Void)
}

extension Responder {
  // For those that answer in tasks only.
  public func begin(
    _ request: HTTPRequest, with answer: inout AnswerWriter, for taker: any AnswerTaker
  ) -> Beginning { .left }
}

/// How an answer ends.
public enum AnswerEnd {
  /// `finish` or `finishEmpty` has been called.
  case complete
  /// `startStream` has been called; the body comes from the stream.
  case stream(any AnswerStream)
}

/// A body that is made while it is sent. Loop-confined.
public protocol AnswerStream: AnyObject {
  /// The connection lends itself before the first step, for as long as the stream lives.
  func attach(to sink: any AnswerSink)

  /// The stream has ended or the connection has; nothing more is taken.
  func detach()

  /// Appends the next bytes. Called again only when the socket has taken the previous ones, so that
  /// a slow reader slows its stream and holds no more than one step of memory. Runs in a task that
  /// is cancelled when the peer hangs up or the server drains: return `.end` or `.abort` then.
  func next(into bytes: inout ByteWriter) async -> AnswerStreamStep
}

extension AnswerStream {
  // For streams that never wait.
  public func attach(to sink: any AnswerSink) {}
  public func detach() {}
}

/// A connection as a stream that waits sees it: it has no task then, so that a quiet reader takes
/// little memory, and an event that the socket takes at once needs none. Loop-confined.
public protocol AnswerSink: AnyObject {
  /// Ends the stream's wait: `next` is called in a new task. When nobody waits yet, the wait that
  /// comes ends at once.
  func rouse()

  /// Sends one chunk of a stream that waits, framed by `ChunkFrame`, without a copy where the
  /// socket takes it.
  func push(_ chunk: ByteSlice) -> PushOutcome
}

/// What became of a chunk.
public enum PushOutcome: Sendable, Equatable {
  /// The socket has all of it, and the stream waits on.
  case sent
  /// It will be sent; the wait is over, `next` follows when the socket has all of it.
  case queued
  /// Not taken, because the stream does not wait or its socket is full; `next` follows.
  case refused
}

/// What a stream wants after a step; appended bytes are sent in every case but `.abort`.
public enum AnswerStreamStep: Sendable, Equatable {
  case more
  /// Nothing was appended: call again when the sink is roused, the peer hangs up, the server
  /// drains, or at this instant.
  case wait(until: MonotonicTime)
  /// The body ends here, cleanly.
  case end
  /// Cut the connection without a last chunk, so that the client sees the truncation.
  case abort
}

/// Time on a loop and the way back to it: what a `Responder` needs to wait. Loop-confined.
public protocol LoopTimers: AnyObject {
  /// Runs a piece of work on this loop before its next turn ends; any thread may call it. The work
  /// may resume tasks, it must not block.
  var post: @Sendable (@escaping @Sendable () -> Void) -> Void { get }
  var clocks: Clocks { get }
  /// The monotonic clock now; cheaper than `clocks`, which is copied for it.
  func monotonic() -> MonotonicTime
  /// The instant at which the current turn of the loop began; cheaper than a clock.
  var now: MonotonicTime { get }
  /// Calls `fire` on the loop, once, not before `at`.
  func schedule(at: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken
  /// Drops a timer; a token that has fired or was cancelled is ignored.
  func cancel(_ token: TimerToken)
}

extension LoopTimers {
  public func monotonic() -> MonotonicTime { clocks.monotonic() }

  /// Comes back in the loop's next turn, once sockets and everybody else have had theirs; to yield
  /// lets only those go first who are ready already.
  public func nextTurn() async {
    await withCheckedContinuation { waiting in
      _ = schedule(at: now) { waiting.resume() }
    }
  }
}

/// Names one scheduled timer of one loop.
public struct TimerToken: Hashable, Sendable {
  public let slot: UInt32
  public let generation: UInt32

  public init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
}
