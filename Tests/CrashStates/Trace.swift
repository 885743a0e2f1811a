import Foundation
import Glibc

/// What `record.c` wrote down, entry by entry.
struct Trace {
  enum Change {
    /// A new process: all descriptors are closed.
    case start
    case open(Int, path: String, makes: Bool, truncates: Bool, appends: Bool)
    case write(Int, [UInt8])
    case writeAt(Int, Int, [UInt8])
    case truncate(Int, size: Int)
    case allocate(Int, size: Int)
    case sync(Int)
    case close(Int)
    case rename(from: String, to: String)
    case link(from: String, to: String)
    case unlink(String)
    case makeDirectory(String)
    case removeDirectory(String)
    case mark(String)
  }

  struct Malformed: Error {
    let offset: Int
  }

  let changes: [Change]

  init(_ file: URL) throws {
    let bytes = [UInt8](try Data(contentsOf: file))
    var reader = Reader(bytes: bytes)
    var changes: [Change] = []
    while !reader.isAtEnd { changes.append(try reader.next()) }
    self.changes = changes
  }

  /// The layout is `struct entry` of `record.c`, on the machine that wrote it.
  private struct Reader {
    let bytes: [UInt8]
    var offset = 0

    var isAtEnd: Bool { offset == bytes.count }

    mutating func next() throws -> Change {
      let start = offset
      let kind = try number(4)
      let file = try number(4)
      let value = try number(8)
      let (firstCount, secondCount) = (try number(4), try number(4))
      let (first, second) = (try take(firstCount), try take(secondCount))
      let path = String(decoding: first, as: UTF8.self)
      let other = String(decoding: second, as: UTF8.self)
      switch kind {
      case 1: return .start
      case 2:
        return .open(
          file, path: path, makes: value & Int(O_CREAT) != 0,
          truncates: value & Int(O_TRUNC) != 0, appends: value & Int(O_APPEND) != 0)
      case 3: return .write(file, Array(first))
      case 4: return .writeAt(file, value, Array(first))
      case 5: return .truncate(file, size: value)
      case 6: return .allocate(file, size: value)
      case 7: return .sync(file)
      case 8: return .close(file)
      case 9: return .rename(from: path, to: other)
      case 10: return .link(from: path, to: other)
      case 11: return .unlink(path)
      case 12: return .makeDirectory(path)
      case 13: return .removeDirectory(path)
      case 14: return .mark(path)
      default: throw Malformed(offset: start)
      }
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
      guard count >= 0, count <= bytes.count - offset else { throw Malformed(offset: offset) }
      defer { offset += count }
      return bytes[offset..<offset + count]
    }

    private mutating func number(_ width: Int) throws -> Int {
      let bits = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return width == 4
        ? Int(Int32(truncatingIfNeeded: bits)) : Int(Int64(bitPattern: bits))
    }
  }
}
