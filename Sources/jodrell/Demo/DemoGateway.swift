import Bytes
import Glibc
import JSONText
import Network
import Synchronization

/// The gateway of the demonstration: a child process with a directory of its own.
final class DemoGateway: Sendable {
  /// The temporary directory; the gateway's data is below it.
  let directory: String
  private let child = Mutex<ChildProcess?>(nil)

  var data: String { "\(directory)/data" }
  private var output: String { "\(directory)/gateway.log" }

  init() throws(CommandFault) {
    // SAFETY: mkdtemp writes into the template, whose copy lives on this frame, and keeps its
    // length.
    var template: [CChar] = "/tmp/jodrell-demo.XXXXXX".utf8CString.map(\.self)
    guard unsafe mkdtemp(&template) != nil else {
      throw CommandFault(.failed, "no temporary directory: \(FileFault.words(errno))")
    }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Starts it and waits until it is ready.
  ///
  /// - Parameter port: 0 for one that is free.
  /// - Returns: the address, and how long it took.
  func start(port: UInt16) async throws(CommandFault) -> (address: String, took: TimeSpan) {
    let began = Clocks.system.monotonic()
    try CommandFault.wrap(.failed) { () throws(FileFault) in
      if (try? FileAccess.size(of: output)) != nil { FileAccess.removeTree(output) }
      let words = [
        "serve", "--data", data, "--listen", "127.0.0.1:\(port)", "--tenants", "acme,globex",
      ]
      let started = try ChildProcess(words, output: output)
      child.withLock { $0 = started }
    }
    while Clocks.system.monotonic() - began < .seconds(30) {
      if let address = readyAddress { return (address, Clocks.system.monotonic() - began) }
      if let code = await child.withLock(\.self)?.ended(within: .zero) {
        child.withLock { $0 = nil }
        throw CommandFault(.failed, "the gateway ended with \(code): \(log)")
      }
      await Pause.brief()
    }
    throw CommandFault(.failed, "the gateway did not get ready: \(log)")
  }

  /// Sends a signal and waits for the end.
  ///
  /// - Returns: the exit code, 128 + the signal for a violent end; nil when it lives on.
  func end(_ signal: Int32) async -> Int32? {
    guard let running = child.withLock(\.self) else { return nil }
    running.signal(signal)
    let code = await running.ended(within: .seconds(15))
    if code != nil { child.withLock { $0 = nil } }
    return code
  }

  /// Ends what still runs and removes the directory.
  func discard(keepingDirectory: Bool) async {
    _ = await end(SIGKILL)
    if !keepingDirectory { FileAccess.removeTree(directory) }
  }

  private var log: String { (try? FileAccess.read(output, limit: 1 << 20))?.text ?? "" }

  private var readyAddress: String? {
    for line in log.split(separator: "\n") where line.contains("\"message\":\"ready\"") {
      let document = try? JSONDocument(parsing: ByteSlice(utf8: String(line)))
      return document?.root["http"]?.text
    }
    return nil
  }
}
