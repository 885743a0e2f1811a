import Bytes
import Topics

/// The appends of one commit: taken from stages, grouped by topic, written as chunks into one
/// buffer that later serves the tail. Committer thread only; reused from commit to commit.
struct CommitDraft: ~Copyable {
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

  /// One chunk in the buffer: key, header, records.
  struct Written {
    let topic: TopicState
    let last: UInt64
    let count: Int
    let baseTime: UnixTime
    let bytesBefore: UInt64
    let range: Range<Int>
  }

  private struct Piece {
    let stage: Int
    let start: Int
    let count: Int
  }

  /// The stages the appends are taken from, oldest first.
  private(set) var stages: [Stage] = []
  /// The first append that no commit has taken: its stage and its place there.
  private var nextStage = 0
  private var nextEntry = 0
  private(set) var taken: [Taken] = []
  private(set) var groups: [Group] = []
  private(set) var chunks: [Written] = []
  private(set) var events = 0
  private(set) var bytes = 0
  private var buffer = ByteBuffer()
  private var pieces: [Piece] = []
  private var pieceBytes = 0
  private let limits: StoreLimits

  init(limits: StoreLimits) { self.limits = limits }

  /// Whether appends wait that no commit has taken.
  var hasBacklog: Bool { !stages.isEmpty }

  func entry(_ index: Int) -> Stage.Entry { stages[taken[index].stage].entries[taken[index].entry] }

  /// Takes appends up to the limits of a commit, older stages first. Those of deleted topics are
  /// answered here and counted in the result.
  mutating func gather(_ arrived: [Stage]) -> (events: Int, bytes: Int) {
    stages += arrived
    var refused = (events: 0, bytes: 0)
    while nextStage < stages.count {
      let entries = stages[nextStage].entries
      while nextEntry < entries.count {
        let entry = entries[nextEntry]
        if events > 0,
          events + entry.events > limits.commitEvents
            || bytes + entry.byteCount > limits.commitBytes
        {
          return refused
        }
        if entry.topic.isDeleted {
          unsafe entry.waiting.resume(returning: .failed(.unknownTopic))
          refused.events += entry.events
          refused.bytes += entry.byteCount
        } else {
          take(entry.topic, events: entry.events)
          entry.topic.uses.note(entry.version)
          for version in entry.otherVersions { entry.topic.uses.note(version) }
          events += entry.events
          bytes += entry.byteCount
        }
        nextEntry += 1
      }
      nextStage += 1
      nextEntry = 0
    }
    return refused
  }

  private mutating func take(_ topic: TopicState, events: Int) {
    let index = taken.count
    taken.append(Taken(stage: nextStage, entry: nextEntry, next: -1))
    if topic.group < 0 {
      topic.group = groups.count
      groups.append(Group(topic: topic, head: index, last: index, events: events))
    } else {
      taken[groups[topic.group].last].next = index
      groups[topic.group].last = index
      groups[topic.group].events += events
    }
  }

  /// Assigns sequences and publish times, writes all chunks and puts them into `batch`.
  mutating func writeChunks(into batch: inout WriteBatch, at now: UnixTime) {
    let chunkBound = groups.count * 2 + events / Chunk.maxEvents + 2 * bytes / Chunk.maxBytes
    buffer = ByteBuffer(capacity: bytes + chunkBound * ChunkHeader.byteCount)
    for index in groups.indices {
      let topic = groups[index].topic
      topic.lastPublish = max(topic.lastPublish, now)
      groups[index].first = topic.next
      groups[index].publishTime = topic.lastPublish
      var next = groups[index].head
      while next >= 0 {
        add(next, of: topic, into: &batch)
        next = taken[next].next
      }
      closeChunk(of: topic, into: &batch)
    }
  }

  /// Adds one append's records to the chunk being collected.
  private mutating func add(_ index: Int, of topic: TopicState, into batch: inout WriteBatch) {
    let stage = taken[index].stage
    let entry = entry(index)
    if entry.events == 1 {
      return add(
        Piece(stage: stage, start: entry.start, count: entry.byteCount), of: topic, into: &batch)
    }
    // An atomic batch: its records one by one, so that a chunk's bounds hold for it too.
    let records = stages[stage].bytes.slice(entry.start..<(entry.start + entry.byteCount))
    var cursor = ByteCursor(records)
    while !cursor.isAtEnd {
      let start = cursor.offset
      guard (try? cursor.readPrefixed()) != nil else {
        preconditionFailure("a stage holds whole records")
      }
      add(
        Piece(stage: stage, start: entry.start + start, count: cursor.offset - start), of: topic,
        into: &batch)
    }
  }

  private mutating func add(_ piece: Piece, of topic: TopicState, into batch: inout WriteBatch) {
    if pieces.count == Chunk.maxEvents
      || (!pieces.isEmpty && pieceBytes + piece.count > Chunk.maxBytes)
    {
      closeChunk(of: topic, into: &batch)
    }
    pieces.append(piece)
    pieceBytes += piece.count
  }

  private mutating func closeChunk(of topic: TopicState, into batch: inout WriteBatch) {
    if pieces.isEmpty { return }
    let start = buffer.count
    let last = topic.next + UInt64(pieces.count) - 1
    let header = ChunkHeader(
      key: EventKey(topic: topic.number, last: last), count: pieces.count,
      baseTime: topic.lastPublish, bytesBefore: topic.bytes)
    let size = ChunkHeader.byteCount + pieceBytes
    // SAFETY: the filler and the batch use the memory inside the closure only; RocksDB copies.
    _ = unsafe buffer.appendUnsafe(room: size) { memory in
      let chunk = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
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
      return size
    }
    chunks.append(
      Written(
        topic: topic, last: last, count: pieces.count, baseTime: topic.lastPublish,
        bytesBefore: topic.bytes, range: start..<buffer.count))
    topic.next = last + 1
    topic.bytes += UInt64(pieceBytes)
    pieces.removeAll(keepingCapacity: true)
    pieceBytes = 0
  }

  /// The chunk as readers of the tail get it; shares the commit's buffer.
  func chunk(_ written: Written) -> Chunk {
    Chunk(
      count: written.count, baseTime: written.baseTime, bytesBefore: written.bytesBefore,
      records: buffer.slice(
        (written.range.lowerBound + ChunkHeader.byteCount)..<written.range.upperBound))
  }

  /// Answers everyone whose append no commit has taken, and forgets them.
  mutating func failBacklog(_ failure: AppendFailure) {
    for stage in nextStage..<stages.count {
      stages[stage].fail(from: stage == nextStage ? nextEntry : 0, failure)
    }
    stages = []
    nextStage = 0
    nextEntry = 0
  }

  /// Forgets the commit; returns the stages that are empty now.
  mutating func finish() -> [Stage] {
    for group in groups { group.topic.group = -1 }
    taken.removeAll(keepingCapacity: true)
    groups.removeAll(keepingCapacity: true)
    chunks.removeAll(keepingCapacity: true)
    events = 0
    bytes = 0
    buffer = ByteBuffer()
    let emptied = Array(stages[..<nextStage])
    stages.removeFirst(nextStage)
    nextStage = 0
    for stage in emptied { stage.reset() }
    return emptied
  }
}
