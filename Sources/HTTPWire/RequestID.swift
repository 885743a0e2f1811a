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

  /// Bytes of the text form.
  public static let length = 20

  /// Appends the text form: 20 ASCII bytes.
  public func append(to writer: inout ByteWriter) { writer.append(digits.span) }

  private var digits: InlineArray<20, UInt8> {
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    for index in 0..<8 {
      digits[index] = Self.digit(UInt64(run) >> UInt64(28 &- 4 &* index))
    }
    for index in 0..<12 {
      digits[8 &+ index] = Self.digit(sequence >> UInt64(44 &- 4 &* index))
    }
    return digits
  }

  /// The hexadecimal digit of the lowest four bits, without a branch.
  private static func digit(_ bits: UInt64) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: bits & 15)
    return value &+ 0x30 &+ ((value &+ 6) >> 4) &* 39
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
