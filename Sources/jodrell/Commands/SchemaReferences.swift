import Bytes
import Client
import Glibc
import Schemas

/// The documents that `--ref` names: schemas in files refer to them by their `$id`s, or by the way
/// from file to file.
enum SchemaReferences {
  /// - Parameter paths: files, and folders of which all `.json` files below count.
  static func library(
    _ paths: [String], dialect: SchemaDialect?
  ) throws(CommandFault) -> SchemaLibrary {
    var library = SchemaLibrary()
    var waiting: [String] = []
    for path in paths {
      try CommandFault.wrap(.failed) { () throws(FileFault) in try collect(path, into: &waiting) }
    }
    // A document may be written in a dialect that another one defines: those come again.
    while !waiting.isEmpty {
      var later: [(path: String, fault: SchemaFault)] = []
      for path in waiting {
        let text = try SchemaInput.whole(path)
        do throws(SchemaFault) {
          try library.add(text, under: [uri(of: path)], dialect: dialect)
        } catch {
          later.append((path, error))
        }
      }
      if later.count == waiting.count {
        let (path, fault) = later[0]
        throw CommandFault(.failed, "\(path): \(fault.pointer) \(fault.reason.message)")
      }
      waiting = later.map(\.path)
    }
    return library
  }

  private static func collect(_ path: String, into files: inout [String]) throws(FileFault) {
    guard FileAccess.isDirectory(path) else {
      files.append(path)
      return
    }
    for name in try FileAccess.names(in: path) {
      let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      if FileAccess.isDirectory(inner) || name.hasSuffix(".json") {
        try collect(inner, into: &files)
      }
    }
  }

  /// The URI of a file (RFC 8089); empty for standard input and what is not there.
  static func uri(of path: String) -> String {
    // SAFETY: realpath's text is copied, then freed here.
    guard path != "-", let text = unsafe realpath(path, nil) else { return "" }
    defer { unsafe free(text) }
    let parts = unsafe String(cString: text).split(separator: "/", omittingEmptySubsequences: false)
    return "file://" + parts.map { ClientRequest.segment(String($0)) }.joined(separator: "/")
  }
}
