import Bytes

/// Where a manifest's last append was torn. RocksDB syncs each append to its manifest before it
/// counts on it, but of one that no sync has followed a power cut may leave a part: the second of
/// the two sectors it lay in, say. RocksDB takes a manifest that ends too early for whole, and one
/// whose last record is damaged for damaged. Both have lost the same: what nobody was told of.
///
/// Should the record have been synced and gone bad since, then what it said is missing once it is
/// cut off. The proof that follows each opening finds that of events, and of the catalogue unless
/// that was changed after it; of subscriptions' positions it does not (docs/log-format.md,
/// "Opening").
enum ManifestEnd {
  /// RocksDB's log format (`db/log_format.h`): blocks in which records lie, each with a checksum of
  /// four bytes, its length in two, and its kind.
  private static let blockBytes = 32 << 10
  private static let headBytes = 7
  /// A tail that is longer is no append that was torn.
  static let tailBytes = 64 << 10
  /// A longer manifest is left as it is. RocksDB begins a new one at each opening.
  static let manifestBytes = 64 << 20

  /// Puts a manifest without its torn end in the place of the one that `CURRENT` names; whoever has
  /// a second name for that one keeps it as it was.
  ///
  /// - Returns: false, and nothing done, where its end is not torn.
  static func cut(_ paths: StorePaths) throws(StoreFault) -> Bool {
    guard let current = Files.contents(of: paths.engine + "/CURRENT", atMost: 64),
      current.last == ASCII.lineFeed
    else { return false }
    let name = String(decoding: current.dropLast(), as: UTF8.self)
    let manifest = paths.engine + "/" + name
    guard name.hasPrefix("MANIFEST-"), !name.contains("/"),
      let bytes = Files.contents(of: manifest, atMost: manifestBytes),
      let length = soundLength(of: ByteSlice(bytes))
    else { return false }
    try Files.write(Array(bytes.prefix(length)), to: paths.nextManifest)
    try Files.rename(paths.nextManifest, to: manifest)
    try Files.syncDirectory(paths.engine)
    try Files.syncDirectory(paths.root)
    return true
  }

  /// How much of a manifest lies before its torn end; nil where its end is whole, where it is no
  /// end, since sound records follow, or where nothing lies before it.
  static func soundLength(of bytes: ByteSlice) -> Int? {
    var (at, end) = (0, 0)
    while at + headBytes <= bytes.count {
      let room = blockBytes - at % blockBytes
      if room < headBytes {
        at += room
        continue
      }
      guard let record = record(at: at, in: bytes) else { break }
      at = record.end
      if record.isLast { end = at }
    }
    guard end > 0, at + headBytes <= bytes.count, bytes.count - at <= tailBytes else { return nil }
    for later in (at + 1)..<bytes.count where record(at: later, in: bytes) != nil { return nil }
    return end
  }

  /// The sound record that begins at a place: where it ends, and whether what it is a part of does.
  private static func record(at start: Int, in bytes: ByteSlice) -> (end: Int, isLast: Bool)? {
    let body = start + headBytes
    guard body <= bytes.count else { return nil }
    let length = Int(bytes[start + 4]) | Int(bytes[start + 5]) << 8
    let kind = bytes[start + 6]
    let room = blockBytes - start % blockBytes
    // Whole, first, middle, last; kinds of logs that are written over do not occur.
    guard (1...4).contains(kind), headBytes + length <= room, body + length <= bytes.count else {
      return nil
    }
    let told = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
    let sum = CRC32C.checksum(bytes[(body - 1)..<(body + length)])
    // Masked as RocksDB does, which keeps sums of what holds sums.
    guard told == (sum >> 15 | sum << 17) &+ 0xA282_EAD8 else { return nil }
    return (body + length, kind == 1 || kind == 4)
  }
}
