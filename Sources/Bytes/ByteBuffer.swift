/// A growing run of bytes that can give out slices of what it has received so far, without a copy.
///
/// Made for sockets and commit buffers: bytes are appended at the end, slices refer to the front,
/// `reset()` starts over. Storage that slices still refer to is left to them and replaced by fresh
/// storage, so a slice never sees its bytes change. Owned by one thread or task at a time.
public struct ByteBuffer: ~Copyable {
  private var storage: ByteStorage
  /// Bytes written so far.
  public private(set) var count = 0

  /// An empty buffer with room for `capacity` bytes.
  public init(capacity: Int = 0) { storage = ByteStorage.make(capacity: capacity) }

  public var capacity: Int { storage.size }
  public var isEmpty: Bool { count == 0 }

  /// Forgets all bytes. Keeps the storage when no slice refers to it and it is at most `keeping`
  /// bytes; otherwise releases it, the next append allocates anew.
  public mutating func reset(keeping: Int = .max) {
    count = 0
    if storage.size > keeping || !isKnownUniquelyReferenced(&storage) {
      storage = ByteStorage.make(capacity: 0)
    }
  }

  /// Forgets all bytes where no slice refers to them; false, and nothing forgotten, where one does.
  public mutating func resetIfUnshared() -> Bool {
    guard isKnownUniquelyReferenced(&storage) else { return false }
    count = 0
    return true
  }

  /// Makes room for at least `bytes` more bytes behind those written; amortised O(1) per byte.
  public mutating func reserve(_ bytes: Int) {
    let needed = count + bytes
    guard needed > storage.size else { return }
    let larger = ByteStorage.make(capacity: max(needed, storage.size * 2, 256))
    // SAFETY: both stores hold at least `count` bytes; the new one was made larger just above.
    unsafe larger.base.copyMemory(from: storage.base, byteCount: count)
    storage = larger
  }

  /// Drops the first `bytes` bytes and moves the rest to the front, into fresh storage when a slice
  /// still refers to the old one.
  public mutating func discardFirst(_ bytes: Int) {
    precondition(bytes <= count, "discarding more than is there")
    let rest = count - bytes
    if bytes == 0 { return }
    if isKnownUniquelyReferenced(&storage) {
      unsafe storage.base.copyMemory(from: storage.base.advanced(by: bytes), byteCount: rest)
    } else {
      let fresh = ByteStorage.make(capacity: max(rest, min(storage.size, 16 * 1024)))
      unsafe fresh.base.copyMemory(from: storage.base.advanced(by: bytes), byteCount: rest)
      storage = fresh
    }
    count = rest
  }

  /// Lets `fill` write into at least `room` free bytes; it returns how many it wrote.
  /// The pointer must not leave the closure.
  public mutating func appendUnsafe<Failure: Error>(
    room: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    reserve(room)
    let free = unsafe UnsafeMutableRawBufferPointer(
      start: storage.base.advanced(by: count), count: storage.size - count)
    let written = try unsafe fill(free)
    precondition(written <= free.count, "wrote past the buffer")
    count += max(written, 0)
    return written
  }

  public mutating func append(_ slice: ByteSlice) {
    reserve(slice.count)
    unsafe slice.withUnsafeBytes { bytes in
      unsafe storage.base.advanced(by: count).copyMemory(
        from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
    }
    count += slice.count
  }

  public mutating func append(_ writer: borrowing ByteWriter) {
    reserve(writer.count)
    // SAFETY: the room was made just above.
    unsafe writer.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(
        start: storage.base.advanced(by: count), count: bytes.count
      ).copyMemory(from: bytes)
    }
    count += writer.count
  }

  /// The bytes at `range`, sharing this buffer's storage; traps beyond what was written.
  public func slice(_ range: Range<Int>) -> ByteSlice {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of bounds")
    return ByteSlice(storage: storage, start: range.lowerBound, count: range.count)
  }

  /// All bytes written so far, sharing this buffer's storage.
  public var contents: ByteSlice { slice(0..<count) }
}
