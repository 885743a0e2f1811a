import Bytes
private import CRocksDB

/// The changes of one commit, applied together or not at all.
///
/// Owned by the committer thread (or by the opening thread before it starts).
/// SAFETY: sole owner of the C handle; keys and values are copied by RocksDB during each call.
@safe struct WriteBatch: ~Copyable {
  let handle: OpaquePointer

  init() { unsafe handle = rocksdb_writebatch_create() }

  deinit { unsafe rocksdb_writebatch_destroy(handle) }

  /// Number of changes in the batch.
  var count: Int { unsafe Int(rocksdb_writebatch_count(handle)) }

  mutating func clear() { unsafe rocksdb_writebatch_clear(handle) }

  /// Remembers what is in the batch now; ended by `rollBack`.
  mutating func setSavePoint() { unsafe rocksdb_writebatch_set_save_point(handle) }

  /// Takes back everything since the last save point.
  mutating func rollBack() throws(StoreFault) {
    try unsafe engineCall { message in
      unsafe rocksdb_writebatch_rollback_to_save_point(handle, &message)
    }
  }

  mutating func put(_ family: ColumnFamily, key: Span<UInt8>, value: Span<UInt8>) {
    unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
        unsafe put(family, key: key, value: value)
      }
    }
  }

  /// The same from raw memory: the committer's chunks.
  mutating func put(
    _ family: ColumnFamily, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) {
    unsafe rocksdb_writebatch_put_cf(
      handle, family.handle, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count,
      value.baseAddress?.assumingMemoryBound(to: CChar.self), value.count)
  }

  mutating func delete(_ family: ColumnFamily, key: Span<UInt8>) {
    unsafe key.withUnsafeBytes { key in
      unsafe rocksdb_writebatch_delete_cf(
        handle, family.handle, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count)
    }
  }

  /// Deletes all keys from `lower` up to but without `upper`, those that the batch has put so far
  /// included. Not for events, whose memory tables cannot take it (`EngineOptions`).
  mutating func delete(
    _ family: ColumnFamily, from lower: Span<UInt8>, to upper: Span<UInt8>
  ) {
    unsafe lower.withUnsafeBytes { lower in
      unsafe upper.withUnsafeBytes { upper in
        unsafe rocksdb_writebatch_delete_range_cf(
          handle, family.handle, lower.baseAddress?.assumingMemoryBound(to: CChar.self),
          lower.count, upper.baseAddress?.assumingMemoryBound(to: CChar.self), upper.count)
      }
    }
  }
}

/// One column family of an open database; valid as long as the `Database` it came from.
///
/// SAFETY: `@unchecked Sendable` because RocksDB's handles may be used by any thread. `Database`
/// destroys one when it is closed, which waits for all reads, or after the column family was
/// dropped and nobody else refers to this object any more.
@safe final class ColumnFamily: @unchecked Sendable {
  let handle: OpaquePointer
  let name: String

  init(handle: OpaquePointer, name: String) {
    unsafe self.handle = handle
    self.name = name
  }
}
