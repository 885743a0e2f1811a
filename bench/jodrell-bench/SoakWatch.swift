import Bytes
import Foundation
import Metrics
import Synchronization

/// What a soak run looks at every second: the server's process and its data directory, and each
/// minute's latency.
final class SoakWatch: Sendable {
  struct Sample: Sendable {
    let second: Int
    let resident: UInt64
    let descriptors: Int
    let threads: Int
    let dataBytes: UInt64
    let cpu: TimeSpan
    /// What is resident beside memory tables and the tail; nil where nobody was asked.
    var besideLog: UInt64?
  }

  private struct State {
    var samples: [Sample] = []
    var minutes: [HistogramSnapshot] = []
    var earlier: HistogramSnapshot?
  }

  private let pid: Int
  private let dataFolder: String?
  private let tally: Tally
  private let memory: MemoryProbe?
  private let state = Mutex(State())

  init(pid: Int, dataFolder: String?, tally: Tally, memory: MemoryProbe?) {
    self.pid = pid
    self.memory = memory
    self.dataFolder = dataFolder
    self.tally = tally
  }

  /// A second is over, from 1. A large directory is measured every ten seconds only.
  func tick(_ second: Int) {
    guard let usage = ServerUsage(pid: pid) else { return }
    let known = state.withLock { $0.samples.last?.dataBytes }
    let bytes = second % 10 == 1 || known == nil ? folderSize : known ?? 0
    let sample = Sample(
      second: second, resident: usage.residentBytes, descriptors: usage.descriptors,
      threads: usage.threads, dataBytes: bytes, cpu: usage.cpu,
      besideLog: memory?.besideLog)
    state.withLock { state in
      state.samples.append(sample)
      guard second % 60 == 0 else { return }
      let now = tally.latency.snapshot
      var minute = now
      if let earlier = state.earlier { minute.subtract(earlier) }
      state.minutes.append(minute)
      state.earlier = now
    }
  }

  var samples: [Sample] { state.withLock { $0.samples } }
  /// Publish latency of each whole minute.
  var minutes: [HistogramSnapshot] { state.withLock { $0.minutes } }

  /// Bytes of the data directory's files; those that vanish meanwhile count nothing.
  private var folderSize: UInt64 {
    guard let dataFolder, let walk = FileManager.default.enumerator(atPath: dataFolder) else {
      return 0
    }
    var bytes: UInt64 = 0
    while walk.nextObject() != nil { bytes += (walk.fileAttributes?[.size] as? UInt64) ?? 0 }
    return bytes
  }
}

/// What a soak run says about the server: how its memory grew, what else moved.
struct SoakFindings {
  let samples: [SoakWatch.Sample]
  let minutes: [HistogramSnapshot]

  /// Resident memory in MiB per hour; nil where `judged` is.
  ///
  /// Each whole minute counts with its least sample: a server that fills tables and writes them out
  /// within seconds swings by tens of megabytes, and what it leaks raises the floor that it returns
  /// to. Of a part of a minute the least sample could be any.
  var residentSlope: Double? {
    guard let judged = judged(), let first = judged.first, let last = judged.last else {
      return nil
    }
    let whole = (last.second - first.second + 1) / Self.minute
    let minutes = Dictionary(grouping: judged) { ($0.second - first.second) / Self.minute }
      .filter { $0.key < whole }
    let floors = minutes.values.compactMap { minute in minute.min { $0.resident < $1.resident } }
    return Trend(floors.map { Self.point($0, $0.resident) })?.perHour
  }

  /// What is resident beside memory tables and the tail, in MiB per hour, by all samples that tell
  /// it, since that does not swing; nil where `judged` is.
  var steadySlope: Double? {
    guard let judged = judged({ $0.besideLog != nil }) else { return nil }
    let points = judged.compactMap { sample in
      sample.besideLog.map { Self.point(sample, $0) }
    }
    return Trend(points)?.perHour
  }

  /// What a bound on the growth comes to.
  enum Verdict: Equatable {
    case kept, exceeded
    /// The run has not lasted long enough to tell.
    case tooShort
    /// The gateway has never said what its log takes, or too seldom in a run that is long
    /// enough.
    case untold
  }

