private import Glibc
import Synchronization

/// The few things the store asks of the file system beside RocksDB: the only file of this room that
/// reads `errno`.
enum Files {
  // SAFETY: the calls below read their strings and buffers before they return.
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Makes a directory and its missing parents, readable by the owner only, and their names
  /// durable: what is synced in a directory whose own name is lost is lost with it.
  static func makeDirectory(_ path: String) throws(StoreFault) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      let parent = made.isEmpty ? "/" : made
      made += "/" + part
      if unsafe mkdir(made, 0o700) == 0 {
        try syncDirectory(parent)
      } else if errno != EEXIST {
        throw failure("mkdir", made)
      }
    }
  }

  /// Makes the names in a directory durable.
  static func syncDirectory(_ path: String) throws(StoreFault) {
    #if MUTANTS
      if Mutant.directorySyncSkipped.isOn { return }
    #endif
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
  }

  /// Names in a directory, without `.` and `..`; empty if it is not there.
  static func names(in path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// A second name for a file's bytes. False where the file system has no hard links.
  static func link(_ path: String, to second: String) -> Bool {
    unsafe Glibc.link(path, second) == 0 || errno == EEXIST
  }

  /// A file's bytes; nil where it is not there, cannot be read, or is longer than `limit`.
  static func contents(of path: String, atMost limit: Int) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0, facts.st_size <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
    let isWhole = unsafe bytes.withUnsafeMutableBytes { bytes in
      transfer(bytes.count) { done in
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
        return unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(done))
      }
    }
    return isWhole ? bytes : nil
  }

  /// Writes and syncs a file of these bytes; its name is durable once the directory is synced.
  static func write(_ bytes: [UInt8], to path: String) throws(StoreFault) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    let isWhole = unsafe bytes.withUnsafeBytes { bytes in
      transfer(bytes.count) { done in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
        return unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(done))
      }
    }
    guard isWhole else { throw failure("pwrite", path) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
  }

  /// Calls `move`, with how much is done, until all `count` bytes are, whatever each call takes of
  /// them and whoever interrupts it. False where one takes none.
  private static func transfer(_ count: Int, _ move: (Int) -> Int) -> Bool {
    var done = 0
    while done < count {
      let moved = move(done)
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else { return false }
      done += moved
    }
    return true
  }

  /// Puts a file in the place of another one; durable once the directory is synced.
  static func rename(_ path: String, to place: String) throws(StoreFault) {
    guard unsafe Glibc.rename(path, place) == 0 else { throw failure("rename", path) }
  }

  /// Makes a file that takes up `bytes` on its volume without writing them; leaves none where that
  /// does not work.
  static func reserve(_ path: String, bytes: UInt64) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let code = posix_fallocate(descriptor, 0, off_t(bytes))
    close(descriptor)
    if code != 0 { remove(path) }
  }

  /// How many descriptors the process may have.
  static func descriptorLimit() -> Int {
    var limit = rlimit()
    let code = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return code == 0 ? Int(clamping: limit.rlim_cur) : 1024
  }

  static func remove(_ path: String) { unsafe _ = unlink(path) }

  /// Removes a directory if it is empty.
  static func removeDirectory(_ path: String) { unsafe _ = rmdir(path) }

  /// Bytes available to this process on the volume of `path` and the volume's size.
  static func space(at path: String) throws(StoreFault) -> (free: UInt64, total: UInt64) {
    var facts = statvfs()
    guard unsafe statvfs(path, &facts) == 0 else { throw failure("statvfs", path) }
    return (
      UInt64(facts.f_bavail) * UInt64(facts.f_frsize),
      UInt64(facts.f_blocks) * UInt64(facts.f_frsize)
    )
  }

  /// The current `errno` as a fault.
  static func failure(_ call: String, _ path: String) -> StoreFault {
    let code = errno
    let text = unsafe "\(call) \(path): \(String(cString: strerror(code)))"
    return code == ENOSPC ? .noSpace(text) : .input(text)
  }
}

/// The store's own lock: one process at a time, held until `release`, released by the kernel on
/// death.
final class FileLock: Sendable {
  /// Nil once released.
  private let descriptor: Mutex<Int32?>

  /// Takes the lock on the file `path`, which is made if `making`. Does not wait.
  init(path: String, making: Bool) throws(StoreFault) {
    let flags = O_CLOEXEC | (making ? O_RDWR | O_CREAT : O_RDONLY)
    let descriptor = unsafe open(path, flags, 0o600)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .noStore(path: path) : Files.failure("open", path)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let fault =
        errno == EWOULDBLOCK ? StoreFault.alreadyOpen(path: path) : Files.failure("flock", path)
      close(descriptor)
      throw fault
    }
    self.descriptor = Mutex(descriptor)
  }

  deinit { release() }

  /// Lets others have the store. Once; later calls change nothing.
  func release() {
    descriptor.withLock { descriptor in
      if let descriptor {
        // A child that is being started shares the descriptor until its exec: closing ours would
        // leave it the lock.
        flock(descriptor, LOCK_UN)
        close(descriptor)
      }
      descriptor = nil
    }
  }
}
