package import Bytes

/// Names one request: 20 hexadecimal digits, unique within a process run and, by the run's random
/// part, most likely among runs.
package struct RequestID: Sendable, Hashable {
  /// Random, the same for the whole run.
  let run: UInt32
  /// Which loop, and the how-manieth request there; 48 bits are written.
  let sequence: UInt64

  package init(run: UInt32, sequence: UInt64) {
    self.run = run
    self.sequence = sequence
  }

  /// Appends the text form: 20 ASCII bytes.
  package func append(to writer: inout ByteWriter) {
    var shift = 28
    while shift >= 0 {
      writer.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: (run >> UInt32(shift)) & 15)))
      shift -= 4
    }
    shift = 44
    while shift >= 0 {
      writer.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: (sequence >> UInt64(shift)) & 15)))
      shift -= 4
    }
  }

  /// The text form in storage of its own.
  package var slice: ByteSlice {
    var writer = ByteWriter(capacity: 20)
    append(to: &writer)
    return writer.slice
  }
}

/// Hands out the request names of one loop.
package struct RequestIDSource: Sendable {
  private let run: UInt32
  private var next: UInt64

  /// - Parameters:
  ///   - run: random bits of this process run, the same on all its loops.
  ///   - loop: the loop's number, below 256.
  package init(run: UInt32, loop: UInt8) {
    self.run = run
    next = UInt64(loop) << 40
  }

  package mutating func make() -> RequestID {
    next &+= 1
    return RequestID(run: run, sequence: next)
  }
}
