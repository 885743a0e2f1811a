public import Bytes

/// A whole settings text as a tree of values with their places.
///
/// YAML 1.2's core subset: no anchors, aliases, tags, directives, merge keys, duplicate keys or
/// second document, keys are texts. A file named `.json` is read as JSON by the strict parser.
public struct SettingsDocument: Sendable {
  /// The limits of a settings text: far above what a person writes, small enough that a hostile
  /// file cannot hold up a reload.
  public enum Limits {
    /// Bytes of a file.
    public static let bytes = 1 << 20
    /// Levels of lists and mappings.
    public static let depth = 32
    /// Scalars, lists and mappings in total.
    public static let values = 100_000
    /// Bytes of one key.
    public static let keyBytes = 1024
  }

  /// The file's mapping.
  public let root: SettingsNode

  /// Reads a file's bytes; `name` appears in faults and decides between YAML and JSON.
  public init(parsing bytes: ByteSlice, named name: String) throws(SettingsFault) {
    let path = SettingsPath(file: name)
    let start = SettingsPosition(line: 1, column: 1)
    guard bytes.count <= Limits.bytes else {
      throw SettingsFault(.tooLarge(limit: Limits.bytes), at: start, file: name, path: "")
    }
    if name.hasSuffix(".json") {
      var tree = JSONTree(bytes, path: path)
      root = try tree.document()
    } else {
      var tree = try YAMLTree(bytes, path: path)
      root = try tree.document()
    }
    if case .null = root.value { throw root.fault(.empty) }
    _ = try root.entries()
  }
}
