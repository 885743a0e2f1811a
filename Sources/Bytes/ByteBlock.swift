/// Sixteen bytes of a text that are looked at together: what scanners step by where at least as
/// many are left.
@frozen public struct ByteBlock: BitwiseCopyable, Sendable {
  /// Bytes of a block.
  @inlinable public static var width: Int { 16 }

  @usableFromInline let bytes: SIMD16<UInt8>

  /// The block at `offset` behind `base`.
  ///
  /// SAFETY: `offset + width` bytes behind `base` must be readable.
  @inlinable @inline(__always)
  @unsafe public init(_ base: UnsafeRawPointer, at offset: Int) {
    bytes = unsafe base.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
  }

  /// The block at `offset` of `text`; traps where not enough is left.
  @inlinable @inline(__always)
  public init(_ text: Span<UInt8>, at offset: Int) {
    // SAFETY: the load is checked against the span's bounds; bytes have no padding.
    bytes = unsafe text.bytes.unsafeLoadUnaligned(
      fromByteOffset: offset, as: SIMD16<UInt8>.self)
  }

  /// Marks the bytes that are `byte`.
  @inlinable @inline(__always)
  public func marks(_ byte: UInt8) -> ByteMarks {
    ByteMarks(mask: bytes .== SIMD16(repeating: byte))
  }

  /// Marks the bytes from `first` on, `count` values in all.
  @inlinable @inline(__always)
  public func marks(from first: UInt8, count: UInt8) -> ByteMarks {
    ByteMarks(mask: (bytes &- SIMD16(repeating: first)) .< SIMD16(repeating: count))
  }

  /// Marks the controls below the space, and everything beyond ASCII.
  @inlinable @inline(__always)
  public var marksOfControlsAndNonASCII: ByteMarks {
    // As signed numbers, what is beyond ASCII is negative: one comparison for both.
    let signed = unsafe unsafeBitCast(bytes, to: SIMD16<Int8>.self)
    return ByteMarks(mask: signed .< SIMD16(repeating: 0x20))
  }

  /// Marks the bytes that are not those of another block.
  @inlinable @inline(__always)
  public func marksUnlike(_ other: ByteBlock) -> ByteMarks {
    ByteMarks(mask: bytes .!= other.bytes)
  }

  /// The block with its capital letters, and some other bytes, made small.
  @inlinable @inline(__always)
  public var folded: ByteBlock { ByteBlock(bytes: bytes | SIMD16(repeating: 0x20)) }

  @usableFromInline @inline(__always)
  init(bytes: SIMD16<UInt8>) { self.bytes = bytes }
}

/// Which bytes of a block a test has found.
@frozen public struct ByteMarks: Sendable {
  @usableFromInline let mask: SIMDMask<SIMD16<Int8>>

  @usableFromInline @inline(__always)
  init(mask: SIMDMask<SIMD16<Int8>>) { self.mask = mask }

  @inlinable @inline(__always)
  public static func | (left: ByteMarks, right: ByteMarks) -> ByteMarks {
    ByteMarks(mask: left.mask .| right.mask)
  }

  /// The two halves as little-endian words: a marked byte is 0xFF, any other 0.
  @inlinable @inline(__always)
  public var words: (UInt64, UInt64) {
    // SAFETY: a mask is sixteen bytes, each of them all ones or all zeros.
    let halves = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    return (UInt64(littleEndian: halves[0]), UInt64(littleEndian: halves[1]))
  }

  /// All of it as one little-endian number, a byte of ones or zeros for each byte.
  @inlinable @inline(__always)
  var number: UInt128 { UInt128(littleEndian: unsafe unsafeBitCast(mask, to: UInt128.self)) }

  /// The index of the first marked byte; `ByteBlock.width` where there is none. Scanners go on from
  /// there, so that its latency is theirs.
  @inlinable @inline(__always)
  public var first: Int { number.trailingZeroBitCount &>> 3 }

  /// The index of the first byte that is not marked; `ByteBlock.width` where all are.
  @inlinable @inline(__always)
  public var firstUnmarked: Int { (~number).trailingZeroBitCount &>> 3 }

  /// The index of the first byte at or behind `start` that is not marked; `ByteBlock.width` where
  /// all are. `start` is below that.
  @inlinable @inline(__always)
  public func firstUnmarked(from start: Int) -> Int {
    let rest = ~number &>> UInt128(truncatingIfNeeded: 8 &* start)
    return min(start &+ rest.trailingZeroBitCount &>> 3, ByteBlock.width)
  }
}

extension Span<UInt8> {
  /// How many bytes at the front of both are the same.
  public func commonPrefix(with other: Span<UInt8>) -> Int {
    let shorter = Swift.min(count, other.count)
    // SAFETY: every load lies below `shorter`, and both spans live as long as the call.
    return unsafe withUnsafeBytes { left in
      unsafe other.withUnsafeBytes { right in
        guard let left = left.baseAddress, let right = right.baseAddress else {
          return 0
        }
        var index = 0
        // Four blocks at a time, while nobody asks where they differ.
        while index &+ 4 &* ByteBlock.width <= shorter {
          @inline(__always)
          func unlike(_ block: Int) -> ByteMarks {
            let at = index &+ block &* ByteBlock.width
            return unsafe ByteBlock(left, at: at).marksUnlike(ByteBlock(right, at: at))
          }
          if (unlike(0) | unlike(1) | unlike(2) | unlike(3)).number != 0 { break }
          index &+= 4 &* ByteBlock.width
        }
        while index &+ ByteBlock.width <= shorter {
          let unlike = unsafe ByteBlock(left, at: index).marksUnlike(
            ByteBlock(right, at: index))
          let first = unlike.first
          if first < ByteBlock.width { return index &+ first }
          index &+= ByteBlock.width
        }
        while index < shorter,
          unsafe left.load(fromByteOffset: index, as: UInt8.self)
            == right.load(fromByteOffset: index, as: UInt8.self)
        {
          index &+= 1
        }
        return index
      }
    }
  }
}
