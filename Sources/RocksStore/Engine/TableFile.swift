import Bytes
private import CRocksDB
private import CTables
import Synchronization

/// One table of a column family of events, as RocksDB's manifest tells of it.
struct TableFile: Sendable {
  let number: UInt64
  let path: String
  /// RocksDB's own sequence numbers of the oldest and the newest change in it.
  let oldest: UInt64
  let newest: UInt64
  /// Its smallest and its largest key; nil when that is no key of an event.
  let first: EventKey?
  let last: EventKey?

  /// Whether the manifest leaves it open that chunks of `topic` lie in the table.
  func mayHold(_ topic: TopicNumber) -> Bool {
    guard let first, let last else { return true }
    return first.topic <= topic && topic <= last.topic
  }
}

extension Database {
  /// The tables that a column family of events has now. Takes RocksDB's lock and copies what it
  /// knows of each: for the way along damage only.
  func tables(of family: ColumnFamily) throws(StoreFault) -> [TableFile] {
    try beginUse()
    defer { endUse() }
    // SAFETY: the list is destroyed once, after everything was copied out of it.
    let list = unsafe ctables_list_live(handle, family.name)
    defer { unsafe ctables_list_destroy(list) }
    return unsafe (0..<ctables_list_count(list)).map { index in
      let file = unsafe ctables_list_at(list, index)
      return unsafe TableFile(
        number: file.number, path: String(cString: file.path), oldest: file.oldest,
        newest: file.newest,
        first: EventKey(
          ByteSlice(UnsafeRawBufferPointer(start: file.first_key, count: file.first_count))),
        last: EventKey(
          ByteSlice(UnsafeRawBufferPointer(start: file.last_key, count: file.last_count))))
    }
  }
}

/// Which tables an iterator looks into, by their numbers; into the memory tables always.
enum TableChoice {
  case all
  case without(Set<UInt64>)
  case only(Set<UInt64>)

  /// Sets the choice in the options of an iterator about to be made.
  func apply(to options: OpaquePointer) {
    switch self {
    case .all: return
    case .without(let numbers) where numbers.isEmpty: return
    case .without(let numbers): unsafe choose(Array(numbers), 0, options)
    case .only(let numbers): unsafe choose(Array(numbers), 1, options)
    }
  }

  // SAFETY: the numbers are copied during the call.
  private func choose(_ numbers: [UInt64], _ admits: Int32, _ options: OpaquePointer) {
    unsafe ctables_choose(options, numbers, numbers.count, admits)
  }
}

/// One table opened by itself, beside the database. Short-lived, one thread.
///
/// SAFETY: sole owner of the handle, which is closed once; slices given out are copies.
@safe final class TableReader {
  private let handle: OpaquePointer

  init(path: String) throws(StoreFault) {
    let opened = try unsafe engineCall { message in
      unsafe ctables_open(path, TopicNumber.byteCount, &message)
    }
    guard let opened = unsafe opened else { throw .engine("no handle for table \(path)") }
    unsafe handle = opened
  }

  deinit { unsafe ctables_close(handle) }

  /// The first entry at or after `key`, or backwards the last one at or before it.
  func seek(_ key: EventKey, backwards: Bool = false) throws(StoreFault) -> TableEntry? {
    let bytes = key.bytes
    let isThere = try unsafe engineCall { message in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe ctables_seek(
          handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
          backwards ? 1 : 0, &message)
      }
    }
    guard isThere != 0 else { return nil }
    var (keyCount, valueCount) = (0, 0)
    let key = unsafe ctables_key(handle, &keyCount)
    let value = unsafe ctables_value(handle, &valueCount)
    guard
      let key = unsafe EventKey(
        ByteSlice(UnsafeRawBufferPointer(start: key, count: keyCount)))
    else { throw .corruptRecord(family: 0) }
    return unsafe TableEntry(
      key: key, value: ByteSlice(UnsafeRawBufferPointer(start: value, count: valueCount)))
  }

  /// Whether chunks of `topic` may lie in the table, as far as its filter and the blocks that can
  /// be read tell.
  func mayHold(_ topic: TopicNumber) -> Bool {
    let bytes = EventKey(topic: topic, last: 0).bytes
    return unsafe bytes.withUnsafeBytes { bytes in
      unsafe ctables_may_hold(
        handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
    } != 0
  }
}

/// What lies in a table under one key.
struct TableEntry {
  let key: EventKey
  let value: ByteSlice
}

/// The tables in which something could not be read, by their numbers: iterators over all tables
/// leave them out from then on, and they are searched by themselves. Any thread.
final class SuspectTables: Sendable {
  private let numbers = Mutex<Set<UInt64>>([])
  private let isEmpty = Atomic(true)

  var all: Set<UInt64> {
    isEmpty.load(ordering: .acquiring) ? [] : numbers.withLock { $0 }
  }

  /// Adds the table that RocksDB's words for `fault` name, unless somebody else has just done so.
  /// False when they name none, or one of those that were left out already: then the fault is not
  /// gone with the table.
  func add(_ fault: StoreFault, besides leftOut: Set<UInt64>) -> Bool {
    guard let number = Self.table(named: fault), !leftOut.contains(number) else { return false }
    return numbers.withLock { numbers in
      if numbers.contains(number) { return true }
      guard numbers.count < DamageLimits.tables else { return false }
      numbers.insert(number)
      isEmpty.store(false, ordering: .releasing)
      return true
    }
  }

  /// The number of the table that could not be read. RocksDB's status codes do not carry it, its
  /// texts do: "… in /data/rocks/000012.sst offset 16316 size 16311".
  static func table(named fault: StoreFault) -> UInt64? {
    let text: String
    switch fault {
    case .corruptFile(let words), .input(let words): text = words
    default: return nil
    }
    let bytes = Array(text.utf8)
    let suffix = Array(".sst".utf8)
    var found: UInt64?
    for end in bytes.indices.dropLast(suffix.count - 1)
    where bytes[end..<(end + suffix.count)].elementsEqual(suffix) {
      var start = end
      while start > 0, ASCII.isDigit(bytes[start - 1]) { start -= 1 }
      guard start > 0, bytes[start - 1] == ASCII.slash else { continue }
      found = UInt64(String(decoding: bytes[start..<end], as: UTF8.self)) ?? found
    }
    return found
  }
}