  /// - Parameters:
  ///   - bound: MiB per hour.
  ///   - besideLog: whether what lies beside memory tables and tail is judged, and not all of it.
  func verdict(within bound: Int, besideLog: Bool) -> Verdict {
    if let slope = besideLog ? steadySlope : residentSlope {
      return slope <= Double(bound) ? .kept : .exceeded
    }
    guard besideLog, !samples.isEmpty else { return .tooShort }
    let isTold = samples.contains { $0.besideLog != nil }
    return isTold && residentSlope == nil ? .tooShort : .untold
  }

  /// The samples behind the first part of the run, when caches fill, as far as they tell what is
  /// asked. Nil when they are of less than `leastStretch`: one step of an allocator would be
  /// gigabytes per hour.
  private func judged(
    _ tells: (SoakWatch.Sample) -> Bool = { _ in true }
  ) -> [SoakWatch.Sample]? {
    let rest = samples.dropFirst(samples.count / Self.warmUpPart).filter(tells)
    guard let first = rest.first, let last = rest.last,
      last.second - first.second >= Self.leastStretch
    else { return nil }
    return rest
  }

  private static func point(
    _ sample: SoakWatch.Sample, _ bytes: UInt64
  ) -> (seconds: Double, value: Double) {
    (Double(sample.second), Double(bytes) / 1_048_576)
  }

  private static let minute = 60
  private static let warmUpPart = 5
  /// Seconds that a slope must be made of.
  static let leastStretch = 300

  private func range(_ value: KeyPath<SoakWatch.Sample, Int>) -> (least: Int, most: Int) {
    let values = samples.map { $0[keyPath: value] }
    return (values.min() ?? 0, values.max() ?? 0)
  }

  var table: String {
    guard let first = samples.first, let last = samples.last else { return "" }
    let (descriptors, threads) = (range(\.descriptors), range(\.threads))
    var text = "\ngrowth of the server over \(last.second) s\n"
    text += TableText.row(
      "resident", TableText.size(last.resident),
      residentSlope.map { TableText.decimal($0, 2) + " MiB/h, the first fifth left out" }
        ?? "too short a run for a slope")
    if let bytes = last.besideLog {
      text += TableText.row(
        "beside tables and tail", TableText.size(bytes),
        steadySlope.map { TableText.decimal($0, 2) + " MiB/h" } ?? "")
    }
    text += TableText.row(
      "descriptors", "\(last.descriptors)", "\(descriptors.least) to \(descriptors.most)")
    text += TableText.row("threads", "\(last.threads)", "\(threads.least) to \(threads.most)")
    text += TableText.row(
      "data", TableText.size(last.dataBytes), "\(TableText.size(first.dataBytes)) at the start")
    for (index, minute) in minutes.enumerated() {
      text += "  minute \(index + 1): \(LatencyFigures(minute).line)\n"
    }
    return text
  }

  var json: String {
    let (descriptors, threads) = (range(\.descriptors), range(\.threads))
    return JSONLine.object([
      ("residentSlope", residentSlope.map { TableText.decimal($0, 3) } ?? "null"),
      ("steadySlope", steadySlope.map { TableText.decimal($0, 3) } ?? "null"),
      ("descriptorsLeast", "\(descriptors.least)"), ("descriptorsMost", "\(descriptors.most)"),
      ("threadsLeast", "\(threads.least)"), ("threadsMost", "\(threads.most)"),
      ("minutes", JSONLine.array(minutes.map { LatencyFigures($0).json })),
      ("samples", JSONLine.array(samples.map(\.json))),
    ])
  }
}

extension SoakWatch.Sample {
  fileprivate var json: String {
    JSONLine.object([
      ("second", "\(second)"), ("resident", "\(resident)"), ("descriptors", "\(descriptors)"),
      ("besideLog", besideLog.map { "\($0)" } ?? "null"),
      ("threads", "\(threads)"), ("data", "\(dataBytes)"),
      ("cpuSeconds", TableText.decimal(Double(cpu.nanoseconds) / 1e9, 2)),
    ])
  }
}
