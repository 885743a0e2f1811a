import Foundation
import Glibc

/// A control group of its own whose processes share a bound of memory; gone with its last
/// reference, when they are. Needs the right to make one.
package final class MemoryGroup: Sendable {
  private let place: URL
  /// The second version of control groups names its files otherwise.
  private let isUnified: Bool

  package init() throws {
    let root = URL(filePath: "/sys/fs/cgroup")
    let listed = root.appending(path: "cgroup.controllers")
    let controllers = (try? String(contentsOf: listed, encoding: .utf8)) ?? ""
    isUnified = controllers.split(whereSeparator: \.isWhitespace).contains("memory")
    let parent = isUnified ? root : root.appending(path: "memory")
    if isUnified { try Self.write("+memory", to: root.appending(path: "cgroup.subtree_control")) }
    place = parent.appending(path: "jodrell-test-\(UUID().uuidString.prefix(8))")
    guard unsafe mkdir(place.path(), 0o755) == 0 else {
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  deinit { _ = unsafe rmdir(place.path()) }

  /// The wrapper that starts a program in it.
  package var wrapper: [String] {
    ["/bin/sh", "-c", "echo $$ >\(place.path())/cgroup.procs && exec \"$0\" \"$@\""]
  }

  /// How many bytes its processes may have together, page cache included.
  package func limit(bytes: Int) throws {
    let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
    try Self.write("\(bytes)", to: place.appending(path: file))
  }

  /// The most that they had.
  package func peakBytes() throws -> Int {
    let text = try read(isUnified ? "memory.peak" : "memory.max_usage_in_bytes")
    return Int(text.split(whereSeparator: \.isWhitespace).first ?? "") ?? 0
  }

  /// How many of them the kernel has ended for want of memory.
  package func killed() throws -> Int {
    let lines = try read(isUnified ? "memory.events" : "memory.oom_control").split(separator: "\n")
    let line = lines.first { $0.hasPrefix("oom_kill ") }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
  }

  /// Whether this machine lets us have one.
  package static var isPossible: Bool {
    guard let group = try? MemoryGroup(), (try? group.limit(bytes: 64 << 20)) != nil,
      let wrapper = try? ChildProgram("/bin/sh", Array(group.wrapper.dropFirst()) + ["true"])
    else { return false }
    return wrapper.wait() == 0
  }

  private func read(_ name: String) throws -> String {
    try String(contentsOf: place.appending(path: name), encoding: .utf8)
  }

  /// Not by way of a second file, as Foundation writes: the kernel takes one call.
  private static func write(_ text: String, to file: URL) throws {
    let handle = try FileHandle(forWritingTo: file)
    defer { try? handle.close() }
    try handle.write(contentsOf: Data(text.utf8))
  }
}
