import Bytes
private import CRocksDB
private import CWriteAhead
private import Glibc
import Synchronization

/// One open RocksDB: sole owner of its handle and of its column families' handles.
///
/// Reads may be made by any thread; `write` by the committer alone.
/// Destruction order is RocksDB's: reads and iterators are counted, `close` waits for the last of
/// them, then destroys the column families, then the database, whose lock goes with it.
///
/// SAFETY: `@unchecked Sendable` because RocksDB synchronises its handles itself and the pointers
/// here never change between `init` and `close`; no call reaches a handle after `close`, because
/// reads are admitted by `beginUse`, and the committer's thread has ended before. What varies is
/// behind a mutex.
@safe final class Database: @unchecked Sendable {
  /// For calls between `beginUse` and `endUse`.
  let handle: OpaquePointer
  private let options: EngineOptions
  private let syncedWrite: OpaquePointer
  let readOptions: OpaquePointer
  /// Whether the database was opened for inspection, without its lock.
  let isReadOnly: Bool
  let meta: ColumnFamily
  let state: ColumnFamily
  private let families: Mutex<Families>
  private let users = Mutex(Users())
  /// Tables of events that this process has met damage in.
  let suspects = SuspectTables()

  private struct Families {
    var all: [ColumnFamily]
    /// Dropped ones that a reader may still be in.
    var dropped: [ColumnFamily] = []
  }

  private struct Users {
    var count = 0
    var isClosed = false
  }

  /// Opens the database at `path`, making it if it is not there. Blocks while the log is replayed.
  /// `readOnly` changes nothing on disk and takes no lock.
  init(path: String, options: EngineOptions, readOnly: Bool) throws(StoreFault) {
    let databaseOptions = try options.database()
    var names = try Self.existingFamilies(at: path, databaseOptions)
    if readOnly {
      guard names.contains("meta"), names.contains("state") else { throw .noStore(path: path) }
    } else {
      for name in ["default", "meta", "state"] where !names.contains(name) { names.append(name) }
    }
    var owned: [OwnedOptions] = []
    for name in names { owned.append(try options.family(FamilyKind(of: name))) }
    let opened = try unsafe Self.open(path, databaseOptions, names, owned, readOnly)
    unsafe handle = opened.database
    let families = unsafe opened.families
    guard let meta = families.first(where: { $0.name == "meta" }),
      let state = families.first(where: { $0.name == "state" })
    else {
      for family in families { unsafe rocksdb_column_family_handle_destroy(family.handle) }
      unsafe rocksdb_close(opened.database)
      throw .noStore(path: path)
    }
    self.meta = meta
    self.state = state
    self.families = Mutex(Families(all: families))
    self.options = options
    isReadOnly = readOnly
    unsafe syncedWrite = rocksdb_writeoptions_create()
    unsafe rocksdb_writeoptions_set_sync(syncedWrite, 1)
    #if MUTANTS
      if Mutant.syncSkipped.isOn { unsafe rocksdb_writeoptions_set_sync(syncedWrite, 0) }
    #endif
    unsafe readOptions = rocksdb_readoptions_create()
    unsafe rocksdb_readoptions_set_verify_checksums(readOptions, 1)
  }

  deinit { close() }

  /// Admits one read or write, which ends with `endUse`; refused once closed.
  func beginUse() throws(StoreFault) {
    try users.withLock { users throws(StoreFault) in
      guard !users.isClosed else { throw .closed }
      users.count += 1
    }
  }

  func endUse() { users.withLock { $0.count -= 1 } }

  /// Waits for running reads, then destroys everything. The committer's thread has ended. Later
  /// calls change nothing.
  func close() {
    let isFirst = users.withLock { users in
      defer { users.isClosed = true }
      return !users.isClosed
    }
    guard isFirst else { return }
    while users.withLock({ $0.count }) > 0 { usleep(200) }
    families.withLock { families in
      for family in families.all + families.dropped {
        unsafe rocksdb_column_family_handle_destroy(family.handle)
      }
      families = Families(all: [])
    }
    unsafe rocksdb_cancel_all_background_work(handle, 1)
    unsafe rocksdb_close(handle)
    unsafe rocksdb_writeoptions_destroy(syncedWrite)
    unsafe rocksdb_readoptions_destroy(readOptions)
  }

