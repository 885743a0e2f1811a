import Bytes
import Client
import Foundation

/// `jodrell-bench publish` and `replay`: sends events over many connections, as fast as their
/// answers come (a closed loop) or at a rate (an open one), and tells what came back.
struct PublishRun: Sendable {
  private let target: Target
  private let load: LoadOptions
  private let pool: RequestPool
  private let tally = Tally()
  private let control: RunControl

  private static let defaultType = "application/json"

  /// `publish`.
  init(_ words: [String], patience: LoadOptions.Patience = LoadOptions.Patience()) throws {
    var arguments = Arguments(words)
    let isSeeded = arguments.has("--seed")
    target = try Target(&arguments, spreads: true)
    load = try LoadOptions(&arguments, LoadOptions.Defaults(patience: patience))
    let path = try arguments.text("--payload")
    let type = try arguments.text("--content-type")
    guard type == nil || path != nil && load.batch == 1 else {
      throw UsageFault("--content-type takes --payload beside it, and no --batch")
    }
    guard !isSeeded || path == nil || load.arrivals == .poisson else {
      throw UsageFault("--seed beside --payload takes --arrivals poisson")
    }
    try arguments.finish()
    let content = try path.map {
      RequestPool.Content(
        payloads: try RequestPool.payloads(in: $0, option: "--payload"),
        type: type ?? Self.defaultType)
    }
    pool = try RequestPool(
      for: target, content: content, portions: load.portions, seed: load.seed)
    control = load.control
  }

  /// `replay DIR`: each file of the folder is one event, sent in the order of the names; once
  /// unless `--count` or `--duration` says more. No batch goes from the last file to the first, so
  /// that each is sent as often as the others.
  init(replaying words: [String]) throws {
    var arguments = Arguments(words)
    let isSeeded = arguments.has("--seed")
    guard let folder = arguments.word() else { throw UsageFault("replay takes a folder first") }
    target = try Target(&arguments, spreads: true)
    let files = try Self.files(in: folder)
    let given = try LoadOptions(&arguments, LoadOptions.Defaults(endsByItself: true))
    load = given.replaying(files.count)
    let type = try arguments.text("--content-type")
    guard type == nil || load.batch == 1 else {
      throw UsageFault("--content-type takes no --batch beside it: a batch is NDJSON")
    }
    guard !isSeeded || load.arrivals == .poisson else {
      throw UsageFault("--seed takes --arrivals poisson beside it")
    }
    try arguments.finish()
    pool = try RequestPool(
      for: target,
      content: RequestPool.Content(payloads: files, type: type ?? Self.defaultType),
      portions: load.portions)
    control = load.control
  }

  private static func files(in folder: String) throws(UsageFault) -> [ByteSlice] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw UsageFault("replay: cannot read the folder \(folder)")
    }
    var files: [ByteSlice] = []
    for name in names.sorted() where !name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
      files.append(try fileBytes(path, of: "replay"))
    }
    guard !files.isEmpty else { throw UsageFault("replay: \(folder) holds no file") }
    return files
  }

  /// Runs to the end, prints the report, and returns the exit code.
  func run() async -> Int32 {
    guard let report = await report() else {
      complain("cannot start the loops")
      return ExitCode.failed
    }
    say(load.reporting.asJSON ? report.json + "\n" : report.table)
    if let fault = control.firstFault { complain("first failure: \(fault)") }
    return report.isClean ? ExitCode.good : ExitCode.failed
  }

  /// Runs to the end; nil when the loops could not be made.
  func report() async -> Report? {
    let pacer = load.pacer(for: control)
    let publisher = Publisher(
      endpoint: target.endpoint, pool: pool, tally: tally, control: control,
      isTopic: target.isTopic, pacer: pacer, stamps: false)
    let watch = Watch(load, "publishing", tally: tally, control: control)
    let role = LoadDriver.Role(load.connections, loops: load.loops) { loop, _ in
      await publisher.run(on: loop)
    }
    // A closed loop sends before the watch looks for the first time.
    if pacer == nil, load.warmUp == .zero { tally.begin() }
    let result = await LoadDriver.run([role], patience: load.patience.after) { isOver in
      await pacer?.begin(whenIdle: load.connections)
      return await watch.run(until: isOver)
    }
    return result.map { Report($0, tally, of: target, load, overdue: pacer?.overdue ?? 0) }
  }
}
