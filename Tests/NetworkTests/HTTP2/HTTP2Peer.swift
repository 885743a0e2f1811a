import Bytes
import Foundation
import HTTPWire
import TestSupport

@testable import Network

/// A client of HTTP/2 that does what it is told.
extension Peer {
  typealias Frame = HTTP2Frames.Frame

  /// Sends pieces and reads frames until `isEnough`, or the end.
  ///
  /// - Parameter grant: whether the windows are opened for what comes.
  func exchange(
    _ pieces: [[UInt8]], grant: Bool = true, on loop: isolated Loop,
    until isEnough: ([Frame]) -> Bool
  ) async throws -> (frames: [Frame], isClosed: Bool) {
    let socket = try await connect(on: loop)
    defer { socket.close(on: loop) }
    for piece in pieces {
      socket.outbox.append(ByteSlice(piece))
      guard await socket.flush() else { break }
      if pieces.count > 1 { await rest(.milliseconds(2), on: loop) }
    }
    return await frames(from: socket, grant: grant, until: isEnough)
  }

  func frames(
    from socket: Socket, grant: Bool = true, until isEnough: ([Frame]) -> Bool
  ) async -> (frames: [Frame], isClosed: Bool) {
    var frames: [Frame] = []
    var bytes: [UInt8] = []
    while !isEnough(frames) {
      socket.buffer.reset()
      let until = socket.clock.clocks.monotonic() + Self.patience
      guard await socket.receive(until: until) == .bytes else { return (frames, true) }
      bytes += socket.buffer.contents.array
      let (more, length) = HTTP2Frames.read(bytes)
      bytes.removeFirst(length)
      frames += more
      guard grant else { continue }
      for frame in more where frame.type == HTTP2Frames.data && !frame.payload.isEmpty {
        for stream in [0, frame.stream] {
          socket.outbox.append(
            ByteSlice(
              HTTP2Frames.frame(
                HTTP2Frames.windowUpdate, stream: stream,
                HTTP2Frames.number(UInt32(frame.payload.count)))))
        }
      }
      socket.sendPending()
    }
    return (frames, false)
  }
}

/// curl with HTTP/2 in the clear.
func curl(_ port: UInt16, _ path: String, _ more: [String] = []) async throws -> String {
  try await ChildProgram.run(
    "curl",
    ["-sS", "--http2-prior-knowledge", "--max-time", "300"] + more
      + ["http://127.0.0.1:\(port)\(path)"]
  ).output
}

/// A file of so many bytes for the length of a test.
func withBody(_ size: Int, _ use: (String) async throws -> Void) async throws {
  let file = FileManager.default.temporaryDirectory.appending(path: "body-\(UUID().uuidString)")
  try Data(repeating: 0x61, count: size).write(to: file)
  defer { try? FileManager.default.removeItem(at: file) }
  try await use(file.path())
}
