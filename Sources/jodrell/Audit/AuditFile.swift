import Bytes
import Gateway
import Glibc
import JSONText

/// The file of an audit log, open for appending: JSON lines in one chain. Owned by the keeper.
///
/// SAFETY: pointers into arrays are used inside the call that they are handed to.
struct AuditFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  /// Where the chain stands behind what lies in the file.
  let chain: AuditChain
  /// The file's last line was cut short when the process that wrote it ended.
  let isTorn: Bool
  /// Which file it is, whatever it is called.
  let identity: Identity

  /// A file by its device and its number there.
  struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64
    /// Whether it was made by the opening: a number that was given back may be given out again.
    let isNew: Bool

    /// Whether it is the file that was opened before.
    func isSame(as earlier: Identity?) -> Bool {
      !isNew && earlier?.device == device && earlier?.inode == inode
    }
  }

  /// The longest line that a log is read by, in bytes.
  static let longestLine = 64 << 10

  /// Opens the file, makes it where there is none, and finds the end of its chain.
  init(_ path: String) throws(FileFault) {
    let flags = O_RDWR | O_APPEND | O_CLOEXEC
    var descriptor = unsafe open(path, flags)
    let isNew = descriptor < 0 && errno == ENOENT
    if isNew { descriptor = unsafe open(path, flags | O_CREAT, 0o640) }
    guard descriptor >= 0 else { throw FileFault(path: path, code: errno) }
    let end: (chain: AuditChain, torn: Bool)
    var facts = stat()
    do throws(FileFault) {
      guard unsafe fstat(descriptor, &facts) == 0 else { throw FileFault(path: path, code: errno) }
      end = try Self.end(of: descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
    chain = end.chain
    isTorn = end.torn
    identity = Identity(
      device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino), isNew: isNew)
  }

  /// The first line of a log's file, or the second where the first was cut short; nil when that is
  /// none.
  static func firstLine(of path: String) throws(FileFault) -> AuditLine? {
    let descriptor = try FileAccess.openToRead(path)
    defer { close(descriptor) }
    var lines = LineSplitter(limit: longestLine)
    var count = 0
    while let piece = try FileAccess.readPiece(descriptor, path, upTo: 1 << 16) {
      lines.feed(ByteSlice(piece))
      feeding: while true {
        switch lines.next() {
        case .needsMore: break feeding
        case .tooLong: return nil
        case .line(let text, _):
          count += 1
          if let line = AuditLine(text) { return count == 1 || line.isTorn ? line : nil }
          if count == 2 { return nil }
        }
      }
    }
    return nil
  }

  /// Ends a line that was cut short, so that the next one is one of its own.
  func mend() throws(FileFault) {
    if isTorn { try write(ByteSlice(utf8: "\n")) }
  }

  deinit { close(descriptor) }

  /// Appends lines and waits for the disk.
  func append(_ lines: [ByteSlice]) throws(FileFault) {
    var bytes = ByteWriter()
    for line in lines { bytes.append(line) }
    try write(bytes.slice)
    guard fdatasync(descriptor) == 0 else { throw FileFault(path: path, code: errno) }
  }

  private borrowing func write(_ bytes: ByteSlice) throws(FileFault) {
    let array = bytes.array
    var from = 0
    while from < array.count {
      let count = unsafe array.withUnsafeBytes { room in
        unsafe Glibc.write(descriptor, room.baseAddress?.advanced(by: from), room.count - from)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileFault(path: path, code: errno) }
      from += count
    }
  }

  /// The chain behind the last line that is one, and whether something that is none follows it.
  private static func end(
    of descriptor: Int32, _ path: String
  ) throws(FileFault) -> (chain: AuditChain, torn: Bool) {
    let size = lseek(descriptor, 0, SEEK_END)
    guard size >= 0 else { throw FileFault(path: path, code: errno) }
    let start = max(0, size - off_t(longestLine))
    var bytes = [UInt8](repeating: 0, count: Int(size - start))
    let count = unsafe bytes.withUnsafeMutableBytes { room in
      unsafe pread(descriptor, room.baseAddress, room.count, start)
    }
    guard count == bytes.count else { throw FileFault(path: path, code: count < 0 ? errno : EIO) }
    let lines = bytes.split(separator: ASCII.lineFeed)
    if lines.isEmpty { return (.start, false) }
    for (place, line) in lines.suffix(2).reversed().enumerated() {
      if let chain = AuditChain(behind: ByteSlice(Array(line))) { return (chain, place > 0) }
    }
    // The first line of a log may be the one that was cut short; anything else is no audit log.
    guard lines.count == 1, start == 0, lines[0].starts(with: Array("{\"seq\":1,".utf8)) else {
      throw FileFault(path: path, code: EINVAL)
    }
    return (.start, true)
  }
}
