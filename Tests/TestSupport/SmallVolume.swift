package import Foundation
import Glibc

/// A file system of its own with a small size, for tests that fill it; gone with its last
/// reference. Needs the right to mount.
package final class SmallVolume: Sendable {
  package enum Kind: Sendable { case memory, ext4 }

  package let path: URL
  private let image: URL

  package struct Refused: Error {
    package let text: String
  }

  /// - Parameter megabytes: its whole size.
  package init(_ kind: Kind, megabytes: Int) throws {
    let name = "jodrell-volume-\(UUID().uuidString.prefix(8))"
    path = FileManager.default.temporaryDirectory.appending(path: name)
    image = FileManager.default.temporaryDirectory.appending(path: name + ".image")
    try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
    do {
      switch kind {
      case .memory:
        try Self.run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "none", path.path()])
      case .ext4:
        try Self.run(["truncate", "-s", "\(megabytes)M", image.path()])
        try Self.run(["mkfs.ext4", "-q", "-F", "-m", "0", image.path()])
        try Self.run(["mount", "-o", "loop", image.path(), path.path()])
      }
    } catch {
      remove()
      throw error
    }
  }

  deinit {
    // Lazily, in case a process that a test has ended is not quite gone.
    try? Self.run(["umount", "-l", path.path()])
    remove()
  }

  private func remove() {
    try? FileManager.default.removeItem(at: image)
    // Only the empty directory: a mount that could not be undone is left alone.
    _ = unsafe rmdir(path.path())
  }

  /// Takes all space but so many bytes.
  package func fill(leaving bytes: Int) throws {
    let free = try free()
    guard free > bytes else { return }
    try Self.run(["fallocate", "-l", "\(free - bytes)", filler.path()])
  }

  /// Gives back what `fill` took.
  package func empty() throws { try FileManager.default.removeItem(at: filler) }

  package func free() throws -> Int {
    var facts = statvfs()
    guard unsafe statvfs(path.path(), &facts) == 0 else { throw Refused(text: "statvfs") }
    return Int(facts.f_bavail) * Int(facts.f_frsize)
  }

  private var filler: URL { path.appending(path: "filler") }

  /// Whether this machine lets us mount such a thing.
  package static func isPossible(_ kind: Kind) -> Bool {
    (try? SmallVolume(kind, megabytes: 16)) != nil
  }

  private static func run(_ command: [String]) throws {
    let errors = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-volume-\(UUID().uuidString.prefix(8)).err")
    defer { try? FileManager.default.removeItem(at: errors) }
    let program = try ChildProgram(
      "env", ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + command, errors: errors)
    guard program.wait() == 0 else {
      let told = try String(contentsOf: errors, encoding: .utf8)
      throw Refused(text: "\(command.joined(separator: " ")): \(told)")
    }
  }
}
