import Bytes

/// Frames of HTTP/2 as a client writes them, honest or not (RFC 9113 §4, §6), and as it reads them.
public enum HTTP2Frames {
  public struct Frame: Equatable, Sendable {
    public var type: UInt8
    public var flags: UInt8
    public var stream: UInt32
    public var payload: [UInt8]
  }

  public static let data: UInt8 = 0
  public static let headers: UInt8 = 1
  public static let reset: UInt8 = 3
  public static let settings: UInt8 = 4
  public static let ping: UInt8 = 6
  public static let goAway: UInt8 = 7
  public static let windowUpdate: UInt8 = 8
  public static let continuation: UInt8 = 9

  public static let endStream: UInt8 = 1
  public static let endHeaders: UInt8 = 4

  public static func frame(
    _ type: UInt8, _ flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
  ) -> [UInt8] {
    var bytes = ByteWriter()
    bytes.append(bigEndian: UInt32(payload.count) << 8 | UInt32(type))
    bytes.append(flags)
    bytes.append(bigEndian: stream)
    bytes.append(payload)
    return bytes.bytes
  }

  public static func number(_ value: UInt32) -> [UInt8] {
    var bytes = ByteWriter()
    bytes.append(bigEndian: value)
    return bytes.bytes
  }

  /// Fields without compression (RFC 7541 §6.2.2); lengths up to 16 K.
  public static func fields(_ fields: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes += [0] + text(name) + text(value)
    }
    return bytes
  }

  private static func text(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var rest = bytes.count - 127
    var length: [UInt8] = [127]
    while rest >= 128 {
      length.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }

  /// The fields of a request.
  public static func head(
    _ method: String, _ path: String, _ more: [(String, String)] = []
  ) -> [UInt8] {
    fields(
      [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)] + more)
  }

  /// A whole request without a body.
  public static func get(
    _ path: String, stream: UInt32, _ more: [(String, String)] = []
  ) -> [UInt8] {
    frame(headers, endStream | endHeaders, stream: stream, head("GET", path, more))
  }

  /// What a client says first.
  public static func opening(settings pairs: [(UInt16, UInt32)] = []) -> [UInt8] {
    var payload = ByteWriter()
    for (name, value) in pairs {
      payload.append(bigEndian: name)
      payload.append(bigEndian: value)
    }
    return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(settings, 0, payload.bytes)
  }

  private static func frame(_ type: UInt8, _ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
    frame(type, flags, stream: 0, payload)
  }

  /// The whole frames at the front of what a server sent, and how many bytes they take.
  public static func read(_ bytes: [UInt8]) -> (frames: [Frame], length: Int) {
    var frames: [Frame] = []
    var at = 0
    while at + 9 <= bytes.count {
      let length = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
      guard at + 9 + length <= bytes.count else { break }
      let stream = bytes[(at + 5)..<(at + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      frames.append(
        Frame(
          type: bytes[at + 3], flags: bytes[at + 4], stream: stream,
          payload: Array(bytes[(at + 9)..<(at + 9 + length)])))
      at += 9 + length
    }
    return (frames, at)
  }
}

extension [HTTP2Frames.Frame] {
  /// What came as a stream's body.
  public func body(of stream: UInt32) -> String {
    let bytes = filter { $0.type == HTTP2Frames.data && $0.stream == stream }.flatMap(\.payload)
    return String(decoding: bytes, as: UTF8.self)
  }

  public func has(_ type: UInt8, stream: UInt32 = 0) -> Bool {
    contains { $0.type == type && $0.stream == stream }
  }

  /// Whether the stream has been answered to its end.
  public func isEnded(_ stream: UInt32) -> Bool {
    contains {
      $0.stream == stream && $0.flags & 1 != 0
        && [HTTP2Frames.data, HTTP2Frames.headers].contains($0.type)
    }
  }

  /// The error code of the last frame of this kind: RST_STREAM, or GOAWAY.
  public func errorCode(_ type: UInt8) -> UInt32? {
    guard let frame = last(where: { $0.type == type }) else { return nil }
    let at = type == HTTP2Frames.goAway ? 4 : 0
    guard frame.payload.count >= at + 4 else { return nil }
    return frame.payload[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
