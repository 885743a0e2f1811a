import Bytes
import Glibc
import Network

/// A child of this process, in a group of its own. Signals that this process blocks are open in it,
/// and nothing is there for it to read.
///
/// SAFETY: the argument and environment texts are copies that live until the call that reads them
/// has returned, and are freed after it; attributes and file actions are destroyed where they are
/// made.
struct ChildProcess: Sendable {
  let pid: pid_t

  /// Where what it prints goes.
  enum Output {
    /// All of it, appended to a file of this path.
    case file(String)
    /// Into this descriptor; what it says of its errors goes where this process's goes.
    case descriptor(Int32)
  }

  /// Starts `jodrell` with these words.
  init(_ words: [String], output: String) throws(FileFault) {
    try self.init(Self.program, words, output: .file(output))
  }

  /// Starts a program.
  init(_ program: String, _ words: [String], output: Output) throws(FileFault) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    switch output {
    case .file(let path):
      let flags = O_WRONLY | O_CREAT | O_APPEND
      unsafe posix_spawn_file_actions_addopen(&actions, 1, path, flags, 0o600)
      unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    case .descriptor(let descriptor):
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    // A group of its own: Ctrl-C is for this process, which ends the child itself, and with it
    // what that has started.
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETPGROUP))

    let inherited = try Self.environment
    let arguments = unsafe Self.copies([program] + words)
    let environment = unsafe Self.copies(inherited)
    defer {
      unsafe (arguments + environment).forEach { unsafe free($0) }
    }
    var pid = pid_t()
    let code = unsafe posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
    guard code == 0 else { throw FileFault(path: program, code: code) }
    self.pid = pid
  }

  func signal(_ number: Int32) { _ = kill(pid, number) }

  /// Ends it and what it has started, at once, and waits for that.
  func end() {
    _ = kill(-pid, SIGKILL)
    _ = waitpid(pid, nil, 0)
  }

  /// Waits for the end: the exit code, or 128 + the signal that ended it; nil when it still lives
  /// after `span`.
  func ended(within span: TimeSpan) async -> Int32? {
    let deadline = Clocks.system.monotonic() + span
    while true {
      if let code = exitCode { return code }
      guard Clocks.system.monotonic() < deadline else { return nil }
      await Pause.brief()
    }
  }

  /// As of `ended`, if it has; told once.
  var exitCode: Int32? {
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }

  private static var program: String {
    get throws(FileFault) {
      var room = [CChar](repeating: 0, count: 4096)
      let count = unsafe readlink("/proc/self/exe", &room, room.count - 1)
      guard count > 0 else { throw FileFault(path: "/proc/self/exe", code: errno) }
      return String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  private static var environment: [String] {
    get throws(FileFault) {
      let text = try FileAccess.read("/proc/self/environ", limit: 4 << 20).array
      return text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  private static func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    unsafe texts.map { unsafe strdup($0) } + [nil]
  }
}
