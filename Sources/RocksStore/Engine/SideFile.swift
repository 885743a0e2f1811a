import Bytes
private import Glibc

/// The note beside the database of which commits have been acknowledged: two 64-byte slots written
/// in turn (docs/log-format.md). Owned by the opening thread, then by the committer thread.
struct SideFile: ~Copyable {
  /// What a slot says.
  struct Slot: Equatable, Sendable {
    var commit: UInt64
    var clock: Int64
    /// The 16 bytes that name the store.
    var store: ByteSlice
  }

  static let slotBytes = 64
  private let descriptor: Int32
  private let path: String
  private let store: ByteSlice

  /// Opens the file for writing, making it if it is not there.
  init(path: String, store: ByteSlice) throws(StoreFault) {
    // SAFETY: the call reads the path before it returns; buffers below outlive their calls.
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Files.failure("open", path) }
    self.path = path
    self.store = store
  }

  deinit { close(descriptor) }

  /// Notes that everything up to `commit` has been acknowledged. Not synced: see `sync()`.
  mutating func write(commit: UInt64, clock: Int64) throws(StoreFault) {
    #if MUTANTS
      if Mutant.sideFileSkipped.isOn, commit > 2 { return }
    #endif
    let bytes = Self.encode(Slot(commit: commit, clock: clock, store: store))
    let offset = off_t(commit % 2) * off_t(Self.slotBytes)
    let written = unsafe bytes.withUnsafeBytes { bytes in
      unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, offset)
    }
    guard written == Self.slotBytes else { throw Files.failure("pwrite", path) }
  }

  /// A side file that notes `commit` alone, durably: what an open found to be the truth. It takes
  /// the old one's place as a whole, so that no crash leaves a store without one.
  static func restart(
    _ paths: StorePaths, _ store: ByteSlice, commit: UInt64, clock: UnixTime
  ) throws(StoreFault) -> SideFile {
    Files.remove(paths.nextSideFile)
    var fresh = try SideFile(path: paths.nextSideFile, store: store)
    try fresh.write(commit: commit, clock: clock.nanoseconds)
    try fresh.sync()
    try Files.rename(paths.nextSideFile, to: paths.sideFile)
    try Files.syncDirectory(paths.root)
    return fresh
  }

  /// Makes both slots durable; at open and close, never per commit.
  mutating func sync() throws(StoreFault) {
    guard fdatasync(descriptor) == 0 else { throw Files.failure("fdatasync", path) }
  }

  /// The younger of the valid slots, or nil if the file is missing or neither is valid.
  /// With `store`, slots of other stores do not count.
  static func read(path: String, store: ByteSlice?) -> Slot? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 2 * slotBytes)
    let count = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe pread(descriptor, bytes.baseAddress, bytes.count, 0)
    }
    var best: Slot?
    for slot in 0..<2 where count >= (slot + 1) * slotBytes {
      let range = slot * slotBytes..<(slot + 1) * slotBytes
      guard let found = decode(ByteSlice(bytes[range])), store == nil || found.store == store
      else { continue }
      if best.map({ $0.commit < found.commit }) ?? true { best = found }
    }
    return best
  }

  static func encode(_ slot: Slot) -> [UInt8] {
    var body = ByteWriter(capacity: slotBytes)
    body.append(bigEndian: slot.commit)
    body.append(bigEndian: UInt64(bitPattern: slot.clock))
    body.append(slot.store)
    while body.count < slotBytes - 8 { body.append(UInt8(0)) }
    var writer = ByteWriter(capacity: slotBytes)
    writer.append("JAck")
    writer.append(bigEndian: CRC32C.checksum(body.slice))
    writer.append(body.bytes)
    return writer.bytes
  }

  static func decode(_ bytes: ByteSlice) -> Slot? {
    guard bytes.count == slotBytes, bytes.starts(with: "JAck") else { return nil }
    var cursor = ByteCursor(bytes.dropFirst(4))
    guard let check = try? cursor.readUInt32(),
      check == CRC32C.checksum(bytes.dropFirst(8)),
      let commit = try? cursor.readUInt64(), let clock = try? cursor.readUInt64(),
      let store = try? cursor.readSlice(16)
    else { return nil }
    return Slot(commit: commit, clock: Int64(bitPattern: clock), store: store)
  }
}
