/// A run of immutable bytes that shares its storage with others: what rooms hand to each other.
///
/// Copying a slice costs one reference count. The bytes a slice covers never change while the slice
/// lives: `ByteBuffer`, the only writer of shared storage, appends behind every slice it has given
/// out and moves to fresh storage before it would overwrite one. Comparison and hashing are by
/// bytes.
///
/// SAFETY: `@unchecked Sendable` because bytes are written only by the one `ByteBuffer` that made
/// the storage, only beyond the end of every slice given out; what a slice covers is immutable.
@safe public struct ByteSlice: @unchecked Sendable {
  @usableFromInline let storage: ByteStorage
  /// Where the slice starts in its storage, in bytes; below 2³¹.
  @usableFromInline let start: Int
  /// Length in bytes.
  public let count: Int

  @usableFromInline
  init(storage: ByteStorage, start: Int, count: Int) {
    self.storage = storage
    self.start = start
    self.count = count
  }

  /// The empty slice; allocates nothing.
  public static let empty = ByteSlice(storage: ByteStorage.make(capacity: 0), start: 0, count: 0)

  /// Copies `bytes` into storage of their own.
  public init(_ bytes: some Collection<UInt8>) {
    let storage = ByteStorage.make(capacity: bytes.count)
    unsafe UnsafeMutableRawBufferPointer(start: storage.base, count: bytes.count)
      .copyBytes(from: bytes)
    self.init(storage: storage, start: 0, count: bytes.count)
  }

  /// Copies a borrowed span into storage of its own.
  public init(copying span: Span<UInt8>) {
    let storage = ByteStorage.make(capacity: span.count)
    unsafe span.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(start: storage.base, count: source.count)
        .copyMemory(from: source)
    }
    self.init(storage: storage, start: 0, count: span.count)
  }

  /// Runs of bytes copied into one storage: what is looked at together lies together.
  public static func joined(_ runs: [ByteSlice]) -> [ByteSlice] {
    var bytes = ByteWriter(capacity: runs.reduce(0) { $0 + $1.count })
    for run in runs { bytes.append(run) }
    var rest = bytes.slice
    return runs.map { run in
      defer { rest = rest.dropFirst(run.count) }
      return rest.prefix(run.count)
    }
  }

  /// The UTF-8 bytes of `text`.
  public init(utf8 text: String) {
    self.init(Array(text.utf8))
  }

  @inlinable public var isEmpty: Bool { count == 0 }

  /// The bytes, borrowed: bounds-checked, no copy, no pointer escapes.
  @inlinable
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the storage outlives `self`, holds `start + count` initialised bytes, and does not
      // change them while a slice refers to it (see ByteBuffer).
      let bytes = unsafe UnsafeBufferPointer(
        start: storage.base.advanced(by: start).assumingMemoryBound(to: UInt8.self), count: count)
      let span = unsafe Span(_unsafeElements: bytes)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The byte at `index`, counted from the slice's start; traps out of bounds.
  @inlinable
  public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count, "byte index out of bounds")
    return unsafe storage.base.load(fromByteOffset: start + index, as: UInt8.self)
  }

  /// The part of the slice at `range`, sharing its storage; traps out of bounds.
  @inlinable
  public subscript(range: Range<Int>) -> ByteSlice {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "byte range out of bounds")
    return ByteSlice(storage: storage, start: start + range.lowerBound, count: range.count)
  }

  @inlinable public func dropFirst(_ bytes: Int) -> ByteSlice { self[min(bytes, count)..<count] }
  @inlinable public func prefix(_ bytes: Int) -> ByteSlice { self[0..<min(bytes, count)] }

  /// Where in `whole` the slice begins; nil where it is no part of it.
  public func offset(in whole: ByteSlice) -> Int? {
    guard storage === whole.storage, start >= whole.start,
      start + count <= whole.start + whole.count
    else { return nil }
    return start - whole.start
  }

  /// Calls `body` with the bytes; the pointer must not leave the closure.
  @inlinable
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: storage.base.advanced(by: start), count: count))
  }

  /// Whether the bytes are exactly those of a literal.
  @inlinable
  public func equals(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    return unsafe Self.same(
      storage.base.advanced(by: start), UnsafeRawPointer(literal.utf8Start), count)
  }

  /// Whether the bytes are those of an ASCII literal, letters compared without case.
  public func equalsIgnoringCase(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    for index in 0..<count
    where unsafe ASCII.lowercased(self[index]) != ASCII.lowercased(literal.utf8Start[index]) {
      return false
    }
    return true
  }

  /// Whether the bytes start with those of a literal.
  public func starts(with literal: StaticString) -> Bool {
    guard count >= literal.utf8CodeUnitCount else { return false }
    return prefix(literal.utf8CodeUnitCount).equals(literal)
  }

  /// The index of the first `byte` at or after `from`, or nil. Sixteen bytes at a time.
  public func firstIndex(of byte: UInt8, from: Int = 0) -> Int? {
    // SAFETY: every load lies below `count`, and the bytes stay while `self` does.
    unsafe withUnsafeBytes { bytes in
      var index = from
      let wanted = SIMD16<UInt8>(repeating: byte)
      while index &+ 16 <= bytes.count {
        let chunk = unsafe bytes.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
        if any(chunk .== wanted) { break }
        index &+= 16
      }
      while index < bytes.count {
        if unsafe bytes[index] == byte { return index }
        index &+= 1
      }
      return nil
    }
  }

  /// The bytes as a `String`, invalid UTF-8 replaced. For cold paths: messages, logs, settings.
  public var text: String {
    unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes as an array of their own.
  public var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }

  /// Where to look for the bytes in a table whose places may be taken from one another: spread
  /// well, and no defence against those who choose the bytes. Words of eight bytes.
  public func place(seed: UInt64) -> UInt64 { place(ofLast: count, seed: seed) }

  /// The same for no more than the last `most` bytes.
  public func place(ofLast most: Int, seed: UInt64) -> UInt64 {
    // SAFETY: every load lies below `count`, and the bytes stay while `self` does.
    return unsafe withUnsafeBytes { bytes in
      var index = max(bytes.count &- most, 0)
      var place = seed ^ UInt64(bytes.count &- index)
      while index &+ 8 <= bytes.count {
        place =
          unsafe (place ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)).spread
        index &+= 8
      }
      var rest: UInt64 = 0
      while index < bytes.count {
        rest = unsafe rest << 8 | UInt64(bytes[index])
        index &+= 1
      }
      return (place ^ rest).spread
    }
  }

  /// Words of eight bytes; the last one, or the two of a shorter run, may overlap what has been
  /// compared.
  @usableFromInline
  static func same(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    // SAFETY: every load lies within the `count` bytes of both sides.
    @inline(__always)
    func equal<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as word: Word.Type) -> Bool
    {
      unsafe left.loadUnaligned(fromByteOffset: offset, as: word)
        == right.loadUnaligned(fromByteOffset: offset, as: word)
    }
    if count >= 8 {
      var index = 0
      while index &+ 8 <= count {
        if !equal(index, as: UInt64.self) { return false }
        index &+= 8
      }
      return equal(count &- 8, as: UInt64.self)
    }
    if count >= 4 { return equal(0, as: UInt32.self) && equal(count &- 4, as: UInt32.self) }
    if count >= 2 { return equal(0, as: UInt16.self) && equal(count &- 2, as: UInt16.self) }
    return count == 0 || equal(0, as: UInt8.self)
  }
}

