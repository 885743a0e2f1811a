private import CRocksDB
private import CWriteAhead

/// RocksDB's options of this store and the cache its column families share.
///
/// Options are set by name through RocksDB's own parser, which refuses unknown ones and reaches
/// those that its C API has no setter for. The values are those of a 4 GiB, 2-core host.
///
/// SAFETY: `@unchecked Sendable` because the only state is the cache handle, which RocksDB counts
/// and locks itself; it is destroyed once, in `deinit`.
@safe final class EngineOptions: @unchecked Sendable {
  private let cache: OpaquePointer
  private let flushesReplay: Bool
  private let patience: Duration

  /// - Parameters:
  ///   - cacheBytes: block cache for all column families together.
  ///   - flushesReplay: whether what an opening replays becomes tables at once, so that the next
  ///     one need not replay it again. On a volume without space for them it must not.
  ///   - patience: how long the log must have stood still before a table that is written beside it
  ///     no longer waits for it, in whole milliseconds.
  init(
    cacheBytes: Int, flushesReplay: Bool = true, patience: Duration = .milliseconds(20)
  ) {
    self.flushesReplay = flushesReplay
    self.patience = patience
    unsafe cache = rocksdb_cache_create_lru(cacheBytes)
  }

  deinit { unsafe rocksdb_cache_destroy(cache) }

  var cachedBytes: UInt64 { unsafe UInt64(rocksdb_cache_get_usage(cache)) }

  /// Options of the database as a whole. The caller destroys the result.
  func database() throws(StoreFault) -> OwnedOptions {
    let options = OwnedOptions()
    unsafe rocksdb_options_set_create_if_missing(options.handle, 1)
    unsafe rocksdb_options_set_create_missing_column_families(options.handle, 1)
    unsafe rocksdb_options_set_env(
      options.handle, cwriteahead_env(UInt32(patience / .milliseconds(1))))
    unsafe rocksdb_options_set_info_log_level(options.handle, 2)  // warnings; the default is debug
    let limiter = unsafe rocksdb_ratelimiter_create(48 << 20, 100_000, 10)
    unsafe rocksdb_options_set_ratelimiter(options.handle, limiter)
    unsafe rocksdb_ratelimiter_destroy(limiter)
    return try options.applying(
      Self.databaseText
        + ";avoid_flush_during_recovery=\(!flushesReplay);max_open_files=\(Self.openFiles)")
  }

