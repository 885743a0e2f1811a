extension UInt32 {
  /// Reads a number from 1 without sign or leading zeros; nil for anything else.
  public init?(decimal text: ByteSlice) {
    guard !text.isEmpty, text.count <= 10, text[0] != ASCII.zero,
      text.array.allSatisfy(ASCII.isDigit), let number = UInt32(text.text)
    else { return nil }
    self = number
  }
}
