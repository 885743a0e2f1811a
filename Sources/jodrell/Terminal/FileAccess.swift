import Bytes
import Glibc

/// Why a file could not be read or written.
struct FileFault: Error, CustomStringConvertible {
  let path: String
  let code: Int32

  var isAbsent: Bool { code == ENOENT }
  var description: String { "\(path): \(Self.words(code))" }

  /// The system's words for an error number. SAFETY: strerror's text is copied before another call
  /// could change it; glibc's is per thread.
  static func words(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }
}

extension CommandFault {
  /// Runs work on files; its fault ends the command with `code`.
  static func wrap<Value>(
    _ code: ExitCode, _ work: () throws(FileFault) -> Value
  ) throws(CommandFault) -> Value {
    do throws(FileFault) {
      return try work()
    } catch {
      throw CommandFault(code, error.description)
    }
  }
}

/// A file as its directory knows it.
struct FileFacts: Equatable, Sendable {
  /// In nanoseconds since 1970.
  let modified: Int64
  let size: Int64
  let inode: UInt64
  /// Permissions.
  let mode: mode_t

  /// Why a key in it is no secret; nil where nobody has the permissions that must not be given.
  func exposure(through permissions: mode_t) -> String? {
    if mode & permissions == 0 { return nil }
    return "the key can be used by others than its owner (mode \(String(mode, radix: 8)))"
  }
}

/// Whole files, for commands: blocking, away from any event loop that serves others.
///
/// SAFETY: pointers into arrays and C strings are used inside the call that they are handed to; a
/// directory stream is closed by the function that opened it.
enum FileAccess {
  /// A file's bytes; `limit` bounds what a mistaken path can make the process swallow.
  static func read(
    _ path: String, limit: Int = 256 << 20
  ) throws(FileFault) -> ByteSlice {
    let descriptor = try openToRead(path)
    defer { close(descriptor) }
    return try readAll(descriptor, path, limit: limit)
  }

  /// The same of what can only be a file: a pipe, whose opening may wait for ever, is refused.
  static func readFile(_ path: String, limit: Int) throws(FileFault) -> ByteSlice {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileFault(path: path, code: errno) }
    defer { close(descriptor) }
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0 else { throw FileFault(path: path, code: errno) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw FileFault(path: path, code: EINVAL) }
    return try readAll(descriptor, path, limit: limit)
  }

  /// A descriptor that the caller closes.
  static func openToRead(_ path: String) throws(FileFault) -> Int32 {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFault(path: path, code: errno) }
    return descriptor
  }

  /// What tells whether a file has changed, and who may use it. Links are followed.
  static func facts(of path: String) throws(FileFault) -> FileFacts {
    var facts = stat()
    guard unsafe stat(path, &facts) == 0 else { throw FileFault(path: path, code: errno) }
    return FileFacts(
      modified: Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec),
      size: Int64(facts.st_size), inode: UInt64(facts.st_ino), mode: facts.st_mode & 0o7777)
  }

  /// Why this user can make no files in a folder; nil where it can.
  static func obstacle(toWritingIn folder: String) -> FileFault? {
    var facts = stat()
    guard unsafe stat(folder, &facts) == 0 else { return FileFault(path: folder, code: errno) }
    guard facts.st_mode & S_IFMT == S_IFDIR else { return FileFault(path: folder, code: ENOTDIR) }
    guard unsafe access(folder, W_OK | X_OK) == 0 else {
      return FileFault(path: folder, code: errno)
    }
    return nil
  }

  static func size(of path: String) throws(FileFault) -> UInt64 {
    var facts = stat()
    guard unsafe stat(path, &facts) == 0 else { throw FileFault(path: path, code: errno) }
    return UInt64(max(facts.st_size, 0))
  }

  /// What comes from a descriptor until its end.
  static func readAll(
    _ descriptor: Int32, _ path: String, limit: Int
  ) throws(FileFault) -> ByteSlice {
    var bytes: [UInt8] = []
    while let piece = try readPiece(descriptor, path, upTo: 64 * 1024) {
      bytes.append(contentsOf: piece)
      guard bytes.count <= limit else { throw FileFault(path: path, code: EFBIG) }
    }
    return ByteSlice(bytes)
  }

  /// The next bytes of a descriptor, as they come; nil at its end.
  static func readPiece(
    _ descriptor: Int32, _ path: String, upTo most: Int
  ) throws(FileFault) -> [UInt8]? {
    var failure: Int32 = 0
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: most) { room, count in
      while true {
        let got = unsafe Glibc.read(descriptor, room.baseAddress, most)
        if got >= 0 {
          count = got
          return
        }
        guard errno == EINTR else {
          failure = errno
          return
        }
      }
    }
    guard failure == 0 else { throw FileFault(path: path, code: failure) }
    return piece.isEmpty ? nil : piece
  }

  /// Makes the file with these bytes, whole or not at all: a reader never sees half of it.
  ///
  /// - Parameter mode: its permissions from the first moment on.
  static func write(_ bytes: ByteSlice, to path: String, mode: mode_t) throws(FileFault) {
    let draft = "\(path).\(getpid()).new"
    // An earlier process may have died over one; in a container all have the same number.
    _ = unsafe unlink(draft)
    let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw FileFault(path: draft, code: errno) }
    let array = bytes.array
    let count = unsafe array.withUnsafeBytes { room in
      unsafe Glibc.write(descriptor, room.baseAddress, room.count)
    }
    var code = count == array.count ? 0 : errno == 0 ? EIO : errno
    if code == 0, fsync(descriptor) != 0 { code = errno }
    close(descriptor)
    if code == 0, unsafe rename(draft, path) != 0 { code = errno }
    // Until the directory is on disk too, the name may still lead to the earlier file.
    if code == 0 { code = syncDirectory(parent(of: path)) }
    guard code == 0 else {
      _ = unsafe unlink(draft)
      throw FileFault(path: path, code: code)
    }
  }

  private static func syncDirectory(_ path: String) -> Int32 {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    return fsync(descriptor) == 0 ? 0 : errno
  }

  /// Makes a directory and those above it; fine when it is there.
  static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(FileFault) {
    if isDirectory(path) { return }
    let above = parent(of: path)
    if above != path, !isDirectory(above) { try makeDirectory(above, mode: mode) }
    guard unsafe mkdir(path, mode) == 0 || errno == EEXIST && isDirectory(path) else {
      throw FileFault(path: path, code: errno)
    }
  }

  static func isDirectory(_ path: String) -> Bool {
    var facts = stat()
    return (unsafe stat(path, &facts)) == 0 && facts.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a directory in byte order, without `.` and hidden ones.
  static func names(in path: String) throws(FileFault) -> [String] {
    guard let directory = unsafe opendir(path) else { throw FileFault(path: path, code: errno) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { room in
        unsafe String(decoding: room.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }

  /// Removes a directory with everything in it; links are removed, not followed. Best effort.
  static func removeTree(_ path: String) {
    var facts = stat()
    guard unsafe lstat(path, &facts) == 0 else { return }
    if facts.st_mode & S_IFMT == S_IFDIR {
      // A directory that cannot be listed cannot be emptied either: rmdir below says no.
      for name in (try? names(in: path)) ?? [] { removeTree("\(path)/\(name)") }
      _ = unsafe rmdir(path)
    } else {
      _ = unsafe unlink(path)
    }
  }

  /// The directory a path lies in: `.` for a bare name.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// `path` as seen from `directory`; absolute ones stay.
  static func resolve(_ path: String, from directory: String) -> String {
    path.hasPrefix("/") || directory == "." ? path : "\(directory)/\(path)"
  }
}
