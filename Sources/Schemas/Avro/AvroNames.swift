import Bytes

/// Avro's names (specification, "Names"), with the `$` that Java puts into names of nested classes.
enum AvroNames {
  static let rule = "a name: letters, digits and _, not beginning with a digit"

  static func isPlain(_ name: ByteSlice) -> Bool { isPlain(name.array[...]) }

  /// Names joined by dots.
  static func isDotted(_ name: String) -> Bool {
    name.utf8.split(separator: ASCII.dot, omittingEmptySubsequences: false)
      .allSatisfy { isPlain(Array($0)[...]) }
  }

  private static func isPlain(_ name: ArraySlice<UInt8>) -> Bool {
    guard let first = name.first, !ASCII.isDigit(first) else { return false }
    return name.allSatisfy { byte in
      ASCII.isDigit(byte) || (byte | 0x20) &- 0x61 < 26 || byte == 0x5F || byte == 0x24
    }
  }
}
