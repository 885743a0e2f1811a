import Bytes
import Foundation
import Synchronization

/// `jodrell-bench machine`: one thread for each core does nothing but read the clock. What is
/// missing between two readings, the thread did not run: a hypervisor has given its core to another
/// guest, a container has used up its share, or another thread was there.
struct MachineRun: Sendable {
  private let duration: TimeSpan
  private let cores: Int
  private let asJSON: Bool

  init(_ words: [String]) throws(UsageFault) {
    var arguments = Arguments(words)
    let processors = ProcessInfo.processInfo.activeProcessorCount
    duration = try arguments.length("--duration") ?? .seconds(10)
    cores = try arguments.number("--cores", in: 1...1_024, or: processors)
    asJSON = arguments.flag("--json")
    try arguments.finish()
  }

  /// Keeps the cores busy until the time is over, and prints the report.
  func run() async -> Int32 {
    let before = StolenTime.now
    let counts = await counts()
    let stolen = StolenTime.now.flatMap { now in before.map { now.share(since: $0) } }
    let report = MachineReport(cores: counts, stolen: stolen)
    say(asJSON ? report.json + "\n" : report.table)
    return ExitCode.good
  }

  /// What each thread found.
  func counts() async -> [PauseCount] {
    await withTaskGroup { group in
      for _ in 0..<cores { group.addTask { await count() } }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  /// On a thread of its own, since it keeps that busy.
  private func count() async -> PauseCount {
    await withCheckedContinuation { waiting in
      Thread { waiting.resume(returning: Self.watch(for: duration)) }.start()
    }
  }

  private static func watch(for span: TimeSpan) -> PauseCount {
    var now = monotonicNow()
    let end = now + span
    var count = PauseCount(at: now)
    while now < end, !interrupted.load(ordering: .relaxed) {
      now = monotonicNow()
      count.read(now)
    }
    return count
  }
}

/// What one thread saw that reads the clock over and over.
struct PauseCount: Sendable {
  /// What is shorter is a pause of the thread's own: an interrupt, a page.
  static let shortest = TimeSpan.microseconds(200)
  /// The work of so long is one sample of the machine's speed.
  static let stretch = TimeSpan.milliseconds(100)

  private(set) var pauses: [TimeSpan] = []
  /// Readings per millisecond of each stretch.
  private(set) var speeds: [Double] = []
  private(set) var length = TimeSpan.zero
  private var last: MonotonicTime
  private var stretchBegan: MonotonicTime
  private var readings = 0

  /// Longer runs forget what came later.
  private static let most = 1_000_000

  init(at start: MonotonicTime) {
    last = start
    stretchBegan = start
  }

  mutating func read(_ now: MonotonicTime) {
    let gap = now - last
    last = now
    length.nanoseconds += gap.nanoseconds
    readings += 1
    if gap >= Self.shortest, pauses.count < Self.most { pauses.append(gap) }
    let stretch = now - stretchBegan
    guard stretch >= Self.stretch else { return }
    if speeds.count < Self.most {
      speeds.append(Double(readings) * 1e6 / Double(stretch.nanoseconds))
    }
    stretchBegan = now
    readings = 0
  }
}

/// What all cores of a machine found.
struct MachineReport {
  let cores: [PauseCount]
  /// Of all processor time, what the host says it gave to others; nil where it does not say.
  let stolen: Double?

  private static let steps: [(name: String, key: String, least: TimeSpan)] = [
    ("1 ms and more", "over1ms", .milliseconds(1)),
    ("4 ms and more", "over4ms", .milliseconds(4)),
    ("16 ms and more", "over16ms", .milliseconds(16)),
  ]

  private func count(_ least: TimeSpan) -> Int {
    cores.reduce(0) { $0 + $1.pauses.count { $0 >= least } }
  }

  private var longest: TimeSpan { cores.flatMap(\.pauses).max() ?? .zero }

  /// Of the threads' time, what lay in pauses.
  private var paused: Double {
    let all = cores.reduce(0) { $0 + $1.length.nanoseconds }
    let lost = cores.reduce(0) { $0 + $1.pauses.reduce(0) { $0 + $1.nanoseconds } }
    return all == 0 ? 0 : Double(lost) / Double(all)
  }

  /// The slowest stretch as a part of the fastest.
  private var slowest: Double {
    let speeds = cores.flatMap(\.speeds)
    guard let most = speeds.max(), let least = speeds.min(), most > 0 else { return 1 }
    return least / most
  }

  var table: String {
    let length = cores.map(\.length).max() ?? .zero
    var text = "\(cores.count) busy threads for \(TableText.milliseconds(length)) ms\n"
    for step in Self.steps {
      text += TableText.row("paused", "\(count(step.least))", "times for \(step.name)")
    }
    text += TableText.row("longest pause", TableText.milliseconds(longest), "ms")
    text += TableText.row("paused", TableText.decimal(paused * 100, 2), "% of the time")
    text += TableText.row(
      "slowest", TableText.decimal(slowest, 2), "of the fastest tenth of a second")
    if let stolen {
      text += TableText.row("stolen", TableText.decimal(stolen * 100, 2), "% as the host says")
    }
    return text
  }

  var json: String {
    var fields = [("cores", "\(cores.count)")]
    fields += Self.steps.map { ($0.key, "\(count($0.least))") }
    fields += [
      ("longestMilliseconds", TableText.milliseconds(longest)),
      ("pausedPercent", TableText.decimal(paused * 100, 3)),
      ("slowestStretch", TableText.decimal(slowest, 3)),
    ]
    if let stolen { fields.append(("stolenPercent", TableText.decimal(stolen * 100, 3))) }
    return JSONLine.object(fields)
  }
}

/// What `/proc/stat` says of all processors together, in ticks.
struct StolenTime {
  let all: Int
  let stolen: Int

  /// - Parameter stat: the file's text; proc(5):
  ///   `cpu user nice system idle iowait irq softirq steal`.
  init?(_ stat: String) {
    guard let line = stat.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
    let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
    guard ticks.count == 8 else { return nil }
    all = ticks.reduce(0, +)
    stolen = ticks[7]
  }

  static var now: StolenTime? {
    (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)).flatMap { StolenTime($0) }
  }

  func share(since earlier: StolenTime) -> Double {
    all > earlier.all ? Double(stolen - earlier.stolen) / Double(all - earlier.all) : 0
  }
}
