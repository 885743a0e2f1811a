public import Bytes

/// Every limit of the wire with its default; `docs/limits.md` gives the reasons.
public struct WireLimits: Sendable {
  /// Fields per head, and per trailer section.
  public var fields = 100
  /// Bytes of a head, request line and final CRLF included; below 1 MiB.
  public var headBytes = 32 * 1024
  /// Bytes of one field line.
  public var fieldBytes = 8 * 1024
  /// Bytes of a request target.
  public var targetBytes = 8 * 1024
  /// Bytes of a body, whatever its framing; doors may set less.
  public var bodyBytes = 8 * 1024 * 1024
  /// Bytes of the extensions behind one chunk's size; they are skipped …
  public var chunkExtensionBytes = 256
  /// … and of all of one body.
  public var bodyExtensionBytes = 16 * 1024
  /// From the first byte of a head to its last.
  public var headTime = TimeSpan.seconds(10)
  /// Between two requests of a connection.
  public var idleTime = TimeSpan.seconds(75)
  /// Between two reads of a body.
  public var bodyIdleTime = TimeSpan.seconds(30)
  /// A body may arrive no slower than this many bytes a second …
  public var bodyBytesPerSecond = 256
  /// … counted from this long after it began.
  public var bodyGrace = TimeSpan.seconds(10)
  /// A peer that accepts no byte for this long is cut.
  public var writeStallTime = TimeSpan.seconds(30)
  /// Unsent bytes above which a connection handles no further pipelined request.
  public var outboxBytes = 64 * 1024
  /// A connection that has more to be served lets its loop turn once the turn has taken this long.
  public var turn = TimeSpan.milliseconds(1)
  /// An unread body of at most this many bytes is skipped to keep the connection.
  public var skippedBytes = 64 * 1024
  /// After an answer that ends the connection: how much and for how long input is still swallowed,
  /// so that no reset destroys the answer on its way.
  public var lingerBytes = 16 * 1024 * 1024
  public var lingerTime = TimeSpan.seconds(2)
  /// First size of a receive buffer.
  public var receiveBytes = 16 * 1024
  /// An idle connection gives its buffers back after this long.
  public var bufferKeepTime = TimeSpan.seconds(2)
  /// The longest head that a connection remembers, to read the next one faster, in bytes.
  public var rememberedHeadBytes = 4 << 10
  /// Open connections in total; nil: what the descriptor limit allows.
  public var connections: Int?
  /// Of the operators' listener, so many are served however many others are open.
  public var operatorConnections = 64
  /// Bytes of a PROXY header of version 2 with all that it carries.
  public var proxyHeaderBytes = 4096
  /// From a connection's begin to the end of its TLS handshake.
  public var handshakeTime = TimeSpan.seconds(10)
  /// Unfinished TLS handshakes of one loop; beyond it the oldest makes room.
  public var handshakes = 512
  /// Requests that run at once on an HTTP/2 connection; twice as many with those that were reset.
  public var streams = 128
  /// Bytes of a request's body that an HTTP/2 client may send before they are read, per stream …
  public var streamWindow = 128 * 1024
  /// … and bytes of all of them that may be on their way.
  public var connectionWindow = 1024 * 1024
  /// Bytes of bodies longer than `streamWindow` that one HTTP/2 connection may have collected for
  /// requests that run; further ones wait.
  public var collectedBytes = 16 * 1024 * 1024
  /// Bytes of answers that wait for an HTTP/2 client, above which no further request of it begins.
  public var unreadAnswerBytes = 1024 * 1024
  /// PING, SETTINGS, PRIORITY, empty DATA and broken frames that an HTTP/2 client may send at
  /// once …
  public var controlFrames = 200
  /// … and those that it earns back each second.
  public var controlFramesPerSecond = 50
  /// Streams that an HTTP/2 client may reset at once …
  public var streamResets = 200
  /// … and each second in the long run.
  public var streamResetsPerSecond = 50
  /// CONTINUATION frames behind one HEADERS frame.
  public var continuations = 8
  /// Descriptors kept for the log and for everything else but connections.
  public var descriptorReserve = 512

  public init() {}
}
