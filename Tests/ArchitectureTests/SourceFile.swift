import Foundation

/// One file of the house, as the rules look at it: its text, and its text without comments and the
/// insides of string literals, line by line.
struct SourceFile {
  /// From the root, such as `Sources/Bytes/CRC32C.swift`.
  let path: String
  /// The folder that the rules know it by: a room of `Sources`, `bench`, or `Tests`.
  let room: String
  let lines: [String]
  /// The same lines with comments and literals blanked.
  let code: [String]

  init(path: String, text: String) {
    self.path = path
    let parts = path.split(separator: "/").map(String.init)
    room = parts.first == "Sources" && parts.count > 2 ? parts[1] : parts[0]
    var whole = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if whole.last == "" { whole.removeLast() }
    lines = whole
    var plain = PlainCode()
    code = whole.map { plain.read($0) }
  }

  /// The modules it imports, with the line and how.
  var imports: [(line: Int, access: String, module: String)] {
    let statement =
      #/\s*(?:@\w+\s+)*(?:(package|public|private|internal)\s+)?import\s+(?:[a-z]+\s+)?(\w+).*/#
    return code.enumerated().compactMap { index, line in
      guard line.contains("import "), let found = line.wholeMatch(of: statement) else { return nil }
      return (index + 1, found.1.map(String.init) ?? "", String(found.2))
    }
  }
}

extension String {
  /// Much quicker than `contains`: for looks at every line.
  func has(_ word: String) -> Bool { unsafe strstr(self, word) != nil }
}

/// Something that breaks a rule, with its place and what to do instead.
struct Finding: CustomStringConvertible, Equatable {
  let path: String
  let line: Int
  let advice: String

  var description: String { "\(path):\(line): \(advice)" }
}

/// Blanks comments and string literals, keeping a line's remaining text.
///
/// Knows nested block comments, multi-line and raw literals. An interpolation counts as part of its
/// literal.
struct PlainCode {
  private enum Place { case code, block(depth: Int), literal(hashes: Int, quotes: Int) }
  private var place = Place.code

  /// The code of the next line.
  mutating func read(_ line: String) -> String {
    var rest = Array(line.utf8)[...]
    var code: [UInt8] = []
    while let first = rest.first {
      switch place {
      case .code:
        if rest.starts(with: "//".utf8) { return String(decoding: code, as: UTF8.self) }
        if rest.starts(with: "/*".utf8) {
          place = .block(depth: 1)
          rest = rest.dropFirst(2)
        } else if let (hashes, quotes) = Self.opening(rest) {
          place = .literal(hashes: hashes, quotes: quotes)
          rest = rest.dropFirst(hashes + quotes)
          code.append(UInt8(ascii: "\""))
        } else {
          code.append(first)
          rest = rest.dropFirst()
        }
      case .block(let depth):
        if rest.starts(with: "*/".utf8) {
          place = depth == 1 ? .code : .block(depth: depth - 1)
          rest = rest.dropFirst(2)
        } else if rest.starts(with: "/*".utf8) {
          place = .block(depth: depth + 1)
          rest = rest.dropFirst(2)
        } else {
          rest = rest.dropFirst()
        }
      case .literal(let hashes, let quotes):
        let marks = String(repeating: "#", count: hashes)
        let end = String(repeating: "\"", count: quotes) + marks
        if rest.starts(with: ("\\" + marks).utf8) {
          rest = rest.dropFirst(2 + hashes)
        } else if rest.starts(with: end.utf8) {
          place = .code
          rest = rest.dropFirst(quotes + hashes)
          code.append(UInt8(ascii: "\""))
        } else {
          rest = rest.dropFirst()
        }
      }
    }
    if case .literal(_, quotes: 1) = place { place = .code }
    return String(decoding: code, as: UTF8.self)
  }

  /// How many `#` and how many quotes open a literal that begins here.
  private static func opening(_ rest: ArraySlice<UInt8>) -> (hashes: Int, quotes: Int)? {
    guard rest.first == UInt8(ascii: "#") || rest.first == UInt8(ascii: "\"") else { return nil }
    let hashes = rest.prefix { $0 == UInt8(ascii: "#") }.count
    let quoted = rest.dropFirst(hashes)
    guard quoted.first == UInt8(ascii: "\"") else { return nil }
    return (hashes, quoted.starts(with: "\"\"\"".utf8) ? 3 : 1)
  }
}
