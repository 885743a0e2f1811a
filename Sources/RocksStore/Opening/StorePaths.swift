/// Where things lie in a store's directory (docs/log-format.md, "The directory").
struct StorePaths: Sendable {
  let root: String

  init(_ root: String) { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

  var lock: String { root + "/lock" }
  var engine: String { root + "/rocks" }
  var sideFile: String { root + "/acknowledged" }
  /// The side file that an open is about to put into place.
  var nextSideFile: String { root + "/acknowledged.next" }
  /// The manifest without its torn end that an open is about to put into place.
  var nextManifest: String { root + "/manifest.next" }
  var unproven: String { root + "/unproven" }
  var ballast: String { root + "/ballast" }
  /// There while appends are stopped for want of space.
  var full: String { root + "/full" }

  /// Gives RocksDB's files second names, so that what an open is about to replay, drop and delete
  /// can still be had when the open is refused: the write-ahead log, and the tables and the
  /// manifest, since a manifest that lost its end makes RocksDB delete tables as unknown. It never
  /// writes into any of them again, so the names cost nothing and stay true. Without hard links
  /// there are simply no such names.
  func keepFiles() throws(StoreFault) {
    let names = Files.names(in: engine).filter { name in
      name.hasSuffix(".log") || name.hasSuffix(".sst") || name == "CURRENT"
        || name.hasPrefix("MANIFEST-")
    }
    if names.isEmpty { return }
    try Files.makeDirectory(unproven)
    for name in names where !Files.link(engine + "/" + name, to: unproven + "/" + name) { break }
    // RocksDB may remove the first names, and that may reach the disk before the second ones do.
    try Files.syncDirectory(unproven)
  }

  /// The open proved itself: the second names can go.
  func forgetFiles() {
    for name in Files.names(in: unproven) { Files.remove(unproven + "/" + name) }
    Files.removeDirectory(unproven)
  }

  /// Refuses a directory that has lost RocksDB's `CURRENT`: RocksDB would take it for empty, begin
  /// anew and delete everything in it. Only a founding that was cut short may lack it: that has
  /// acknowledged nothing and has no tables.
  func checkEngine() throws(StoreFault) {
    #if MUTANTS
      if Mutant.engineUnchecked.isOn { return }
    #endif
    let names = Files.names(in: engine)
    guard !names.isEmpty, !names.contains("CURRENT") else { return }
    let acknowledged = SideFile.read(path: sideFile, store: nil)?.commit ?? 0
    if acknowledged > 0 || names.contains(where: { $0.hasSuffix(".sst") }) {
      throw .corruptFile("\(engine)/CURRENT is missing")
    }
  }
}
