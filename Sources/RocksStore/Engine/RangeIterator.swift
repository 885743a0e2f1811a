import Bytes
private import CRocksDB

/// Walks one range of one column family. Short-lived: it pins memory tables and files of the
/// database, so it is never kept across a suspension.
///
/// SAFETY: sole owner of the iterator and read-options handles; holds the database, so that both go
/// before it. The bounds are kept in memory of their own because RocksDB refers to them until the
/// iterator is destroyed. Slices given out are copies.
@safe struct RangeIterator: ~Copyable {
  private let database: Database
  private let iterator: OpaquePointer
  private let options: OpaquePointer
  private let bounds: UnsafeMutableRawBufferPointer

  /// Covers keys from `lower` up to but without `upper`; both at most a few dozen bytes.
  /// Throws `closed` on a closed database.
  /// `fillCache`: whether blocks read stay in the block cache; off for readers far behind.
  /// `tables`: of a column family of events, those to look into.
  /// `showsDeletedRanges`: whether what was deleted as a range is walked as if it were not.
  init(
    _ database: Database, _ family: ColumnFamily, from lower: [UInt8], to upper: [UInt8],
    fillCache: Bool, tables: TableChoice = .all, showsDeletedRanges: Bool = false
  ) throws(StoreFault) {
    try database.beginUse()
    self.database = database
    unsafe bounds = UnsafeMutableRawBufferPointer.allocate(
      byteCount: lower.count + upper.count, alignment: 1)
    unsafe bounds.copyBytes(from: lower + upper)
    unsafe options = rocksdb_readoptions_create()
    unsafe rocksdb_readoptions_set_verify_checksums(options, 1)
    unsafe rocksdb_readoptions_set_fill_cache(options, fillCache ? 1 : 0)
    // Without it the prefix extractor would let a seek skip keys of another prefix.
    unsafe rocksdb_readoptions_set_total_order_seek(options, 1)
    let start = unsafe bounds.baseAddress?.assumingMemoryBound(to: CChar.self)
    unsafe rocksdb_readoptions_set_iterate_lower_bound(options, start, lower.count)
    unsafe rocksdb_readoptions_set_iterate_upper_bound(
      options, start?.advanced(by: lower.count), upper.count)
    unsafe rocksdb_readoptions_set_ignore_range_deletions(options, showsDeletedRanges ? 1 : 0)
    unsafe tables.apply(to: options)
    unsafe iterator = database.makeIterator(family, options)
  }

  deinit {
    unsafe rocksdb_iter_destroy(iterator)
    unsafe rocksdb_readoptions_destroy(options)
    unsafe bounds.deallocate()
    database.endUse()
  }

  /// Whether the iterator stands on an entry.
  var isValid: Bool { unsafe rocksdb_iter_valid(iterator) != 0 }

  /// Throws what stopped the iterator, if it was not the end of the range.
  func check() throws(StoreFault) {
    try unsafe engineCall { message in unsafe rocksdb_iter_get_error(iterator, &message) }
  }

  mutating func seekToFirst() { unsafe rocksdb_iter_seek_to_first(iterator) }
  mutating func seekToLast() { unsafe rocksdb_iter_seek_to_last(iterator) }

  /// Moves to the first entry at or after `key`.
  mutating func seek(_ key: [UInt8]) {
    unsafe key.withUnsafeBytes { key in
      unsafe rocksdb_iter_seek(
        iterator, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count)
    }
  }

  /// Moves to the last entry at or before `key`.
  mutating func seekBackwards(_ key: [UInt8]) {
    unsafe key.withUnsafeBytes { key in
      unsafe rocksdb_iter_seek_for_prev(
        iterator, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count)
    }
  }

  mutating func next() { unsafe rocksdb_iter_next(iterator) }

  /// A copy of the key under the iterator.
  var key: ByteSlice {
    var count = 0
    let bytes = unsafe rocksdb_iter_key(iterator, &count)
    return unsafe ByteSlice(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// A copy of the value under the iterator.
  var value: ByteSlice {
    var count = 0
    let bytes = unsafe rocksdb_iter_value(iterator, &count)
    return unsafe ByteSlice(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// Length of the value under the iterator, without a copy.
  var valueCount: Int {
    var count = 0
    _ = unsafe rocksdb_iter_value(iterator, &count)
    return count
  }
}
