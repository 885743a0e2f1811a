private import CLinux
import Glibc

/// The kernel calls about socket files.
///
/// SAFETY: paths are handed over as C strings for the length of a call.
extension Syscalls {
  /// Which file something is, and what matters of it here.
  struct FileIdentity: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64
    let isSocket: Bool
    /// Whether it belongs to this process's user.
    let isOurs: Bool
  }

  enum Look: Equatable {
    case nothing
    case file(FileIdentity)
    /// It cannot be looked at.
    case unknown
  }

  /// What lies at a path; a link is itself.
  static func look(at path: String) -> Look {
    var facts = stat()
    guard unsafe lstat(path, &facts) == 0 else { return errno == ENOENT ? .nothing : .unknown }
    return .file(
      FileIdentity(
        device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino),
        isSocket: facts.st_mode & S_IFMT == S_IFSOCK, isOurs: facts.st_uid == geteuid()))
  }

  /// Whether everybody may put files into a folder and take those of others out of it.
  static func isOpenToAll(_ folder: String) -> Bool {
    var facts = stat()
    guard unsafe stat(folder, &facts) == 0 else { return false }
    return facts.st_mode & S_IWOTH != 0 && facts.st_mode & __mode_t(S_ISVTX) == 0
  }

  static func unlink(_ path: String) { _ = unsafe Glibc.unlink(path) }

  /// Locks a file, made when it is not there, until the descriptor is closed.
  static func lock(_ path: String) throws(NetworkFailure) -> Int32 {
    let fd = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard fd >= 0 else { throw .system(call: "open \(path)", code: errno) }
    guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(fd)
      throw code == EWOULDBLOCK ? .addressInUse : .system(call: "flock", code: code)
    }
    return fd
  }

  /// A socket that listens at a path where nothing lies.
  ///
  /// Nobody can connect before it listens, and by then it has its mode.
  static func listen(
    at address: SocketAddress, path: String, mode: UInt32, backlog: Int32
  ) throws(NetworkFailure) -> (Int32, FileIdentity) {
    let fd = try makeSocket(address)
    let bound = unsafe address.withSockaddr { pointer, length in
      unsafe Glibc.bind(fd, pointer, length)
    }
    guard bound == 0 else {
      let code = errno
      close(fd)
      throw code == EADDRINUSE ? .addressInUse : .system(call: "bind", code: code)
    }
    guard unsafe chmod(path, __mode_t(mode)) == 0, Glibc.listen(fd, backlog) == 0,
      case .file(let identity) = look(at: path)
    else {
      let code = errno
      unlink(path)
      close(fd)
      throw .system(call: "listen", code: code)
    }
    return (fd, identity)
  }

  /// Whether nobody listens there. Where that is not certain, somebody does.
  static func refuses(_ address: SocketAddress) -> Bool {
    guard let fd = try? makeSocket(address) else { return false }
    defer { close(fd) }
    let result = unsafe address.withSockaddr { pointer, length in
      unsafe Glibc.connect(fd, pointer, length)
    }
    return result != 0 && errno == ECONNREFUSED
  }

  /// Another descriptor of the same open socket.
  static func duplicate(_ fd: Int32) throws(NetworkFailure) -> Int32 {
    let copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw .system(call: "fcntl", code: errno) }
    return copy
  }

  /// The user that a socket file's peer ran as when it connected (unix(7)).
  static func peerUser(_ fd: Int32) -> UInt32? {
    // Process, user and group: `struct ucred`, which the headers hide without _GNU_SOURCE.
    var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
    var length = socklen_t(MemoryLayout.size(ofValue: credentials))
    let result = unsafe getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
    return result == 0 ? credentials.1 : nil
  }
}
