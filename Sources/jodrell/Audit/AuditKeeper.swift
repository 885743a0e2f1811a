import Bytes
import Crypto
import Gateway
import Glibc
import Metrics
import Network
import RocksStore
import Schemas
import Settings
import Synchronization
import Topics

/// Writes the audit log: takes what waits in the trail, chains it, appends it to the file and
/// publishes it to the topic; signs where the chain stands, if there is a key. One task; whoever
/// decides never waits for it, but for changes under `required`.
actor AuditKeeper {
  typealias Log = RocksTopicLog

  nonisolated let trail: AuditTrail
  private let metrics: AuditMetrics
  private let log: LogWriter
  private let rings: AsyncStream<Void>
  private nonisolated let bell: AsyncStream<Void>.Continuation
  private let path: String?
  private let topic: AuditTopic?
  private var chain = AuditChain.start
  /// Where the chain stands in the file, on disk; nil where a new chain follows none.
  private var stored: AuditChain?
  /// `stored` is known by the signed head of a file that was moved away: more may lie behind it.
  private var isStoredAtLeast = false
  /// The file that was written last, and where its chain may end: behind what was written, and
  /// where that failed behind any of its lines.
  private var identity: AuditFile.Identity?
  private var ends: [AuditChain] = []
  private var signing: AuditSigning?
  private var isTorn = false
  private var engine: Log?
  private var appender: Log.Appender?
  private let scratch = SchemaScratch()
  private var hasFailed = false

  /// Entries of one write and of one commit.
  private static let batch = 1_000
  /// Between two tries of a topic that takes nothing now, and how many there are.
  private static let pause: UInt64 = 1_000_000_000
  private static let tries = 3

  /// Opens the file and finds the key, so that what is wrong with them is told before anything
  /// serves.
  init(
    _ settings: AuditSettings, in directory: String, metrics: AuditMetrics, log: LogWriter
  ) throws(CommandFault) {
    self.metrics = metrics
    self.log = log
    let (rings, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.rings = rings
    self.bell = bell
    trail = AuditTrail(
      sample: settings.sample, isRequired: settings.isRequired, metrics: metrics
    ) { bell.yield() }
    path = settings.file.map { FileAccess.resolve($0, from: directory) }
    do {
      topic = settings.topic ? try AuditTopic(at: Clocks.system.wall()) : nil
    } catch {
      throw CommandFault(.failed, "the audit log's topic: \(error)")
    }
    signing = try settings.signature.map { signature throws(CommandFault) in
      try AuditSigning(signature, in: directory)
    }
    if let path {
      do throws(FileFault) {
        let file = try AuditFile(path)
        chain = file.chain
        isTorn = file.isTorn
        identity = file.identity
        ends = [chain]
      } catch {
        throw CommandFault(
          .badSettings,
          error.code == EINVAL ? "\(path): not the file of an audit log" : error.description)
      }
      if chain.sequence > 0 { stored = chain }
      if let moved = try signing?.end(of: path, at: chain) {
        stored = moved
        isStoredAtLeast = true
      }
      // From now on there is a head, so that one that is missing tells something.
      do {
        if stored == nil { try signing?.writeHead(chain, of: path, at: Clocks.system) }
      } catch {
        throw CommandFault(.failed, "\(AuditSigning.headPath(of: path)): \(error)")
      }
    }
  }

  /// Writes until `finish`. Started once, when the log is open.
  nonisolated func start(_ engine: Log) -> Task<Void, Never> {
    Task { await run(engine) }
  }

  /// What has been recorded so far is written; the task of `start` ends.
  nonisolated func finish() { bell.finish() }

  private func run(_ engine: Log) async {
    self.engine = engine
    if topic != nil {
      appender = engine.makeAppender(answeringBy: { work in Task { await self.perform(work) } })
    }
    // A signature may be due when nothing has happened since.
    let clock = signing.map { _ in
      Task { [bell] in
        while !Task.isCancelled {
          try? await Task.sleep(nanoseconds: Self.pause)
          bell.yield()
        }
      }
    }
    for await _ in rings { await drain() }
    clock?.cancel()
    await drain(isEnd: true)
    appender = nil
  }

  private func perform(_ work: @Sendable () -> Void) { work() }

  private func flush() { appender?.flush() }

  private func drain(isEnd: Bool = false) async {
    var waiting = trail.drain()[...]
    while !waiting.isEmpty {
      let entries = waiting.prefix(Self.batch)
      waiting = waiting.dropFirst(Self.batch)
      let isWritten = await write(entries)
      for entry in entries { entry.settled(isWritten) }
    }
    await sign(isEnd: isEnd)
  }

  /// Writes entries, or the line that signs those before it, where they belong.
  private func write(_ entries: ArraySlice<AuditTrail.Entry>, isSignature: Bool = false) async
    -> Bool
  {
    let (lines, isInFile) = store(entries, isSignature)
    if lines.isEmpty { return false }
    let isInTopic = await publish(lines)
    guard isInFile, isInTopic else {
      metrics.failures.add(lines.count)
      return false
    }
    metrics.written.add(lines.count)
    hasFailed = false
    if !isSignature { signing?.noteEntries(at: Clocks.system.monotonic()) }
    return true
  }

  /// Signs what is due: a line of the log, and the file beside it.
  private func sign(isEnd: Bool) async {
    let now = Clocks.system.monotonic()
    if signing?.isLineDue(at: now, isEnd: isEnd) == true, await write([], isSignature: true) {
      signing?.noteLine()
    }
    if signing?.isHeadDue(at: now, isEnd: isEnd) == true { writeHead() }
  }

  /// Writes the file beside the log: what is known to lie in it, whatever does.
  @discardableResult
  private func writeHead() -> Bool {
    guard let path, let stored else { return true }
    do {
      try signing?.writeHead(stored, of: path, at: Clocks.system)
      return true
    } catch {
      tell("\(error)")
      return false
    }
  }

  /// Chains the entries and appends them to the file, which is opened for each batch, so that one
  /// that was moved away is followed by a new one with a chain of its own. A file that does not end
  /// where it was left is not written: a signature over it would make it good.
  private func store(
    _ entries: ArraySlice<AuditTrail.Entry>, _ isSignature: Bool
  ) -> ([ByteSlice], inFile: Bool) {
    guard let path else { return (chained(entries, isSignature), true) }
    var lines: [ByteSlice] = []
    do throws(FileFault) {
      let file = try AuditFile(path)
      let isSame = file.identity.isSame(as: identity)
      let isBegun = file.chain.sequence == 0 && !file.isTorn && !isSame
      if isBegun || ends.contains(file.chain) {
        // Behind a kill the new file and the head must agree on where the old one ended.
        if isBegun, !isStoredAtLeast, !writeHead() {
          return (isSignature ? [] : chained(entries, false), false)
        }
        try file.mend()
        chain = file.chain
        isTorn = isTorn || file.isTorn
        identity = file.identity
        ends = [chain]
        if chain.sequence > 0 {
          stored = chain
        } else if let stored {
          lines.append(begin(after: stored))
        }
        lines += chained(entries, isSignature)
        try file.append(lines)
        ends = [chain]
        stored = chain
        isStoredAtLeast = false
        return (lines, true)
      }
      tell(
        "\(path): does not end where it was left, at entry \(ends.first?.sequence ?? 0): it was "
          + "shortened or replaced. Move it away to begin a new one")
    } catch {
      // Any number of them may lie there.
      ends += lines.compactMap { AuditChain(behind: $0.prefix($0.count - 1)) }
      tell(error.description)
    }
    if isSignature { return ([], false) }
    return (lines.isEmpty ? chained(entries, false) : lines, false)
  }

  /// The first line of a file that follows another one.
  private func begin(after previous: AuditChain) -> ByteSlice {
    defer { isTorn = false }
    let now = Clocks.system.wall()
    let head = try? signing?.signer.sign(previous, at: now)
    return chain.append(
      after: previous, isAtLeast: isStoredAtLeast, head, at: now, isTorn: isTorn)
  }

  private func chained(
    _ entries: ArraySlice<AuditTrail.Entry>, _ isSignature: Bool
  ) -> [ByteSlice] {
    defer { isTorn = false }
    guard isSignature else {
      return entries.enumerated().map { place, entry in
        chain.append(entry, isTorn: isTorn && place == 0)
      }
    }
    let now = Clocks.system.wall()
    guard let head = try? signing?.signer.sign(chain, at: now) else { return [] }
    return [chain.append(head, isTorn: isTorn)]
  }

  private func publish(_ lines: [ByteSlice]) async -> Bool {
    guard let topic, let engine, let appender else { return true }
    for attempt in 1...Self.tries {
      do {
        if engine.open(topic.address) == nil {
          _ = try await engine.createTopic(topic.address, TopicConfiguration())
        }
        guard let open = engine.open(topic.address) else { return false }
        let events = try topic.events(lines, scratch)
        // Runs as soon as this task waits: what it has staged by then is handed over.
        Task { flush() }
        _ = try await appender.appendAll(events, to: open)
        return true
      } catch {
        tell("\(error)")
        if attempt < Self.tries { try? await Task.sleep(nanoseconds: Self.pause) }
      }
    }
    return false
  }

  /// Says once that the audit log is not written, until it is again.
  private func tell(_ fault: String) {
    guard !hasFailed else { return }
    hasFailed = true
    log.log(.error, "audit log not written", ["fault": .text(fault)])
  }
}