extension ByteSlice: Hashable {
  @inlinable
  public static func == (left: ByteSlice, right: ByteSlice) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe same(
      left.storage.base.advanced(by: left.start), right.storage.base.advanced(by: right.start),
      left.count)
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    unsafe withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }
}

extension ByteSlice: Comparable {
  /// Byte order: the order in which keys lie on disk.
  public static func < (left: ByteSlice, right: ByteSlice) -> Bool {
    let common = min(left.count, right.count)
    for index in 0..<common where left[index] != right[index] {
      return left[index] < right[index]
    }
    return left.count < right.count
  }
}

extension ByteSlice: CustomStringConvertible {
  public var description: String { text }
}

/// The memory behind slices: one allocation, the bytes behind their reference count. Freed with its
/// last reference.
///
/// Not `Sendable` by itself; `ByteSlice` says why its bytes may be shared.
@usableFromInline
@safe final class ByteStorage: ManagedBuffer<Int, UInt8> {
  /// Storage for `capacity` bytes, which are not initialised.
  @usableFromInline
  static func make(capacity: Int) -> ByteStorage {
    // SAFETY: `create` makes an instance of the class that it is called on.
    unsafe unsafeDowncast(
      create(minimumCapacity: capacity) { _ in capacity }, to: ByteStorage.self)
  }

  /// Bytes asked for; the allocator may have given more.
  @usableFromInline var size: Int { header }

  /// Where the bytes begin, for as long as the storage lives; on a multiple of eight.
  @inlinable var base: UnsafeMutableRawPointer {
    unsafe withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
  }
}
