import HTTPWire

/// What a loop keeps for HTTP/2: streams that have a task, connections that have something to send.
extension ServerLoop {
  /// Gives a stream of an HTTP/2 connection a task.
  func startTask(for stream: HTTP2Stream<R>) -> Task<Void, Never> {
    let name = ObjectIdentifier(stream)
    streams[name] = stream
    return loop.startTask(for: name)
  }

  /// A stream's task, from its request to its answer or to a wait.
  func serveStream(_ name: ObjectIdentifier) async {
    guard let stream = streams[name] else { return }
    await stream.run()
    // Nobody may have given it another one meanwhile.
    if stream.task == nil { streams[name] = nil }
  }

  func pumpAtTurnEnd(_ connection: HTTP2Connection<R>) { unpumped.append(connection) }

  /// Each connection once; what it still has then is for the next turn.
  func pumpStreams() {
    let line = unpumped
    unpumped.removeAll(keepingCapacity: true)
    for connection in line { connection.pumpNow() }
  }

  /// The loop neither rests nor sleeps before its next turn.
  func turnAgain() { _ = clock.schedule(at: clock.now) {} }
}
