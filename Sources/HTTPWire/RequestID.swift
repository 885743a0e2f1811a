public import Bytes

/// Names one request: 20 hexadecimal digits, unique within a process run and, by the run's random
/// part, most likely among runs.
public struct RequestID: Sendable, Hashable {
  /// Random, the same for the whole run.
  let run: UInt32
  /// Which loop, and the how-manieth request there; 48 bits are written.
  let sequence: UInt64

  public init(run: UInt32, sequence: UInt64) {
    self.run = run
    self.sequence = sequence
  }

  /// Reads the text form, lower case alone.
  public init?(_ text: ByteSlice) {
    guard text.count == 20 else { return nil }
    var run: UInt32 = 0
    var sequence: UInt64 = 0
    for index in 0..<20 {
      guard let digit = ASCII.hexValue(text[index]), !(0x41...0x46).contains(text[index]) else {
        return nil
      }
      if index < 8 {
        run = run << 4 | UInt32(digit)
      } else {
        sequence = sequence << 4 | UInt64(digit)
      }
    }
    self.init(run: run, sequence: sequence)
  }

  /// Appends the text form: 20 ASCII bytes.
  public func append(to writer: inout ByteWriter) { writer.append(digits.span) }

  /// The text form.
  public var digits: InlineArray<20, UInt8> {
    let words = (
      Self.digits(run), Self.digits(UInt32(truncatingIfNeeded: sequence >> 16)),
      Self.digits(UInt32(truncatingIfNeeded: sequence << 16))
    )
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    for index in 0..<8 {
      let shift = UInt64(56 &- 8 &* index)
      digits[index] = UInt8(truncatingIfNeeded: words.0 >> shift)
      digits[8 &+ index] = UInt8(truncatingIfNeeded: words.1 >> shift)
      if index < 4 { digits[16 &+ index] = UInt8(truncatingIfNeeded: words.2 >> shift) }
    }
    return digits
  }

  /// The eight hexadecimal digits of a number, the first of them in the highest byte.
  private static func digits(_ number: UInt32) -> UInt64 {
    // Four bits to a byte.
    var bits = UInt64(number)
    bits = (bits | bits << 16) & 0x0000_FFFF_0000_FFFF
    bits = (bits | bits << 8) & 0x00FF_00FF_00FF_00FF
    bits = (bits | bits << 4) & 0x0F0F_0F0F_0F0F_0F0F
    // Ones where it is ten or more: letters stand 39 places behind what would follow the nine.
    let letters = (bits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return bits &+ 0x3030_3030_3030_3030 &+ letters &* 39
  }

  /// The text form in storage of its own.
  public var slice: ByteSlice { ByteSlice(copying: digits.span) }
}

/// Hands out the request names of one loop.
public struct RequestIDSource: Sendable {
  private let run: UInt32
  private var next: UInt64

  /// - Parameters:
  ///   - run: random bits of this process run, the same on all its loops.
  ///   - loop: the loop's number, below 256.
  public init(run: UInt32, loop: UInt8) {
    self.run = run
    next = UInt64(loop) << 40
  }

  public mutating func make() -> RequestID {
    next &+= 1
    return RequestID(run: run, sequence: next)
  }
}
