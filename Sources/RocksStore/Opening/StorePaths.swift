/// Where things lie in a store's directory (docs/log-format.md, "The directory").
struct StorePaths: Sendable {
  let root: String

  init(_ root: String) { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

  var lock: String { root + "/lock" }
  var engine: String { root + "/rocks" }
  var sideFile: String { root + "/acknowledged" }
  var unproven: String { root + "/unproven" }

  /// Gives the write-ahead log's files second names, so that what an open is about to replay and
  /// drop can still be examined when the open is refused. RocksDB never writes into an old log file
  /// again, so the names cost nothing and stay true. Without hard links there is simply no such
  /// copy.
  func keepLogs() throws(StoreFault) {
    let logs = Files.names(in: engine).filter { $0.hasSuffix(".log") }
    if logs.isEmpty { return }
    try Files.makeDirectory(unproven)
    for log in logs where !Files.link(engine + "/" + log, to: unproven + "/" + log) { return }
  }

  /// The open proved itself: the second names can go.
  func forgetLogs() {
    for log in Files.names(in: unproven) { Files.remove(unproven + "/" + log) }
  }
}
