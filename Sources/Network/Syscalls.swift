public import Bytes
private import CLinux
import Glibc

/// Every kernel call of this room, and the only place that looks at `errno`: callers get closed
/// outcomes. All descriptors are non-blocking and close-on-exec.
///
/// SAFETY: pointers handed to the kernel are to live locals or to buffers borrowed for the call,
/// with their true lengths.
enum Syscalls {
  /// What came of reading from or writing to a socket.
  enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    /// Reading: the peer has sent its last byte.
    case ended
    /// The connection is broken; the number is `errno`.
    case failed(Int32)
  }

  static func receive(_ fd: Int32, into room: UnsafeMutableRawBufferPointer) -> Transfer {
    unsafe receive(fd, into: room, flags: 0)
  }

  /// Reads what stays to be read.
  static func peek(_ fd: Int32, into room: UnsafeMutableRawBufferPointer) -> Transfer {
    unsafe receive(fd, into: room, flags: Int32(MSG_PEEK))
  }

  private static func receive(
    _ fd: Int32, into room: UnsafeMutableRawBufferPointer, flags: Int32
  ) -> Transfer {
    while true {
      let count = unsafe linux_receive(fd, room.baseAddress, room.count, flags)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: return .failed(errno)
      }
    }
  }

  static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = unsafe linux_send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: return .failed(errno)
      }
    }
  }

  enum Accepted {
    case socket(Int32, SocketAddress)
    case none
    /// This one is lost, the next may be fine.
    case again
    /// No descriptors or memory are left.
    case exhausted
    case failed(Int32)
  }

  static func accept(_ fd: Int32) -> Accepted {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let accepted = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe accept4(
          fd, address, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
      }
    }
    if accepted >= 0 {
      let address = SocketAddress(storage: storage, length: length)
      if !address.isFile { setOption(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
      return .socket(accepted, address)
    }
    switch errno {
    case EAGAIN: return .none
    case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
      EOPNOTSUPP, ENETUNREACH:
      return .again
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
    default: return .failed(errno)
    }
  }

  /// A bound, listening socket.
  static func listen(
    on address: SocketAddress, sharingPort: Bool, backlog: Int32
  ) throws(NetworkFailure) -> Int32 {
    let fd = try makeSocket(address)
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    if sharingPort { setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
    let bound = unsafe address.withSockaddr { pointer, length in
      unsafe Glibc.bind(fd, pointer, length)
    }
    guard bound == 0, Glibc.listen(fd, backlog) == 0 else {
      let code = errno
      close(fd)
      throw code == EADDRINUSE ? .addressInUse : .system(call: "bind", code: code)
    }
    return fd
  }

  /// Starts connecting; the socket becomes writable when it is through or has failed.
  static func connect(to address: SocketAddress) throws(NetworkFailure) -> Int32 {
    let fd = try makeSocket(address)
    if !address.isFile { setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    let result = unsafe address.withSockaddr { pointer, length in
      unsafe Glibc.connect(fd, pointer, length)
    }
    if result != 0, errno != EINPROGRESS {
      let code = errno
      close(fd)
      throw .system(call: "connect", code: code)
    }
    return fd
  }

  /// Bytes of a socket that its peer has not acknowledged, or on this machine not read; 0 where the
  /// kernel does not say.
  static func unacknowledged(_ fd: Int32) -> Int {
    var count: Int32 = 0
    return unsafe ioctl(fd, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
  }

  /// The error that a socket has met meanwhile; 0 for none.
  static func pendingError(_ fd: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let result = unsafe getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length)
    return result == 0 ? code : errno
  }

  /// The address a socket is bound to.
  static func localAddress(_ fd: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe getsockname(fd, address, &length)
      }
    }
    return result == 0 ? SocketAddress(storage: storage, length: length) : nil
  }

  static func makeSocket(_ address: SocketAddress) throws(NetworkFailure) -> Int32 {
    let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
    let fd = Glibc.socket(address.family, Int32(kind), 0)
    guard fd >= 0 else { throw .system(call: "socket", code: errno) }
    return fd
  }

  static func setOption(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    // A socket without the option still works; none of ours is needed for correctness.
    _ = unsafe setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  static func shutdownWriting(_ fd: Int32) { _ = Glibc.shutdown(fd, Int32(SHUT_WR)) }
  static func shutdownBoth(_ fd: Int32) { _ = Glibc.shutdown(fd, Int32(SHUT_RDWR)) }
  static func close(_ fd: Int32) { _ = Glibc.close(fd) }

  /// Closes a listening socket, also for its copies: a child that is being started holds one until
  /// it runs, which would go on listening.
  static func endListening(_ fd: Int32) {
    shutdownBoth(fd)
    close(fd)
  }

  /// A descriptor that holds a place in the table, to be given up when the table is full.
  static func placeholder() -> Int32 { unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }

  /// Raises the soft descriptor limit to the hard one.
  ///
  /// - Returns: the limit now in force.
  static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 {
        limit = raised
      }
    }
    return Int(clamping: limit.rlim_cur)
  }

  static func processorCount() -> Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Blocks the thread for less than a second; a signal ends it early.
  static func sleep(_ span: TimeSpan) {
    var time = timespec(tv_sec: 0, tv_nsec: Int(span.nanoseconds))
    _ = unsafe nanosleep(&time, nil)
  }

  private static func time(_ clock: clockid_t) -> timespec {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return time
  }

  static func monotonic() -> MonotonicTime {
    let time = time(CLOCK_MONOTONIC)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  static func wall() -> UnixTime {
    let time = time(CLOCK_REALTIME)
    return instant(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }

  /// Stands at the end of the representable range once the clock says a later time (2262).
  static func instant(seconds: Int64, nanoseconds: Int64) -> UnixTime {
    UnixTime(seconds: seconds) + .nanoseconds(nanoseconds)
  }
}

/// Why the network could not be set up, or a connection could not be made.
public enum NetworkFailure: Error, Equatable, Sendable {
  case addressInUse
  /// Not an IPv4 or IPv6 address.
  case badAddress(String)
  /// Not a path that a socket file can have: too long, empty, or with a NUL.
  case badPath(String)
  /// Something that no gateway of this user has left lies where the socket file should.
  case foreignFile(String)
  /// Others could put a socket of theirs in the place of ours.
  case openFolder(String)
  /// The kernel said no; `code` is its `errno`.
  case system(call: String, code: Int32)

  /// Whether an address was asked for where nobody listens.
  public var isNobody: Bool {
    if case .system(_, ECONNREFUSED) = self { true } else { false }
  }
}

extension Clocks {
  /// The machine's clocks.
  public static let system = Clocks(wall: { Syscalls.wall() }, monotonic: { Syscalls.monotonic() })
}
