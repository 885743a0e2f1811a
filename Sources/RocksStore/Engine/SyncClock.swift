import Bytes
private import CRocksDB

/// How long RocksDB spent writing and syncing its log during a write of this thread, from its own
/// per-thread counters.
///
/// SAFETY: sole owner of the handle, which refers to counters of the thread that made it: made,
/// used and destroyed on the committer thread.
@safe struct SyncClock: ~Copyable {
  private let counters: OpaquePointer

  init() {
    rocksdb_set_perf_level(3)  // times, but not of mutexes
    unsafe counters = rocksdb_perfcontext_create()
  }

  deinit {
    unsafe rocksdb_perfcontext_destroy(counters)
    rocksdb_set_perf_level(1)
  }

  mutating func start() { unsafe rocksdb_perfcontext_reset(counters) }

  /// Log writing and syncing since `start`.
  func elapsed() -> TimeSpan {
    TimeSpan(
      nanoseconds: Int64(
        unsafe rocksdb_perfcontext_metric(counters, Int32(rocksdb_write_wal_time))))
  }
}
