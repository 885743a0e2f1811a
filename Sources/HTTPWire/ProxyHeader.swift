public import Bytes

/// The header by which a proxy says, before anything else, whom a connection comes from: the PROXY
/// protocol of HAProxy, versions 1 and 2 (its `proxy-protocol.txt`). Reads a connection's first
/// bytes, as often as there are more of them.
public enum ProxyHeader {
  /// Whom a connection comes from.
  public enum Source: Equatable, Sendable {
    /// From who sent the header: a proxy's own connection, or one that it knows nothing of.
    case sender
    case address(IPAddress)
  }

  public enum Step: Equatable, Sendable {
    case needMore
    /// What follows after `length` bytes is the connection's own.
    case header(Source, length: Int)
    /// No header, or one that nobody may send.
    case fault
  }

  /// Bytes of a header of version 1, its line end included.
  public static let longestText = 107

  private static let start = Array("PROXY ".utf8)
  /// The first twelve bytes of version 2.
  private static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  /// In front of the addresses: signature, version and command, family and protocol, length.
  private static let fixedBytes = 16

  /// Reads what a connection begins with.
  ///
  /// - Parameter limit: bytes that a header of version 2 may have with all that it carries.
  public static func read(_ bytes: ByteSlice, limit: Int) -> Step {
    guard !bytes.isEmpty else { return .needMore }
    return bytes[0] == signature[0] ? readBinary(bytes, limit) : readText(bytes)
  }

  // MARK: - Version 1

  private static func readText(_ bytes: ByteSlice) -> Step {
    for index in 0..<min(bytes.count, start.count) where bytes[index] != start[index] {
      return .fault
    }
    let line = bytes.prefix(longestText)
    var from = 0
    while let end = line.firstIndex(of: ASCII.carriageReturn, from: from) {
      guard end + 1 < line.count else { break }
      if line[end + 1] == ASCII.lineFeed {
        return source(ofText: line[start.count..<max(end, start.count)])
          .map { .header($0, length: end + 2) } ?? .fault
      }
      from = end + 1
    }
    return bytes.count < longestText ? .needMore : .fault
  }

  /// `TCP4`, `TCP6` or `UNKNOWN`, two addresses and two ports; behind `UNKNOWN` anything.
  private static func source(ofText line: ByteSlice) -> Source? {
    let words = words(of: line)
    guard let family = words.first else { return nil }
    if family.equals("UNKNOWN") { return .sender }
    let isIPv4 = family.equals("TCP4")
    guard isIPv4 || family.equals("TCP6"), words.count == 5, isPort(words[3]), isPort(words[4])
    else { return nil }
    for word in words[1...2] where (word.firstIndex(of: ASCII.colon) == nil) != isIPv4 {
      return nil
    }
    guard let source = IPAddress(parsing: words[1]), IPAddress(parsing: words[2]) != nil else {
      return nil
    }
    return .address(source)
  }

  /// What stands between single spaces.
  private static func words(of line: ByteSlice) -> [ByteSlice] {
    var words: [ByteSlice] = []
    var from = 0
    while let space = line.firstIndex(of: ASCII.space, from: from) {
      words.append(line[from..<space])
      from = space + 1
    }
    words.append(line.dropFirst(from))
    return words
  }

  private static func isPort(_ word: ByteSlice) -> Bool {
    guard (1...5).contains(word.count), word.count == 1 || word[0] != ASCII.zero else {
      return false
    }
    var port = 0
    for index in 0..<word.count {
      guard ASCII.isDigit(word[index]) else { return false }
      port = port * 10 + Int(word[index] - ASCII.zero)
    }
    return port <= 65_535
  }

  // MARK: - Version 2

  private static func readBinary(_ bytes: ByteSlice, _ limit: Int) -> Step {
    for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] {
      return .fault
    }
    guard bytes.count >= fixedBytes else { return .needMore }
    let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
    guard bytes[12] >> 4 == 2, bytes[12] & 0xF <= 1, length <= limit else { return .fault }
    guard bytes.count >= length else { return .needMore }
    let isLocal = bytes[12] & 0xF == 0
    return source(ofBinary: bytes.prefix(length), isLocal: isLocal)
      .map { .header($0, length: length) } ?? .fault
  }

  private static func source(ofBinary header: ByteSlice, isLocal: Bool) -> Source? {
    let family = header[13] >> 4
    let transport = header[13] & 0xF
    // Of a connection of the proxy's own the family is not looked at.
    guard isLocal || family <= 3 && transport <= 2 && (family == 0) == (transport == 0) else {
      return nil
    }
    let body = header.dropFirst(fixedBytes)
    let width = family == 1 ? 4 : 16
    let addressBytes = isLocal ? 0 : [0, 12, 36, 216][Int(family)]
    guard body.count >= addressBytes else { return nil }
    if !isLocal, family > 0 {
      guard checkExtensions(of: header, from: fixedBytes + addressBytes) else { return nil }
    }
    // Datagrams and socket files are no peers of ours, which the specification allows to say.
    guard !isLocal, transport == 1, family == 1 || family == 2 else { return .sender }
    return IPAddress(bytes: body.prefix(width)).map { .address($0) }
  }

  private static let checksumType: UInt8 = 0x03

  /// Whether what follows the addresses is whole, and a checksum among it right.
  private static func checkExtensions(of header: ByteSlice, from start: Int) -> Bool {
    var index = start
    while index < header.count {
      guard index + 3 <= header.count else { return false }
      let length = Int(header[index + 1]) << 8 + Int(header[index + 2])
      let value = index + 3
      guard value + length <= header.count else { return false }
      if header[index] == checksumType {
        guard length == 4, isChecked(header, at: value) else { return false }
      }
      index = value + length
    }
    return true
  }

  /// The CRC32C of the header with zeros in its own place.
  private static func isChecked(_ header: ByteSlice, at place: Int) -> Bool {
    var told: UInt32 = 0
    for index in place..<(place + 4) { told = told << 8 | UInt32(header[index]) }
    var sum = CRC32C()
    sum.update(header.prefix(place).span)
    sum.update(ByteSlice([0, 0, 0, 0]).span)
    sum.update(header.dropFirst(place + 4).span)
    return sum.value == told
  }
}