  /// Options of one column family, whose tables are not merged: see `Database.startMerging`.
  /// The caller destroys the result.
  func family(_ kind: FamilyKind) throws(StoreFault) -> OwnedOptions {
    let options = OwnedOptions()
    let table = unsafe rocksdb_block_based_options_create()
    defer { unsafe rocksdb_block_based_options_destroy(table) }
    unsafe rocksdb_block_based_options_set_block_cache(table, cache)
    unsafe rocksdb_block_based_options_set_format_version(table, 5)
    // An index and a filter go with their table; in the cache they would stay behind until 256 MiB
    // of them were full of tables long dropped. `openFiles` bounds them.
    unsafe rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0)
    unsafe rocksdb_block_based_options_set_filter_policy(
      table, rocksdb_filterpolicy_create_bloom_full(10))
    switch kind {
    case .events:
      unsafe rocksdb_block_based_options_set_block_size(table, 16 << 10)
      unsafe rocksdb_block_based_options_set_index_block_restart_interval(table, 16)
      unsafe rocksdb_block_based_options_set_whole_key_filtering(table, 0)
      // Tenant and topic number: one topic's chunks share the prefix.
      unsafe rocksdb_options_set_prefix_extractor(
        options.handle, rocksdb_slicetransform_create_fixed_prefix(8))
    case .meta, .state:
      unsafe rocksdb_block_based_options_set_block_size(table, 8 << 10)
    }
    unsafe rocksdb_options_set_block_based_table_factory(options.handle, table)
    return try options.applying(
      Self.text(of: kind)
        + ";disable_auto_compactions=true;arena_block_size=\(CWRITEAHEAD_BLOCK_BYTES)")
  }

  /// Tables kept open at once, each with its index and filter, of 15 to 200 KiB, in memory: of the
  /// quarter of all descriptors that connections leave to the log (at least 512) all but 128, which
  /// are for its other files and the rest of the process; at most 1,024.
  private static var openFiles: Int {
    let limit = Files.descriptorLimit()
    return min(max(min(max(512, limit / 4), limit / 2) - 128, 32), 1024)
  }

  private static let databaseText = """
    max_background_jobs=2;max_file_opening_threads=2;avoid_unnecessary_blocking_io=true;\
    max_subcompactions=1;db_write_buffer_size=201326592;\
    max_total_wal_size=268435456;bytes_per_sync=1048576;wal_bytes_per_sync=0;\
    paranoid_checks=true;wal_recovery_mode=kPointInTimeRecovery;\
    atomic_flush=false;\
    allow_concurrent_memtable_write=false;enable_write_thread_adaptive_yield=false;\
    enable_pipelined_write=false;unordered_write=false;two_write_queues=false;\
    manual_wal_flush=false;use_fsync=false;max_bgerror_resume_count=0;\
    recycle_log_file_num=0;wal_compression=kNoCompression;\
    track_and_verify_wals_in_manifest=false;keep_log_file_num=5;max_log_file_size=16777216;\
    stats_dump_period_sec=0;stats_persist_period_sec=0
    """

  private static func text(of kind: FamilyKind) -> String {
    switch kind {
    case .events:
      // No compaction of its own: a bucket is sealed once and then dropped whole. The triggers are
      // 2²⁹ because RocksDB doubles them as signed 32-bit numbers. The memtable's filter is
      // 160 KiB, ten bits for each of its chunks: each sealed bucket has an empty one as well.
      // A topic's chunks come in order: each is put behind the topic's last one, without a search
      // over all topics'. In this version of RocksDB that rules out deleting ranges here.
      """
      num_levels=2;level0_file_num_compaction_trigger=536870912;\
      level0_slowdown_writes_trigger=536870912;level0_stop_writes_trigger=536870912;\
      write_buffer_size=67108864;max_write_buffer_number=3;\
      compression_per_level=kLZ4Compression:kZSTD;target_file_size_base=134217728;\
      memtable_prefix_bloom_size_ratio=0.0025;\
      memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.8;\
      ttl=0;periodic_compaction_seconds=0;enable_blob_files=false
      """
    case .state:
      """
      write_buffer_size=33554432;max_write_buffer_number=2;\
      level_compaction_dynamic_level_bytes=true;level0_file_num_compaction_trigger=4;\
      level0_slowdown_writes_trigger=20;level0_stop_writes_trigger=36;\
      compression=kLZ4Compression
      """
    case .meta:
      """
      write_buffer_size=8388608;max_write_buffer_number=2;\
      level_compaction_dynamic_level_bytes=true;level0_file_num_compaction_trigger=4;\
      level0_slowdown_writes_trigger=20;level0_stop_writes_trigger=36;\
      compression=kLZ4Compression
      """
    }
  }
}

/// What a column family is for, which decides its options.
enum FamilyKind: Sendable {
  case meta
  case state
  case events

  /// The kind of the column family called `name`; `default` is empty and takes `meta`'s.
  init(of name: String) {
    if name == "state" {
      self = .state
    } else if name.hasPrefix("ev.") {
      self = .events
    } else {
      self = .meta
    }
  }
}

/// The sole owner of one `rocksdb_options_t`.
///
/// SAFETY: the handle is made in `init`, never copied out beyond a call, destroyed once in
/// `deinit`.
@safe final class OwnedOptions {
  let handle: OpaquePointer

  init() { unsafe handle = rocksdb_options_create() }

  deinit { unsafe rocksdb_options_destroy(handle) }

  /// New options: these, changed by `text` ("name=value;…"). What has no text form (cache, filter,
  /// rate limiter) stays as it is here.
  func applying(_ text: String) throws(StoreFault) -> OwnedOptions {
    let changed = OwnedOptions()
    try unsafe engineCall { message in
      unsafe rocksdb_get_options_from_string(handle, text, changed.handle, &message)
    }
    return changed
  }
}

/// Runs one call of the C API and throws what it wrote into its error argument.
func engineCall<Result>(
  _ call: (inout UnsafeMutablePointer<CChar>?) -> Result
) throws(StoreFault) -> Result {
  var message: UnsafeMutablePointer<CChar>?
  let result = unsafe call(&message)
  if let text = unsafe message {
    defer { unsafe rocksdb_free(text) }
    throw unsafe StoreFault(engineText: String(cString: text))
  }
  return result
}
