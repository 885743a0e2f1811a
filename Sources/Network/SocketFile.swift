import Synchronization

/// A socket file that is listened at: it lies there for as long as somebody accepts. Any thread may
/// use it.
///
/// Whoever listens at a path holds a lock on the file `<path>.lock`, so that a socket file whose
/// lock is free is no gateway's; when nobody else answers there either, a killed process has left
/// it, and it is removed. The lock file itself stays: removing it would let two processes hold the
/// lock of one path.
final class SocketFile: Sendable {
  /// The descriptor, which every loop's listener has a copy of.
  let fd: Int32
  private let path: String
  private let lock: Int32
  /// Which file it is, so that no other one is removed in its place.
  private let identity: Syscalls.FileIdentity
  private let isRemoved = Atomic<Bool>(false)

  /// Makes the file and listens at it.
  ///
  /// - Parameter mode: who may connect, as the bits of its mode, whatever the process's umask.
  init(path: String, mode: UInt32, backlog: Int32) throws(NetworkFailure) {
    let address = try SocketAddress(path: path)
    guard !Syscalls.isOpenToAll(Self.folder(of: path)) else { throw .openFolder(path) }
    self.path = path
    lock = try Syscalls.lock(path + ".lock")
    do throws(NetworkFailure) {
      try Self.clear(path, address)
      (fd, identity) = try Syscalls.listen(
        at: address, path: path, mode: mode, backlog: backlog)
    } catch {
      Syscalls.close(lock)
      throw error
    }
  }

  deinit {
    remove()
    Syscalls.close(lock)
  }

  /// Takes the file away and closes the socket: who comes now finds nobody, and who was not
  /// accepted is let go with the last loop's copy. No copy may be made any more.
  func remove() {
    guard !isRemoved.exchange(true, ordering: .relaxed) else { return }
    defer { Syscalls.close(fd) }
    if case .file(let found) = Syscalls.look(at: path), found == identity {
      Syscalls.unlink(path)
    }
  }

  /// Removes a socket file that is provably nobody's. The caller holds the path's lock.
  private static func clear(_ path: String, _ address: SocketAddress) throws(NetworkFailure) {
    switch Syscalls.look(at: path) {
    case .nothing: return
    case .unknown: throw .foreignFile(path)
    case .file(let found):
      guard found.isSocket, found.isOurs else { throw .foreignFile(path) }
      guard Syscalls.refuses(address) else { throw .addressInUse }
      Syscalls.unlink(path)
    }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
