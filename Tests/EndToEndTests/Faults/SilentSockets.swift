import Glibc

/// Connections to a port of this machine that read nothing unless they are asked to.
///
/// SAFETY: addresses and bytes are handed to the kernel for the time of one call each.
struct SilentSockets {
  private let files: [Int32]

  /// - Parameters:
  ///   - request: what each of them sends at once; nothing if empty.
  ///   - room: how many bytes the kernel keeps unread for each; its usual number if nil.
  init(port: Int, count: Int, request: String = "", room: Int32? = nil) {
    let bytes = Array(request.utf8)
    files = (0..<count).compactMap { _ in
      guard let file = Self.connected(to: port, room: room) else { return nil }
      let sent = bytes.isEmpty ? 0 : unsafe send(file, bytes, bytes.count, 0)
      if sent == bytes.count { return file }
      close(file)
      return nil
    }
  }

  private static func connected(to port: Int, room: Int32?) -> Int32? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard file >= 0 else { return nil }
    if var room {
      unsafe setsockopt(file, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
    }
    let code = unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe connect(file, address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if code == 0 { return file }
    close(file)
    return nil
  }

  /// How many have something to read, or were ended by the other side.
  func answered() -> Int {
    files.count { file in
      var byte: UInt8 = 0
      let count = unsafe recv(file, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
      return count >= 0 || errno == ECONNRESET
    }
  }

  func end() { for file in files { close(file) } }
}
