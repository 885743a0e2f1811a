import Bytes
import Topics

/// One commit: appends taken from stages, grouped by topic, written as chunks into blocks that
/// later serve the tail; and what else it settles once it is durable. Committer thread only; used
/// again and again.
final class CommitDraft {
  /// All appends of one topic in this commit, in order of arrival.
  struct Group {
    let topic: TopicState
    /// The topic's appends as a list through `taken`.
    var head: Int
    var last: Int
    var events: Int
    /// Sequence of the group's first event and time of all of them; set by `writeChunks`.
    var first: UInt64 = 0
    var publishTime = UnixTime(nanoseconds: 0)
  }

  /// One append in this commit, and the next one of the same topic (-1 none).
  struct Taken {
    let stage: Int
    let entry: Int
    var next: Int
  }

  /// One chunk that was written.
  struct Written {
    let topic: TopicState
    let last: UInt64
    /// As readers of the tail get it.
    let chunk: Chunk
  }

  private struct Piece {
    let stage: Int
    let start: Int
    let count: Int
  }

  /// The commit's number, and what the wall clock said when it was made.
  var number: UInt64 = 0
  var clock = UnixTime(nanoseconds: 0)
  var started = MonotonicTime(nanoseconds: 0)
  /// Progress of subscriptions that it holds.
  var changes: [StagedChange] = []
  /// Mutations that ran for it.
  var applied: [Mutation] = []
  /// What is to be done once it is durable, and never when it fails.
  var effects: [() -> Void] = []
  /// What it writes.
  var batch = WriteBatch()
  /// The stages the appends are taken from, oldest first. The last one may have more in it than
  /// this commit takes.
  private(set) var stages: [Stage] = []
  /// So many of the stages are empty with this commit.
  private var emptied = 0
  private(set) var taken: [Taken] = []
  private(set) var groups: [Group] = []
  private(set) var chunks: [Written] = []
  private(set) var events = 0
  private(set) var bytes = 0
  private var blocks: TailBlocks
  private var pieces: [Piece] = []
  private var pieceBytes = 0
  private let limits: StoreLimits

  init(limits: StoreLimits) {
    self.limits = limits
    blocks = TailBlocks(tailBytes: limits.tailBytes)
  }

  /// See `TailBlocks`.
  var tailBytes: Int { blocks.heldBytes }

  /// Takes appends up to the limits of a commit, older stages first. Those of deleted topics, and
  /// those that were checked against a version that is gone, are answered here and counted in the
  /// result.
  func gather(from backlog: inout Backlog) -> (events: Int, bytes: Int) {
    var refused = (events: 0, bytes: 0)
    while let stage = backlog.first {
      stages.append(stage)
      while backlog.next < stage.entries.count {
        let place = stage.entries[backlog.next].topic
        let topic = stage.topics[place]
        repeat {
          if !gather(backlog.next, of: stage, to: topic, &refused) { return refused }
          backlog.next += 1
        } while backlog.next < stage.entries.count && stage.entries[backlog.next].topic == place
      }
      emptied += 1
      backlog.dropFirst()
    }
    return refused
  }

  /// Takes one append, or answers it.
  ///
  /// - Returns: false where it is more than fits in.
  private func gather(
    _ index: Int, of stage: Stage, to topic: TopicState,
    _ refused: inout (events: Int, bytes: Int)
  ) -> Bool {
    // The parts that are needed, and not a copy of all: that would count what they refer to.
    let version = stage.entries[index].version
    let (count, size) = (stage.entries[index].events, stage.entries[index].byteCount)
    if events > 0,
      events + count > limits.commitEvents || bytes + size > limits.commitBytes
    {
      return false
    }
    let isGone = topic.uses.isGone(version, stage.entries[index].otherVersions)
    if topic.isDeleted || isGone {
      // Whoever sends it again meets the topic's schemas as they are now.
      let failure: AppendFailure =
        topic.isDeleted ? .unknownTopic : .overloaded(retryAfter: .seconds(1))
      stage.entries[index].waiter.tell(failure, by: stage.post)
      refused.events += count
      refused.bytes += size
    } else {
      take(topic, at: index, events: count)
      topic.uses.note(version)
      for version in stage.entries[index].otherVersions { topic.uses.note(version) }
      events += count
      bytes += size
    }
    return true
  }

  private func take(_ topic: TopicState, at entry: Int, events: Int) {
    let index = taken.count
    taken.append(Taken(stage: stages.count - 1, entry: entry, next: -1))
    if topic.group < 0 {
      topic.group = groups.count
      groups.append(Group(topic: topic, head: index, last: index, events: events))
    } else {
      taken[groups[topic.group].last].next = index
      groups[topic.group].last = index
      groups[topic.group].events += events
    }
  }

  /// Assigns sequences and publish times, writes all chunks and puts them into the batch.
  func writeChunks(at now: UnixTime) {
    for index in groups.indices {
      let topic = groups[index].topic
      topic.lastPublish = max(topic.lastPublish, now)
      groups[index].first = topic.next
      groups[index].publishTime = topic.lastPublish
      var next = groups[index].head
      while next >= 0 {
        add(next, of: topic)
        next = taken[next].next
      }
      closeChunk(of: topic)
    }
  }

