import Bytes
private import CLinux
import Glibc
import Synchronization

/// What the kernel reports about a descriptor.
struct Readiness: OptionSet, Sendable {
  let rawValue: UInt32
  static let readable = Readiness(rawValue: 1)
  static let writable = Readiness(rawValue: 2)
  /// The peer will send no more, or the connection is gone.
  static let hungUp = Readiness(rawValue: 4)
  /// Both directions are gone.
  static let broken = Readiness(rawValue: 8)
}

/// An epoll instance with its wake-up descriptor. `wait` belongs to one thread; `wake` to all.
///
/// SAFETY: `@unchecked Sendable` because `events` is touched by `wait` alone, which only the loop's
/// thread calls, and the descriptors never change.
@safe final class Poller: @unchecked Sendable {
  private let epoll: Int32
  private let bell: Int32
  private var events: [epoll_event]

  /// The tag under which the wake-up descriptor reports.
  private static let bellTag = UInt64.max
  private static let eventsPerWait = 256
  private let isPrecise: Atomic<Bool>

  init(waitsPrecisely: Bool = true) throws(NetworkFailure) {
    isPrecise = Atomic(waitsPrecisely)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw .system(call: "epoll_create1", code: errno) }
    bell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard bell >= 0 else {
      let code = errno
      Syscalls.close(epoll)
      throw .system(call: "eventfd", code: code)
    }
    unsafe events = Array(repeating: unsafe epoll_event(), count: Self.eventsPerWait)
    // Edge-triggered: each ring is one event, and the counter is never read.
    try control(bell, EPOLLIN.rawValue | EPOLLET.rawValue, tag: Self.bellTag)
  }

  deinit {
    Syscalls.close(bell)
    Syscalls.close(epoll)
  }

  /// Reports both directions and hang-ups of `fd`, each change once, until it is closed.
  func addConnection(_ fd: Int32, tag: UInt64) throws(NetworkFailure) {
    try control(
      fd, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue, tag: tag)
  }

  /// Reports `fd` for as long as somebody waits to be accepted.
  func addListener(_ fd: Int32, tag: UInt64) throws(NetworkFailure) {
    try control(fd, EPOLLIN.rawValue, tag: tag)
  }

  /// Reports a listener that other pollers watch, too: each connection to one of those that wait,
  /// the one that was added longest ago (epoll_ctl(2), `EPOLLEXCLUSIVE`).
  func addSharedListener(_ fd: Int32, tag: UInt64) throws(NetworkFailure) {
    try control(fd, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, tag: tag)
  }

  /// Stops reporting `fd`, which stays open.
  func remove(_ fd: Int32) {
    var event = unsafe epoll_event()
    _ = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event)
  }

  private func control(_ fd: Int32, _ wanted: UInt32, tag: UInt64) throws(NetworkFailure) {
    var event = unsafe epoll_event()
    unsafe event.events = wanted
    unsafe event.data.u64 = tag
    guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 else {
      throw .system(call: "epoll_ctl", code: errno)
    }
  }

  /// Whether the kernel is taken to wait for less than a millisecond (epoll_pwait2(2), Linux 5.11):
  /// until it has refused.
  var waitsPrecisely: Bool { isPrecise.load(ordering: .relaxed) }

  /// Ends a `wait` of another thread, or the next one.
  func wake() {
    var one: UInt64 = 1
    _ = unsafe write(bell, &one, 8)
  }

  /// Waits for events and hands each to `body`.
  ///
  /// - Parameters:
  ///   - span: at most so long, where the kernel is old up to a millisecond more; zero only looks,
  ///     nil waits for ever.
  ///   - woken: called when the wait is over, before any event is handed out.
  /// - Returns: how many there were.
  func wait(
    for span: TimeSpan?, woken: () -> Void, _ body: (UInt64, Readiness) -> Void
  ) -> Int {
    let count = unsafe events.withUnsafeMutableBufferPointer { unsafe wait($0, for: span) }
    woken()
    // EINTR is as good as nothing: the caller comes again.
    guard count > 0 else { return 0 }
    var handed = 0
    for index in 0..<Int(count) {
      let event = unsafe events[index]
      let tag = unsafe event.data.u64
      if tag == Self.bellTag { continue }
      handed += 1
      body(tag, unsafe Self.readiness(event.events))
    }
    return handed
  }

  private func wait(
    _ room: UnsafeMutableBufferPointer<epoll_event>, for span: TimeSpan?
  ) -> Int32 {
    let most = Int32(room.count)
    guard let span else { return unsafe epoll_wait(epoll, room.baseAddress, most, -1) }
    if waitsPrecisely, span > .zero {
      let (seconds, rest) = span.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
      var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
      let count = unsafe epoll_pwait2(epoll, room.baseAddress, most, &time, nil)
      // A sandbox that does not know the call may answer that it is not allowed.
      guard count < 0, errno == ENOSYS || errno == EPERM else { return count }
      isPrecise.store(false, ordering: .relaxed)
    }
    let milliseconds = (span.nanoseconds + 999_999) / 1_000_000
    return unsafe epoll_wait(epoll, room.baseAddress, most, Int32(clamping: milliseconds))
  }

  private static func readiness(_ bits: UInt32) -> Readiness {
    var readiness: Readiness = []
    if bits & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if bits & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    if bits & EPOLLRDHUP.rawValue != 0 { readiness.insert(.hungUp) }
    if bits & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
      readiness.formUnion([.hungUp, .broken])
    }
    return readiness
  }
}

/// A counting semaphore that blocks a thread: permits are kept by the kernel.
final class Semaphore: Sendable {
  private let descriptor: Int32

  init() throws(NetworkFailure) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_SEMAPHORE))
    guard descriptor >= 0 else { throw .system(call: "eventfd", code: errno) }
  }

  deinit { Syscalls.close(descriptor) }

  func give() {
    var one: UInt64 = 1
    _ = unsafe write(descriptor, &one, 8)
  }

  /// Blocks until there is a permit, and takes it.
  func take() {
    var value: UInt64 = 0
    while unsafe read(descriptor, &value, 8) != 8 {}
  }
}
