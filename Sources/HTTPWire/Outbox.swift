public import Bytes

/// The bytes of one connection that the socket has not taken yet. Loop-confined; written by
/// `AnswerWriter` and by the connection, sent by the connection.
///
/// Bytes behind `committed` belong to a head that is still being written, and wait: its length or
/// whether it closes the connection is not known yet.
public final class Outbox {
  public private(set) var bytes = ByteWriter()
  /// Bytes the socket has taken.
  public private(set) var sent = 0
  /// Bytes that may be sent.
  public private(set) var committed = 0

  public init() {}

  /// Bytes that wait for the socket.
  public var pending: Int { committed - sent }
  /// Whether a head is being written.
  public var isOpen: Bool { bytes.count > committed }

  /// Appends complete bytes; only between two answers or inside a streamed body.
  public func append(_ literal: StaticString) {
    precondition(!isOpen, "an answer's head is being written")
    bytes.append(literal)
    committed = bytes.count
  }

  public func append(_ slice: ByteSlice) {
    precondition(!isOpen, "an answer's head is being written")
    bytes.append(slice)
    committed = bytes.count
  }

  public func append(_ span: Span<UInt8>) {
    precondition(!isOpen, "an answer's head is being written")
    bytes.append(span)
    committed = bytes.count
  }

  public func append(_ write: (inout ByteWriter) -> Void) {
    precondition(!isOpen, "an answer's head is being written")
    write(&bytes)
    committed = bytes.count
  }

  /// The socket has taken `count` more bytes.
  public func markSent(_ count: Int) {
    sent += count
    precondition(sent <= committed, "sent more than there was")
    if sent == bytes.count {
      bytes.removeAll()
      sent = 0
      committed = 0
    }
  }

  /// Gives memory above `bytes` back; only while nothing is pending.
  public func release(keeping: Int) {
    guard bytes.count == 0, bytes.capacity > keeping else { return }
    bytes = ByteWriter()
  }

  /// Drops everything, sent or not.
  public func abandon() {
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

  /// Hands out the writer for one step of a streamed body, so that the stream writes where the
  /// socket reads; nothing may be pending, and `putBack` follows.
  public func take() -> ByteWriter {
    precondition(bytes.count == 0, "a stream step before the previous one was taken")
    var taken = ByteWriter()
    swap(&taken, &bytes)
    return taken
  }

  public func putBack(_ written: consuming ByteWriter) {
    bytes = written
    committed = bytes.count
  }
}
