package import Bytes

/// The bytes of one connection that the socket has not taken yet. Loop-confined; written by
/// `AnswerWriter` and by the connection, sent by the connection.
///
/// Bytes behind `committed` belong to a head that is still being written, and wait: its length or
/// whether it closes the connection is not known yet.
package final class Outbox {
  package private(set) var bytes = ByteWriter()
  /// Bytes the socket has taken.
  package private(set) var sent = 0
  /// Bytes that may be sent.
  package private(set) var committed = 0

  package init() {}

  /// Bytes that wait for the socket.
  package var pending: Int { committed - sent }
  /// Whether a head is being written.
  package var isOpen: Bool { bytes.count > committed }

  /// Appends complete bytes; only between two answers or inside a streamed body.
  package func append(_ literal: StaticString) {
    precondition(!isOpen, "an answer's head is being written")
    bytes.append(literal)
    committed = bytes.count
  }

  package func append(_ slice: ByteSlice) {
    precondition(!isOpen, "an answer's head is being written")
    bytes.append(slice)
    committed = bytes.count
  }

  package func append(_ write: (inout ByteWriter) -> Void) {
    precondition(!isOpen, "an answer's head is being written")
    write(&bytes)
    committed = bytes.count
  }

  /// The socket has taken `count` more bytes.
  package func markSent(_ count: Int) {
    sent += count
    precondition(sent <= committed, "sent more than there was")
    if sent == bytes.count {
      bytes.removeAll()
      sent = 0
      committed = 0
    }
  }

  /// Gives memory above `bytes` back; only while nothing is pending.
  package func release(keeping: Int) {
    guard bytes.count == 0, bytes.bytes.capacity > keeping else { return }
    bytes = ByteWriter()
  }

  /// Drops everything, sent or not.
  package func abandon() {
    bytes = ByteWriter()
    sent = 0
    committed = 0
  }

  /// Lets `write` append to an open head.
  @inline(__always)
  func write(_ write: (inout ByteWriter) -> Void) { write(&bytes) }

  /// What has been written may go.
  func commit() { committed = bytes.count }

  /// Drops what has not been committed.
  func rollBack() { bytes.truncate(to: committed) }

  /// Hands out the writer for one step of a streamed body, so that the stream writes where the socket
  /// reads; nothing may be pending, and `putBack` follows.
  package func take() -> ByteWriter {
    precondition(bytes.count == 0, "a stream step before the previous one was taken")
    var taken = ByteWriter()
    swap(&taken, &bytes)
    return taken
  }

  package func putBack(_ written: consuming ByteWriter) {
    bytes = written
    committed = bytes.count
  }
}
