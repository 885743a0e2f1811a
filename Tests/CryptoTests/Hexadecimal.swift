import Bytes

extension ByteSlice {
  /// The bytes that pairs of hexadecimal digits spell; other characters are passed over.
  init(hexadecimal text: String) {
    let digits = text.utf8.compactMap(ASCII.hexValue)
    self.init(stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  /// The bytes that base64url text stands for; empty when it is none.
  init(base64url text: String) {
    self = Base64.decode(ByteSlice(utf8: text), as: .url) ?? .empty
  }
}
