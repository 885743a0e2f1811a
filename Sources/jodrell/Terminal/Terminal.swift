import Bytes
import Glibc
import Synchronization

/// Why not everything that was written has been taken.
struct WriteFault: Error, CustomStringConvertible {
  /// Bytes that had been taken before.
  let taken: Int
  let code: Int32

  /// Nobody reads any more, which is no failure of whoever writes.
  var isGone: Bool { code == EPIPE }
  var description: String { FileFault.words(code) }
}

/// One of the process's output descriptors. Blocking; used by one task or thread at a time.
struct Terminal: Sendable {
  private let descriptor: Int32
  private let memory = Memory()

  /// What is known of the writes so far.
  private final class Memory: Sendable {
    let fault = Mutex<WriteFault?>(nil)
  }

  static let output = Terminal(descriptor: 1)
  static let errors = Terminal(descriptor: 2)

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Whether a person looks at it.
  var isInteractive: Bool { isatty(descriptor) == 1 }

  /// Whether colours mean something there (https://no-color.org).
  var isColourful: Bool {
    guard isInteractive else { return false }
    return unsafe getenv("NO_COLOR") == nil
  }

  /// Columns of the terminal; 80 where there is none.
  var columns: Int {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// The first fault of a write; nil as long as everything was taken or nobody reads any more. For
  /// those who write line after line, and whoever tells at the end whether that was done.
  var firstFault: WriteFault? { memory.fault.withLock { $0 } }

  func write(_ text: String) { _ = write(bytes: Array(text.utf8)) }

  func line(_ text: String = "") { write(text + "\n") }

  /// Writes everything; nil when all of it was taken.
  @discardableResult
  func write(bytes: [UInt8]) -> WriteFault? {
    guard let fault = send(bytes) else { return nil }
    if !fault.isGone { memory.fault.withLock { if $0 == nil { $0 = fault } } }
    return fault
  }

  private func send(_ bytes: [UInt8]) -> WriteFault? {
    // SAFETY: the pointer is used inside the closure only, and never beyond the array's count.
    unsafe bytes.withUnsafeBytes { room -> WriteFault? in
      var start = 0
      while start < room.count {
        let count = unsafe Glibc.write(
          descriptor, unsafe room.baseAddress?.advanced(by: start), room.count - start)
        if count > 0 {
          start += count
          continue
        }
        let code = count == 0 ? EIO : errno
        if code == EAGAIN {
          awaitRoom()
        } else if code != EINTR {
          return WriteFault(taken: start, code: code)
        }
      }
      return nil
    }
  }

  /// Waits until a descriptor that does not block, since somebody whose it is as well wants it so,
  /// takes bytes again, or an error of it is found by the next write.
  private func awaitRoom() {
    var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // SAFETY: one entry, a local variable.
    _ = unsafe poll(&waited, 1, -1)
  }
}

/// How text is set off for a reader; plain where the terminal shows no colours.
struct Ink: Sendable {
  let isOn: Bool

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func good(_ text: String) -> String { wrap(text, "32") }
  func bad(_ text: String) -> String { wrap(text, "31") }
  func name(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

extension String {
  /// The text for a terminal: control characters, which could move its cursor, as `\u{…}`.
  var printable: String {
    guard unicodeScalars.contains(where: { Self.controls($0) }) else { return self }
    return unicodeScalars.map { scalar in
      Self.controls(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
  }

  private static func controls(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }

  /// Filled with spaces up to `width` characters.
  func padded(_ width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }

  func leftPadded(_ width: Int) -> String {
    count >= width ? self : String(repeating: " ", count: width - count) + self
  }
}
