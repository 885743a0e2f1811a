/// Builds bytes front to back: answers, records, keys. Integers are big-endian unless named
/// otherwise.
///
/// Reuse one writer with `removeAll()` where allocations matter. Owned by one task at a time; a
/// copy is a writer of its own.
///
/// SAFETY: `@unchecked Sendable` because memory is written only by the writer that is alone with
/// it; one that is not takes fresh memory first.
@safe public struct ByteWriter: @unchecked Sendable {
  @usableFromInline var storage: ByteStorage
  @usableFromInline var written = 0
  /// Bytes written.
  @inlinable public var count: Int { written }

  public init(capacity: Int = 0) {
    // Shared memory of no size until there is something to put into it.
    storage = capacity > 0 ? ByteStorage.make(capacity: capacity) : ByteSlice.empty.storage
  }

  /// A copy of what has been written.
  public var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

  /// What has been written, borrowed.
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the storage lives as long as `self` and holds `count` bytes that have been written;
      // it is not written to while it is borrowed.
      let bytes = unsafe UnsafeBufferPointer(
        start: storage.base.assumingMemoryBound(to: UInt8.self), count: count)
      let span = unsafe Span(_unsafeElements: bytes)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Calls `body` with what has been written; the pointer must not leave the closure.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: storage.base, count: count))
  }

  /// Bytes that there is memory for.
  public var capacity: Int { storage.size }

  /// Forgets what was written and keeps the memory.
  public mutating func removeAll() { written = 0 }

  public mutating func reserve(_ more: Int) { _ = unsafe room(more) }

  /// Where the next `more` bytes go, in memory that is the writer's own.
  ///
  /// SAFETY: no more than `more` bytes may be written, and `count` is raised by as many.
  @inlinable @inline(__always)
  mutating func room(_ more: Int) -> UnsafeMutableRawPointer {
    if count &+ more > storage.size || !isKnownUniquelyReferenced(&storage) { grow(more) }
    return unsafe storage.base + count
  }

  @usableFromInline @inline(never)
  mutating func grow(_ more: Int) {
    let needed = count + more
    let larger = ByteStorage.make(
      capacity: needed > storage.size ? max(needed, 2 * storage.size, 32) : storage.size)
    // SAFETY: both hold at least `count` bytes.
    unsafe larger.base.copyMemory(from: storage.base, byteCount: count)
    storage = larger
  }

  public mutating func append(_ byte: UInt8) {
    unsafe room(1).storeBytes(of: byte, as: UInt8.self)
    written &+= 1
  }

  /// What an answer consists of is short, and a call to copy it costs more than the copy.
  @inlinable @inline(__always)
  mutating func append(_ start: UnsafeRawPointer, _ length: Int) {
    let place = unsafe room(length)
    // SAFETY: the two words of each case lie within the `length` bytes of both sides.
    switch length {
    case 17...32:
      let words = unsafe (
        start.loadUnaligned(as: SIMD16<UInt8>.self),
        start.loadUnaligned(fromByteOffset: length &- 16, as: SIMD16<UInt8>.self)
      )
      unsafe place.storeBytes(of: words.0, as: SIMD16<UInt8>.self)
      unsafe place.storeBytes(of: words.1, toByteOffset: length &- 16, as: SIMD16<UInt8>.self)
    case 8...16:
      let words = unsafe (
        start.loadUnaligned(as: UInt64.self),
        start.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
      )
      unsafe place.storeBytes(of: words.0, as: UInt64.self)
      unsafe place.storeBytes(of: words.1, toByteOffset: length &- 8, as: UInt64.self)
    case 4...7:
      let words = unsafe (
        start.loadUnaligned(as: UInt32.self),
        start.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self)
      )
      unsafe place.storeBytes(of: words.0, as: UInt32.self)
      unsafe place.storeBytes(of: words.1, toByteOffset: length &- 4, as: UInt32.self)
    case 2...3:
      let words = unsafe (
        start.loadUnaligned(as: UInt16.self),
        start.loadUnaligned(fromByteOffset: length &- 2, as: UInt16.self)
      )
      unsafe place.storeBytes(of: words.0, as: UInt16.self)
      unsafe place.storeBytes(of: words.1, toByteOffset: length &- 2, as: UInt16.self)
    default: unsafe place.copyMemory(from: start, byteCount: length)
    }
    written &+= length
  }

  public mutating func append(_ slice: ByteSlice) { append(slice.span) }

  public mutating func append(_ other: [UInt8]) { append(other.span) }

  public mutating func append(_ other: borrowing ByteWriter) { append(other.span) }

  public mutating func append(_ span: Span<UInt8>) {
    // SAFETY: the pointer is read inside the closure only, while the span lives.
    unsafe span.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe append(start, bytes.count)
    }
  }

  /// Inlined, so that of the cases of a literal's length one is left.
  @inlinable @inline(__always)
  public mutating func append(_ literal: StaticString) {
    unsafe append(UnsafeRawPointer(literal.utf8Start), literal.utf8CodeUnitCount)
  }

  /// The UTF-8 of `text`. Cold paths only: hot ones write literals and slices.
  public mutating func append(text: String) { append(Array(text.utf8)) }

  /// A decimal integer in ASCII.
  public mutating func append(decimal value: UInt64) {
    var digits = 1
    var bound: UInt64 = 10
    while value >= bound, digits < 19 {
      digits &+= 1
      bound &*= 10
    }
    append(decimal: value, width: value < bound ? digits : 20)
  }

  /// The last `width` decimal digits, at most 20, with leading zeros.
  public mutating func append(decimal value: UInt64, width: Int) {
    precondition(width >= 0 && width <= 20, "no integer has so many digits")
    let place = unsafe room(width)
    var rest = value
    var index = width
    // SAFETY: `index` stays below `width`, and there is room for as many; the table has two digits
    // for each remainder.
    while index > 1 {
      index &-= 2
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      let digits = unsafe UnsafeRawPointer(Self.pairs.utf8Start).loadUnaligned(
        fromByteOffset: Int(truncatingIfNeeded: pair &* 2), as: UInt16.self)
      unsafe place.storeBytes(of: digits, toByteOffset: index, as: UInt16.self)
      rest = quotient
    }
    if index > 0 {
      let digit = UInt8(truncatingIfNeeded: rest % 10)
      unsafe place.storeBytes(of: ASCII.zero &+ digit, as: UInt8.self)
    }
    written &+= width
  }

  /// The numbers below 100, two digits each: one division yields two of them.
  private static let pairs: StaticString = """
    00010203040506070809\
    10111213141516171819\
    20212223242526272829\
    30313233343536373839\
    40414243444546474849\
    50515253545556575859\
    60616263646566676869\
    70717273747576777879\
    80818283848586878889\
    90919293949596979899
    """

  public mutating func append(decimal value: Int) {
    if value < 0 { append(ASCII.minus) }
    append(decimal: UInt64(value.magnitude))
  }

  public mutating func append(decimal value: Int64) { append(decimal: Int(value)) }

  public mutating func append(bigEndian value: UInt16) {
    unsafe room(2).storeBytes(of: value.bigEndian, as: UInt16.self)
    written &+= 2
  }

  public mutating func append(bigEndian value: UInt32) {
    unsafe room(4).storeBytes(of: value.bigEndian, as: UInt32.self)
    written &+= 4
  }

  public mutating func append(bigEndian value: UInt64) {
    unsafe room(8).storeBytes(of: value.bigEndian, as: UInt64.self)
    written &+= 8
  }

  /// An unsigned LEB128 varint: 1 byte below 128, at most 10.
  public mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// A varint length followed by the bytes.
  public mutating func append(prefixed slice: ByteSlice) {
    append(varint: UInt64(slice.count))
    append(slice)
  }

  /// Overwrites four bytes at `offset`, for lengths and checksums known only afterwards.
  public mutating func patch(bigEndian value: UInt32, at offset: Int) {
    precondition(offset >= 0 && offset + 4 <= count, "patching what was not written")
    reserve(0)
    unsafe storage.base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Forgets what was written behind the first `count` bytes.
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count, "truncating to more than there is")
    written = count
  }

  /// A copy of what was written, as a slice.
  public var slice: ByteSlice { ByteSlice(copying: span) }
}