  /// Applies `batch` and returns once it is on stable storage. Any error means that the outcome is
  /// unknown: the caller must not write again.
  func write(_ batch: borrowing WriteBatch) throws(StoreFault) {
    try beginUse()
    defer { endUse() }
    let pointer = unsafe batch.handle
    try unsafe engineCall { message in
      unsafe rocksdb_write(handle, syncedWrite, pointer, &message)
    }
  }

  /// The value under `key`, or nil. Blocks on disk when the block is not cached.
  func get(_ family: ColumnFamily, key: Span<UInt8>) throws(StoreFault) -> ByteSlice? {
    try beginUse()
    defer { endUse() }
    let pinned = try unsafe key.withUnsafeBytes { key throws(StoreFault) in
      try unsafe engineCall { message in
        unsafe rocksdb_get_pinned_cf(
          handle, readOptions, family.handle,
          key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count, &message)
      }
    }
    guard let pinned = unsafe pinned else { return nil }
    defer { unsafe rocksdb_pinnableslice_destroy(pinned) }
    var count = 0
    let bytes = unsafe rocksdb_pinnableslice_value(pinned, &count)
    return unsafe ByteSlice(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// The column family called `name`, if the database has it.
  func family(named name: String) -> ColumnFamily? {
    families.withLock { $0.all.first { $0.name == name } }
  }

  /// Names of all column families.
  var familyNames: [String] { families.withLock { $0.all.map(\.name) } }

  /// Makes a column family; takes milliseconds and rewrites RocksDB's options file.
  func makeFamily(named name: String) throws(StoreFault) -> ColumnFamily {
    let familyOptions = try options.family(FamilyKind(of: name))
    let made = try unsafe engineCall { message in
      unsafe rocksdb_create_column_family(handle, familyOptions.handle, name, &message)
    }
    guard let made = unsafe made else { throw .engine("no handle for column family \(name)") }
    let family = unsafe ColumnFamily(handle: made, name: name)
    families.withLock { $0.all.append(family) }
    return family
  }

  /// Whether nothing is stored in a column family. Throws what keeps it from being looked at.
  func isEmpty(_ family: ColumnFamily) throws(StoreFault) -> Bool {
    var iterator = try RangeIterator(
      self, family, from: [], to: [UInt8](repeating: .max, count: 32), fillCache: false)
    iterator.seekToFirst()
    try iterator.check()
    return !iterator.isValid
  }

  /// Reads all of a column family, also what a deleted range covers, which lies in its tables until
  /// they are merged. What keeps some of it from being read, or nil.
  func unreadable(in family: ColumnFamily) -> StoreFault? {
    do throws(StoreFault) {
      var iterator = try RangeIterator(
        self, family, from: [], to: [UInt8](repeating: .max, count: 32), fillCache: false,
        showsDeletedRanges: true)
      iterator.seekToFirst()
      while iterator.isValid { iterator.next() }
      try iterator.check()
      return nil
    } catch {
      return error
    }
  }

  /// Has tables of a column family merged from now on, as they become many. All of them are known
  /// to be readable: with the first block that is not, RocksDB takes no more writes. Rewrites
  /// RocksDB's options file, which takes milliseconds.
  func startMerging(_ family: ColumnFamily) throws(StoreFault) {
    // SAFETY: the texts are the program's own, and RocksDB copies them.
    let (name, value): (StaticString, StaticString) = ("disable_auto_compactions", "false")
    let texts = unsafe [name, value].map { unsafe UnsafeRawPointer($0.utf8Start) }
      .map { unsafe Optional($0.assumingMemoryBound(to: CChar.self)) }
    try unsafe engineCall { message in
      unsafe rocksdb_set_options_cf(
        handle, family.handle, 1, [texts[0]], [texts[1]], &message)
    }
  }

  /// Drops a column family with all that is in it; durable when it returns. Whoever reads in it may
  /// go on; its files go when the last of them is done (`releaseDropped`).
  func dropFamily(_ family: ColumnFamily) throws(StoreFault) {
    try unsafe engineCall { message in
      unsafe rocksdb_drop_column_family(handle, family.handle, &message)
    }
    families.withLock { families in
      families.all.removeAll { $0 === family }
      families.dropped.append(family)
    }
  }

  /// Lets go of dropped column families that nobody reads in any more.
  func releaseDropped() {
    families.withLock { families in
      var kept: [ColumnFamily] = []
      while var family = families.dropped.popLast() {
        if isKnownUniquelyReferenced(&family) {
          unsafe rocksdb_column_family_handle_destroy(family.handle)
        } else {
          kept.append(family)
        }
      }
      families.dropped = kept
    }
  }

  /// An integer property of RocksDB (`rocksdb.…`), or nil if it has none of that name.
  func property(_ name: String, of family: ColumnFamily) -> UInt64? {
    var value: UInt64 = 0
    return unsafe rocksdb_property_int_cf(handle, family.handle, name, &value) == 0 ? value : nil
  }

  /// Bytes of all column families together: of memory tables, those included that are written to
  /// disk or still read, and of the indexes and filters of open tables. Waits for RocksDB's own
  /// lock and looks at each open table: for scrapes.
  func memoryUse() throws(StoreFault) -> (tables: UInt64, indexes: UInt64) {
    try beginUse()
    defer { endUse() }
    let consumers = unsafe rocksdb_memory_consumers_create()
    defer { unsafe rocksdb_memory_consumers_destroy(consumers) }
    unsafe rocksdb_memory_consumers_add_db(consumers, handle)
    let usage = try unsafe engineCall { message in
      unsafe rocksdb_approximate_memory_usage_create(consumers, &message)
    }
    defer { unsafe rocksdb_approximate_memory_usage_destroy(usage) }
    return unsafe (
      rocksdb_approximate_memory_usage_get_mem_table_total(usage),
      rocksdb_approximate_memory_usage_get_mem_table_readers_total(usage)
    )
  }

  /// Bytes of blocks that the process keeps for the next memory tables, whichever store's.
  static var spareBytes: Int { Int(cwriteahead_spare_bytes()) }

  /// Bytes in the block cache, which all column families share.
  var cachedBytes: UInt64 { options.cachedBytes }

  /// Makes an iterator's C handle; `RangeIterator` owns it.
  func makeIterator(_ family: ColumnFamily, _ options: OpaquePointer) -> OpaquePointer {
    unsafe rocksdb_create_iterator_cf(handle, options, family.handle)
  }

  private static func existingFamilies(
    at path: String, _ options: OwnedOptions
  ) throws(StoreFault) -> [String] {
    guard Files.exists(path + "/CURRENT") else { return [] }
    var count = 0
    let list = try unsafe engineCall { message in
      unsafe rocksdb_list_column_families(options.handle, path, &count, &message)
    }
    guard let list = unsafe list else { return [] }
    defer { unsafe rocksdb_list_column_families_destroy(list, count) }
    var names: [String] = []
    for index in 0..<count {
      if let name = unsafe list[index] { names.append(unsafe String(cString: name)) }
    }
    return names
  }

  private static func open(
    _ path: String, _ options: OwnedOptions, _ names: [String], _ owned: [OwnedOptions],
    _ readOnly: Bool
  ) throws(StoreFault) -> (database: OpaquePointer, families: [ColumnFamily]) {
    var handles = unsafe [OpaquePointer?](repeating: nil, count: names.count)
    let pointers = unsafe owned.map { unsafe Optional($0.handle) }
    let copies = unsafe names.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    let texts = unsafe copies.map { unsafe UnsafePointer($0) }
    let database = try unsafe engineCall { message in
      if readOnly {
        unsafe rocksdb_open_for_read_only_column_families(
          options.handle, path, Int32(names.count), texts, pointers, &handles, 0, &message)
      } else {
        unsafe rocksdb_open_column_families(
          options.handle, path, Int32(names.count), texts, pointers, &handles, &message)
      }
    }
    var families: [ColumnFamily] = []
    for index in names.indices {
      if let handle = unsafe handles[index] {
        families.append(unsafe ColumnFamily(handle: handle, name: names[index]))
      }
    }
    guard let database = unsafe database else { throw .engine("no database handle") }
    return unsafe (database, families)
  }
}
