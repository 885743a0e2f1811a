import Bytes
import HTTPWire

extension ServerLoop {
  /// The name of who has made a request: of whom a trusted proxy names, else of the peer.
  func client(of head: borrowing RequestHead, behind peer: borrowing Peer) -> ByteSlice {
    guard let forwarding, forwarding.trusted.contains(peer.address) else { return peer.name }
    return forwarding.client(in: head.fields)?.text ?? peer.name
  }
}
