import Bytes

/// How a run loads the gateway, and how it tells about it: what the subcommands share.
struct LoadOptions: Sendable {
  let connections: Int
  let batch: Int
  let loops: Int
  /// Sends per second of an open loop; nil for a closed loop.
  let rate: Int?
  let arrivals: Timetable.Arrivals
  private(set) var duration: TimeSpan?
  /// What each request carries, and how many there are.
  private(set) var portions: Portions
  let warmUp: TimeSpan
  let seed: UInt64
  let reporting: Reporting
  let patience: Patience

  /// Requests, when their number is limited.
  var requests: Int? { portions.requests }

  /// How long a run waits when its time is over.
  struct Patience: Sendable {
    /// An open loop, for what was due to be sent, and answered.
    var behind = TimeSpan.seconds(10)
    /// Every run, for answers to what was sent before the counting ended.
    var after = LoadDriver.patience
  }

  /// What a subcommand assumes where nothing is said.
  struct Defaults {
    var rateOption = "--rate"
    var rate: Int?
    var connections = 64
    var duration = TimeSpan.seconds(10)
    /// Without `--duration` and `--count` the run goes on until it is out of work.
    var endsByItself = false
    var patience = Patience()
    /// Whether `--batch` is taken; each request carries one event where it is not.
    var takesBatch = true
    /// Whether `--count` is taken.
    var takesCount = true
    /// Options that would have no effect without a rate.
    var needRate = ["--arrivals"]

    /// Of a run whose readers or workers are served by others where it has no rate: then it
    /// publishes nothing. The send time in an event is that of its request, which carries no other
    /// event.
    static var besideOthers: Defaults {
      Defaults(
        rateOption: "--publish-rate", connections: 8, takesBatch: false,
        needRate: ["--arrivals", "--connections", "--count", "--seed"])
    }
  }

  init(_ arguments: inout Arguments, _ defaults: Defaults = Defaults()) throws(UsageFault) {
    let needy = defaults.needRate.first { arguments.has($0) }
    connections = try arguments.number("--connections", in: 1...10_000, or: defaults.connections)
    batch = try defaults.takesBatch ? arguments.number("--batch", in: 1...10_000, or: 1) : 1
    loops = try arguments.number("--loops", in: 1...64, or: 1)
    let perSecond = try arguments.number(
      defaults.rateOption, in: 0...1_000_000, or: defaults.rate ?? 0)
    if perSecond == 0, let needy {
      throw UsageFault("\(needy) takes \(defaults.rateOption) beside it")
    }
    rate = perSecond == 0 ? nil : perSecond
    arrivals = try arguments.choice("--arrivals", or: .even)
    let count = try defaults.takesCount ? arguments.number("--count", in: 0...Int.max, or: 0) : 0
    let given = try arguments.length("--duration")
    let isOpenEnded = count > 0 || defaults.endsByItself
    duration = given ?? (isOpenEnded ? nil : defaults.duration)
    portions = Portions(batch: batch, count: count == 0 ? nil : count)
    warmUp = try arguments.span("--warm-up") ?? .zero
    seed = UInt64(try arguments.number("--seed", in: 0...Int.max, or: 1))
    reporting = try Reporting(&arguments)
    patience = defaults.patience
  }

  /// The same for so many files that are sent over and over; once where neither a number nor a
  /// duration was given.
  func replaying(_ files: Int) -> LoadOptions {
    let isOnce = portions.count == nil && duration == nil
    var replay = self
    replay.portions = Portions(batch: batch, count: isOnce ? files : portions.count, pass: files)
    return replay
  }

  /// The pacer of an open loop; nil for a closed one.
  func pacer(for control: RunControl) -> Pacer? {
    rate.map { rate in
      let length = duration.map { TimeSpan(nanoseconds: $0.nanoseconds + warmUp.nanoseconds) }
      return Pacer(
        Timetable(rate: rate, arrivals: arrivals, length: length, count: requests, seed: seed),
        control: control)
    }
  }

  /// What limits the requests of a closed loop; an open one has its timetable.
  var control: RunControl { RunControl(requests: rate == nil ? requests : nil) }

  /// How long the watch waits: an open loop ends with its timetable, and has some time to answer
  /// what was due when the server does not keep up.
  var watchedDuration: TimeSpan? {
    guard rate != nil, let duration else { return duration }
    return TimeSpan(nanoseconds: duration.nanoseconds + patience.behind.nanoseconds)
  }

  /// What an open loop lasts when it keeps up; nil for others, and for one that ends by its count.
  var nominalDuration: TimeSpan? { rate == nil || requests != nil ? nil : duration }
}

/// Whom to look at, and how to tell.
struct Reporting: Sendable {
  let serverPID: Int?
  let asJSON: Bool
  let quiet: Bool

  init(_ arguments: inout Arguments) throws(UsageFault) {
    let pid = try arguments.number("--server-pid", in: 0...Int(Int32.max), or: 0)
    serverPID = pid == 0 ? nil : pid
    asJSON = arguments.flag("--json")
    quiet = arguments.flag("--quiet")
    if let pid = serverPID, ServerUsage(pid: pid) == nil {
      throw UsageFault("--server-pid: there is no process \(pid)")
    }
  }

  /// The progress line; nil where nobody would see it.
  func progress(_ label: String) -> Progress? { quiet ? nil : Progress(label: label) }
}
