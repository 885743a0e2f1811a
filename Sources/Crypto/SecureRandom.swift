public import Bytes
private import COpenSSL

/// Randomness fit for keys and identifiers (libcrypto's DRBG, seeded by the kernel; RFC 4086).
public enum SecureRandom {
  /// `count` fresh bytes. Traps when the system has no randomness to give: nothing that asks for a
  /// key could go on.
  public static func bytes(_ count: Int) -> ByteSlice {
    var bytes = [UInt8](repeating: 0, count: count)
    // SAFETY: libcrypto writes exactly `count` bytes into the array.
    let done = unsafe bytes.withUnsafeMutableBufferPointer { out in
      unsafe RAND_bytes(out.baseAddress, Int32(out.count))
    }
    precondition(done == 1, "no randomness")
    return ByteSlice(bytes)
  }
}

/// Comparison of secrets in time that depends on their lengths only.
public enum ConstantTime {
  /// Whether both hold the same bytes; different lengths are told apart at once.
  public static func equals(_ left: ByteSlice, _ right: ByteSlice) -> Bool {
    guard left.count == right.count else { return false }
    // What differs is gathered and looked at once, at the end. Libcrypto's function does the same
    // byte by byte, which takes as long as a digest.
    // SAFETY: each load lies below the count of both.
    return unsafe left.withUnsafeBytes { left in
      unsafe right.withUnsafeBytes { right in
        var differences: UInt64 = 0
        var index = 0
        while index &+ 8 <= left.count {
          differences |=
            unsafe left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            ^ right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
          index &+= 8
        }
        while index < left.count {
          differences |= unsafe UInt64(left[index] ^ right[index])
          index &+= 1
        }
        return differences == 0
      }
    }
  }
}
