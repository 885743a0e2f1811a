import Foundation
import RocksStore
import TestSupport

/// Records workloads, makes the disks that crashes could leave, and opens each.
struct Enumeration {
  let recorder: String
  let states: Int
  let seed: UInt64
  /// States per recorded workload.
  static let statesPerTrace = 500

  struct Finding: Error {
    let text: String
  }

  private let place: URL

  init(recorder: String, states: Int, seed: UInt64) throws {
    (self.recorder, self.states, self.seed) = (recorder, states, seed)
    // Memory, where there is some to use as a disk: thousands of stores are written and opened.
    let memory = URL(filePath: "/dev/shm")
    let parent =
      FileManager.default.isWritableFile(atPath: memory.path())
      ? memory : FileManager.default.temporaryDirectory
    place = parent.appending(path: "jodrell-crash-states-\(getpid())")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
  }

  /// Runs all states; the number of those that broke a promise, told one by one.
  func run() async throws -> Int {
    defer { try? FileManager.default.removeItem(at: place) }
    var (done, broken, changes) = (0, 0, 0)
    while done < states {
      let count = min(Self.statesPerTrace, states - done)
      let traceSeed = seed &+ UInt64(done)
      let trace = try record(seed: traceSeed)
      changes += trace.changes.count
      broken += try await check(trace, states: count, seed: traceSeed)
      done += count
    }
    say("\(done) crash states of \(changes) recorded changes, seed \(seed): \(broken) broken")
    return broken
  }

  private func record(seed: UInt64) throws -> Trace {
    let base = place.appending(path: "recorded")
    let (trace, marks) = (place.appending(path: "trace"), place.appending(path: "marks"))
    for file in [base, trace, marks] { try? FileManager.default.removeItem(at: file) }
    try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
    for life in 0..<Workload.lives {
      let workload = try ChildProgram(
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path(),
        ["workload", base.path() + "/data", marks.path(), "\(seed)", "\(life)"],
        environment: [
          "LD_PRELOAD": recorder, "JODRELL_RECORD_DIRECTORY": base.path(),
          "JODRELL_RECORD_TRACE": trace.path(), "JODRELL_RECORD_MARKS": marks.path(),
        ])
      let code = workload.wait()
      guard code == 0 else { throw Finding(text: "the workload ended with \(code)") }
    }
    return try Trace(trace)
  }

  /// Crashes at places that the seed chose, in their order, so that one walk over the trace does.
  private func check(_ trace: Trace, states: Int, seed: UInt64) async throws -> Int {
    var dice = Dice(seed: seed)
    let crashes = (0..<states).map { _ in dice.below(trace.changes.count + 1) }.sorted()
    var disk = Disk(at: place.appending(path: "recorded").path())
    var promise = Promise()
    var (position, broken) = (0, 0)
    for (number, crash) in crashes.enumerated() {
      while position < crash {
        try disk.apply(trace.changes[position])
        if case .mark(let text) = trace.changes[position] {
          guard let mark = Mark(text) else { throw Finding(text: "no mark: \(text)") }
          promise.note(mark)
        }
        position += 1
      }
      var image = Image(of: disk, seed: seed &+ UInt64(number))
      let path = place.appending(path: "image")
      try? FileManager.default.removeItem(at: path)
      do {
        try image.write(disk, to: path)
        try await Self.open(path.path() + "/data", promise)
      } catch {
        broken += 1
        let last = crash > 0 ? "\(trace.changes[crash - 1])".prefix(120) : "nothing"
        let files = Self.files(in: path)
        say("seed \(seed), state \(number), crash after change \(crash) (\(last)), \(image.text)")
        say("  \(error)\n  \(files)")
        if broken >= 10 { return broken }
      }
    }
    return broken
  }

  /// Opens what a crash left, looks at it, goes on with it, and opens it once more.
  private static func open(_ path: String, _ promise: Promise) async throws {
    var promise = promise
    let log = try RocksTopicLog(opening: Workload.configuration(path))
    do {
      defer { log.close() }
      try promise.check(log)
      try await promise.append(to: log, number: 900_000)
    }
    let again = try RocksTopicLog(opening: Workload.configuration(path))
    defer { again.close() }
    try promise.check(again)
  }

  private static func files(in place: URL) -> String {
    let files = FileManager.default
    let names = files.enumerator(atPath: place.path())?.compactMap { $0 as? String } ?? []
    return names.sorted().map { name in
      let facts = try? files.attributesOfItem(atPath: place.appending(path: name).path())
      return "\(name)=\(facts?[.size] ?? 0)"
    }.joined(separator: " ")
  }
}

/// A line on standard output, at once.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
