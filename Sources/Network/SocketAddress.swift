import Bytes
import Glibc

/// An IPv4 or IPv6 address with a port, or a socket file's path, in the kernel's form.
public struct SocketAddress: Sendable {
  private let storage: sockaddr_storage
  private let length: socklen_t

  init(storage: sockaddr_storage, length: socklen_t) {
    self.storage = storage
    self.length = length
  }

  /// - Parameter host: a numeric address; `*` and the empty string mean every IPv6 and IPv4 one.
  public init(host: String, port: UInt16) throws(NetworkFailure) {
    var storage = sockaddr_storage()
    let name = host.isEmpty || host == "*" ? "::" : host
    var four = in_addr()
    var six = in6_addr()
    // SAFETY: each call gets a structure of the size that its address family wants.
    if unsafe inet_pton(AF_INET, name, &four) == 1 {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr = four
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      unsafe withUnsafeMutableBytes(of: &storage) { room in
        unsafe room.storeBytes(of: address, as: sockaddr_in.self)
      }
    } else if unsafe inet_pton(AF_INET6, name, &six) == 1 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = six
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      unsafe withUnsafeMutableBytes(of: &storage) { room in
        unsafe room.storeBytes(of: address, as: sockaddr_in6.self)
      }
    } else {
      throw .badAddress(host)
    }
    self.storage = storage
  }

  /// The addresses of a host as the system knows them (getaddrinfo(3)), best first, at most eight;
  /// a numeric one is not looked up. Blocks, perhaps for seconds: for programs that ask, not for a
  /// server's loops.
  public static func find(host: String, port: UInt16) throws(NetworkFailure) -> [SocketAddress] {
    do throws(NetworkFailure) {
      return [try SocketAddress(host: host, port: port)]
    } catch {
      // A name, then.
    }
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else {
      throw .badAddress(host)
    }
    // SAFETY: the list is read before it is freed, and its addresses have the lengths it tells.
    defer { unsafe freeaddrinfo(first) }
    var found: [SocketAddress] = []
    var next: UnsafeMutablePointer<addrinfo>? = unsafe first
    while let entry = unsafe next, found.count < 8 {
      let length = unsafe entry.pointee.ai_addrlen
      if let address = unsafe entry.pointee.ai_addr,
        length <= socklen_t(MemoryLayout<sockaddr_storage>.size)
      {
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) { room in
          unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
        found.append(SocketAddress(storage: storage, length: length).with(port: port))
      }
      unsafe next = entry.pointee.ai_next
    }
    guard !found.isEmpty else { throw .badAddress(host) }
    return found
  }

  /// The bytes that a socket file's path may have (unix(7)).
  public static let longestPath = 107

  /// - Parameter path: of a socket file, at most `longestPath` bytes and without NUL.
  public init(path: String) throws(NetworkFailure) {
    let bytes = Array(path.utf8)
    guard (1...Self.longestPath).contains(bytes.count), !bytes.contains(0) else {
      throw .badPath(path)
    }
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(AF_UNIX)
    // SAFETY: `longestPath` and a NUL fit behind the family in a sockaddr_un, which fits into it.
    unsafe withUnsafeMutableBytes(of: &storage) { room in
      for index in bytes.indices { unsafe room[Self.pathOffset + index] = bytes[index] }
    }
    self.storage = storage
    length = socklen_t(Self.pathOffset + bytes.count + 1)
  }

  /// Where the path begins in a sockaddr_un: behind its family.
  private static let pathOffset = MemoryLayout<sa_family_t>.size

  var isFile: Bool { family == AF_UNIX }

  var family: Int32 { Int32(storage.ss_family) }

  public var port: UInt16 {
    unsafe withUnsafeBytes(of: storage) { bytes in
      // sin_port and sin6_port lie at the same place.
      unsafe UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
    }
  }

  /// The same address with another port.
  func with(port: UInt16) -> SocketAddress {
    var copy = storage
    unsafe withUnsafeMutableBytes(of: &copy) { bytes in
      unsafe bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
    }
    return SocketAddress(storage: copy, length: length)
  }

  /// The address without the port; nil for a socket file.
  var address: IPAddress? {
    let (offset, count) =
      switch family {
      case AF_INET: (4, 4)
      case AF_INET6: (8, 16)
      default: (0, 0)
      }
    return unsafe withUnsafeBytes(of: storage) { bytes in
      unsafe IPAddress(
        bytes: ByteSlice(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])))
    }
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    unsafe withUnsafePointer(to: storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe body(address, length)
      }
    }
  }
}
