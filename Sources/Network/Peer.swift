import Bytes

/// Who is at the other end of a connection, or behind the proxy there.
struct Peer {
  /// What limits and records know it by: its address, or `unix:` with its user's number.
  let name: ByteSlice
  /// nil: it has come by a socket file.
  let address: IPAddress?

  init(_ address: IPAddress) { self.init(name: address.text, address: address) }

  private init(name: ByteSlice, address: IPAddress?) {
    self.name = name
    self.address = address
  }

  /// The peer of an accepted connection.
  init(at socket: SocketAddress, on fd: Int32) {
    if let address = socket.address {
      self.init(address)
      return
    }
    var name = ByteWriter(capacity: 16)
    name.append("unix:")
    if let user = Syscalls.peerUser(fd) { name.append(decimal: Int(user)) }
    self.init(name: name.slice, address: nil)
  }
}
