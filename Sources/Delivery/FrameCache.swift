import Bytes
import HTTPWire
import Tenancy
import Topics

/// Events as they go out, kept while several readers of one loop follow the same topic in the same
/// view and format, so that each event is encoded once for all of them. Loop-confined.
public final class FrameCache {
  struct Key: Hashable {
    let topic: TopicAddress
    let view: UInt8
    let classes: ClassSet
    let format: StreamFormat
  }

  /// All runs together hold at most so many bytes.
  private let capacity: Int
  private(set) var bytes = 0
  private var runs: [Key: FrameRun] = [:]

  public init(capacity: Int = 16 << 20) { self.capacity = capacity }

  /// The run that readers of this kind share; give it back with `leave`.
  func join(_ topic: TopicAddress, _ rendering: RecordRendering, _ format: StreamFormat)
    -> FrameRun
  {
    let key = Key(
      topic: topic, view: rendering.view, classes: rendering.classes, format: format)
    let run = runs[key] ?? FrameRun(key: key)
    runs[key] = run
    run.readers += 1
    return run
  }

  func leave(_ run: FrameRun) {
    run.readers -= 1
    if run.readers > 0 { return }
    bytes -= run.bytes
    run.removeAll()
    runs[run.key] = nil
  }

  /// Drops the run's frames if they were made on another basis than they would be now, and looks
  /// which of a page's events can go out, from the first on.
  ///
  /// - Returns: how many; nil where that is all.
  func settle(_ page: Page, _ rendering: RecordRendering, of run: FrameRun) -> Int? {
    if page.records.isEmpty { return nil }
    let basis = rendering.basis()
    if run.basis != basis {
      bytes -= run.bytes
      run.removeAll()
      run.basis = basis
    }
    let missing = run.missing(of: page.records)
    let count = rendering.ready(missing)
    return count == missing.count ? nil : page.records.firstIndex { $0.id == missing[count].id }
  }

  /// Appends the frame of `record`, encoding it only when no fellow reader has.
  func append(
    _ record: Record, _ rendering: RecordRendering, of run: FrameRun, to output: inout ByteWriter
  ) {
    guard run.readers > 1, record.durableAt != nil else {
      return run.key.format.frame(record, rendering, into: &output)
    }
    if let frame = run.frame(of: record.id) { return output.append(frame) }
    var writer = ByteWriter()
    run.key.format.frame(record, rendering, into: &writer)
    let frame = writer.slice
    output.append(frame)
    guard rendering.mayKeep(record) else { return }
    bytes += run.keep(frame, of: record.id, room: capacity - bytes)
  }

  /// How many kinds of reader there are; for tests.
  var runCount: Int { runs.count }
}

/// The newest frames of one topic in one view and format: adjacent entries.
final class FrameRun {
  let key: FrameCache.Key
  /// Those of its readers who wait, where any ever has.
  private var audience: Audience?
  var readers = 0
  /// What its frames depend on besides the records.
  fileprivate(set) var basis: SchemaEdition?
  private(set) var bytes = 0
  /// How often an encoded frame served another reader; for tests.
  private(set) var hits = 0
  private var ledger: UInt64 = 0
  private var first: UInt64 = 0
  private var frames: [ByteSlice] = []
  private static let mostFrames = 512
  private static let mostBytes = 512 << 10

  init(key: FrameCache.Key) { self.key = key }

  /// - Parameter timers: of the loop of its readers.
  func audience(on timers: any LoopTimers) -> Audience {
    if let audience { return audience }
    let audience = Audience(timers: timers)
    self.audience = audience
    return audience
  }

  func frame(of id: MessageID) -> ByteSlice? {
    guard holds(id) else { return nil }
    hits += 1
    return frames[Int(id.entry - first)]
  }

  private func holds(_ id: MessageID) -> Bool {
    id.ledger == ledger && id.entry >= first && id.entry - first < UInt64(frames.count)
  }

  /// Those that are still to be encoded.
  func missing(of records: [Record]) -> [Record] {
    guard readers > 1, !frames.isEmpty else { return records }
    return records.filter { $0.durableAt == nil || !holds($0.id) }
  }

  /// Keeps a frame behind those that are there, if there is room; returns by how much the run grew.
  func keep(_ frame: ByteSlice, of id: MessageID, room: Int) -> Int {
    let before = bytes
    if id.ledger != ledger || id.entry > first + UInt64(frames.count) {
      removeAll()
      (ledger, first) = (id.ledger, id.entry)
    }
    guard id.entry == first + UInt64(frames.count), frame.count <= Self.mostBytes / 4 else {
      return bytes - before
    }
    if frames.count == Self.mostFrames || bytes + frame.count > Self.mostBytes {
      dropOlderHalf()
    }
    guard frame.count <= room else { return bytes - before }
    frames.append(frame)
    bytes += frame.count
    return bytes - before
  }

  func removeAll() {
    frames = []
    bytes = 0
  }

  private func dropOlderHalf() {
    let count = (frames.count + 1) / 2
    bytes -= frames.prefix(count).reduce(0) { $0 + $1.count }
    frames.removeFirst(count)
    first += UInt64(count)
  }
}