  /// Adds one append's records to the chunk being collected.
  private func add(_ index: Int, of topic: TopicState) {
    let stage = taken[index].stage
    let run = stages[stage].run(of: taken[index].entry)
    if run.events == 1 {
      return add(Piece(stage: stage, start: run.start, count: run.byteCount), of: topic)
    }
    // An atomic batch: its records one by one, so that a chunk's bounds hold for it too.
    let records = stages[stage].bytes.slice(run.start..<(run.start + run.byteCount))
    var cursor = ByteCursor(records)
    while !cursor.isAtEnd {
      let start = cursor.offset
      guard (try? cursor.readPrefixed()) != nil else {
        preconditionFailure("a stage holds whole records")
      }
      add(
        Piece(stage: stage, start: run.start + start, count: cursor.offset - start), of: topic)
    }
  }

  private func add(_ piece: Piece, of topic: TopicState) {
    if pieces.count == Chunk.maxEvents
      || (!pieces.isEmpty && pieceBytes + piece.count > Chunk.maxBytes)
    {
      closeChunk(of: topic)
    }
    pieces.append(piece)
    pieceBytes += piece.count
  }

  private func closeChunk(of topic: TopicState) {
    if pieces.isEmpty { return }
    let last = topic.next + UInt64(pieces.count) - 1
    let header = ChunkHeader(
      key: EventKey(topic: topic.number, last: last), count: pieces.count,
      baseTime: topic.lastPublish, bytesBefore: topic.bytes)
    let size = ChunkHeader.byteCount + pieceBytes
    // SAFETY: the filler and the batch use the memory inside the closure only; RocksDB copies.
    let written = unsafe blocks.write(size) { chunk in
      var filler = unsafe ByteFiller(chunk)
      header.write(into: &filler)
      for piece in pieces {
        filler.append(
          stages[piece.stage].bytes.slice(piece.start..<(piece.start + piece.count)))
      }
      unsafe ChunkHeader.seal(chunk)
      unsafe batch.put(
        topic.bucket.family,
        key: UnsafeRawBufferPointer(rebasing: chunk[..<EventKey.byteCount]),
        value: UnsafeRawBufferPointer(rebasing: chunk[EventKey.byteCount...]))
    }
    chunks.append(
      Written(
        topic: topic, last: last,
        chunk: Chunk(
          count: pieces.count, baseTime: topic.lastPublish, bytesBefore: topic.bytes,
          records: written.dropFirst(ChunkHeader.byteCount))))
    topic.next = last + 1
    topic.bytes += UInt64(pieceBytes)
    topic.bucket.bytes += UInt64(size)
    pieces.removeAll(keepingCapacity: true)
    pieceBytes = 0
  }

  /// Everything is in the batch: the next commit's groups may be made.
  func closeGroups() { for group in groups { group.topic.group = -1 } }

  /// Hands the answers of all its appends to the stages' loops.
  func giveAnswers(durableAt: MonotonicTime, took: TimeSpan) {
    for stage in stages { stage.expectAnswers() }
    for group in groups {
      let ledger = group.topic.ledger
      var first = group.first
      var next = group.head
      while next >= 0 {
        let place = taken[next]
        let stored = AppendOutcome.Stored(
          ledger: ledger, first: first, publishTime: group.publishTime, durableAt: durableAt,
          commit: took)
        first += UInt64(stages[place.stage].answer(place.entry, stored))
        next = place.next
      }
    }
    for stage in stages { stage.giveAnswers() }
  }

  /// Answers everyone that nobody knows what became of it.
  func fail() {
    for index in taken.indices {
      let stage = stages[taken[index].stage]
      stage.entries[taken[index].entry].waiter.tell(.outcomeUnknown, by: stage.post)
    }
    for change in changes { change.settle(.failure(.outcomeUnknown)) }
    for mutation in applied { mutation.fail(.outcomeUnknown) }
  }

  /// Forgets the commit; returns the stages that are empty now.
  func finish() -> [Stage] {
    taken.removeAll(keepingCapacity: true)
    groups.removeAll(keepingCapacity: true)
    chunks.removeAll(keepingCapacity: true)
    changes.removeAll(keepingCapacity: true)
    applied.removeAll(keepingCapacity: true)
    effects.removeAll(keepingCapacity: true)
    batch.clear()
    events = 0
    bytes = 0
    let empty = Array(stages[..<emptied])
    stages.removeAll(keepingCapacity: true)
    emptied = 0
    for stage in empty { stage.reset() }
    return empty
  }
}

/// Appends that no commit has taken yet: stages, oldest first. Committer thread only.
struct Backlog {
  private var stages: [Stage] = []
  /// The first entry of the first stage that no commit has taken.
  var next = 0

  var isEmpty: Bool { stages.isEmpty }
  var first: Stage? { stages.first }

  mutating func add(_ arrived: [Stage]) { stages += arrived }

  /// The first stage has been taken whole.
  mutating func dropFirst() {
    stages.removeFirst()
    next = 0
  }

  /// Answers everyone that was waiting, and forgets them.
  mutating func fail(_ failure: AppendFailure) {
    for (index, stage) in stages.enumerated() { stage.fail(from: index == 0 ? next : 0, failure) }
    stages = []
    next = 0
  }
}
