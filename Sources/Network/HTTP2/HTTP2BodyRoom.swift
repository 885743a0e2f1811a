import HTTPWire

/// Room for the long bodies of one connection that are read whole: a request takes room for all of
/// its body before it lets the client send beyond the first window, so that those who have room get
/// to their end. Loop-confined.
final class HTTP2BodyRoom<R: Responder> {
  private let limit: Int
  private var taken = 0
  private var line: [(stream: HTTP2Stream<R>, bytes: Int)] = []

  init(limit: Int) { self.limit = limit }

  /// Takes room, or a place in the line for it: then the stream is told by `roomCame`.
  ///
  /// - Returns: whether there is room now.
  func take(_ bytes: Int, for stream: HTTP2Stream<R>) -> Bool {
    if line.isEmpty, fits(bytes) {
      taken += bytes
      return true
    }
    line.append((stream, bytes))
    return false
  }

  /// Gives back what `stream` has, or its place in the line.
  func leave(_ stream: HTTP2Stream<R>, holding bytes: Int) {
    guard bytes > 0 || !line.isEmpty else { return }
    taken -= bytes
    line.removeAll { $0.stream === stream }
    while let first = line.first, fits(first.bytes) {
      line.removeFirst()
      taken += first.bytes
      first.stream.roomCame(first.bytes)
    }
  }

  /// A body that is larger than all of the room comes alone.
  private func fits(_ bytes: Int) -> Bool { taken == 0 || taken + bytes <= limit }
}
