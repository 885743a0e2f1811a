import Bytes
import HTTPWire
import Synchronization

/// One loop's part of the server: its responder, its listeners, its connections. Loop-confined.
final class ServerLoop<R: Responder>: LoopResident {
  /// Where it lives; keeps it.
  unowned let loop: Loop
  let responder: R
  let limits: WireLimits
  let forwarding: Forwarding?
  let clock: LoopClock
  let commons: AnswerCommons
  let counters: ServerCounters.Lane
  private let all: ServerCounters
  private let cap: Int
  private var ids: RequestIDSource
  private var listeners: [Listener<R>] = []
  private var resting: [(listener: Listener<R>, at: MonotonicTime)] = []
  private var connections: [ObjectIdentifier: Connection<R>] = [:]
  /// Connections with finished answers to send while their task waits for the next one.
  private var unsent: [Socket] = []
  /// HTTP/2 streams that have a task.
  var streams: [ObjectIdentifier: HTTP2Stream<R>] = [:]
  /// HTTP/2 connections whose streams have something to send.
  var unpumped: [HTTP2Connection<R>] = []
  private var handshakes = HandshakeLine<Connection<R>>()

  /// Connections beyond the cap that are told so; further ones are closed without a word.
  private static var politeMargin: Int { 64 }

  init(
    responder: R, configuration: ServerConfiguration, counters: ServerCounters, cap: Int,
    on loop: isolated Loop
  ) {
    self.loop = loop
    self.responder = responder
    limits = configuration.limits
    forwarding = configuration.forwarding
    clock = loop.clock
    commons = AnswerCommons(now: loop.clock.wallNow)
    all = counters
    self.counters = counters.lane(loop.number)
    self.cap = cap
    ids = RequestIDSource(run: configuration.run, loop: UInt8(truncatingIfNeeded: loop.number))
  }

  func makeID() -> RequestID { ids.make() }

  func listen(
    at door: Door, backlog: Int32, on loop: isolated Loop
  ) throws(NetworkFailure) {
    let fd = try door.open(backlog: backlog)
    let listener = Listener(fd: fd, door: door, server: self)
    do throws(NetworkFailure) {
      try listener.open(on: loop)
    } catch {
      Syscalls.close(fd)
      throw error
    }
    listeners.append(listener)
  }

  /// Takes over an accepted socket: a task serves it until it is closed
  /// or its stream waits.
  func adopt(_ fd: Int32, _ door: Door, _ address: SocketAddress, on loop: isolated Loop) {
    counters.bump(counters.accepted)
    let beyond = excess(with: door.kind)
    let refusal: WireRefusal? =
      beyond > 0 ? .tooManyConnections : commons.isDraining ? .draining : nil
    if beyond > Self.politeMargin {
      counters.bump(counters.overCap)
      Syscalls.close(fd)
      noteClosed(door.kind)
      return
    }
    let peer = Peer(at: address, on: fd)
    if let proxies = door.proxies, !proxies.contains(peer.address) {
      counters.bump(counters.untrustedProxies)
      Syscalls.close(fd)
      noteClosed(door.kind)
      return
    }
    let session = door.tls?.accept()
    if session == nil, door.tls != nil {
      // No memory for it, and nothing may be said in the clear.
      Syscalls.close(fd)
      noteClosed(door.kind)
      return
    }
    let connection = Connection(
      fd: fd, kind: door.kind, peer: peer, isProxied: door.proxies != nil, tls: session,
      server: self, refusal: refusal)
    do throws(NetworkFailure) {
      try connection.socket.watch(on: loop)
    } catch {
      Syscalls.close(fd)
      noteClosed(door.kind)
      return
    }
    let name = ObjectIdentifier(connection)
    connections[name] = connection
    connection.socket.task = loop.startTask(for: name)
  }

  /// Counts a connection that has come in.
  ///
  /// - Returns: by how many there are too many with it. Operators have places of their own: it is
  ///   in a flood that they are needed most.
  private func excess(with kind: ListenerKind) -> Int {
    let open = all.open.add(1, ordering: .relaxed).newValue
    if kind == .management {
      let operators = all.operators.add(1, ordering: .relaxed).newValue
      if operators <= limits.operatorConnections { return 0 }
    }
    let theirs = min(all.operators.load(ordering: .relaxed), limits.operatorConnections)
    return open - theirs - cap
  }

  func serve(_ name: ObjectIdentifier, on loop: isolated Loop) async {
    guard let connection = connections[name] else { return await serveStream(name) }
    // Without a task it waits for a stream's events; the next one has its own.
    guard await connection.run() == .over else { return }
    connection.socket.close(on: loop)
    connections[name] = nil
    noteClosed(connection.kind)
  }

  /// A TLS handshake begins; when there are too many, the one that began first is given up: those
  /// of honest clients are short.
  ///
  /// - Returns: its number, for `handshakeEnded`.
  func handshakeBegan(_ connection: Connection<R>) -> Int {
    if handshakes.count >= limits.handshakes, let oldest = handshakes.removeFirst() {
      counters.bump(counters.shedHandshakes)
      oldest.socket.abandon()
    }
    return handshakes.append(connection)
  }

  func handshakeEnded(_ number: Int) { handshakes.remove(number) }

  private func noteClosed(_ kind: ListenerKind) {
    counters.bump(counters.closed)
    all.open.subtract(1, ordering: .relaxed)
    if kind == .management { all.operators.subtract(1, ordering: .relaxed) }
  }

  /// The connection's task may wait for long with answers unsent: send them when the turn ends.
  func sendAtTurnEnd(_ socket: Socket) { unsent.append(socket) }

  /// Lets a listener that rests go on later.
  func resume(_ listener: Listener<R>, at: MonotonicTime) {
    resting.append((listener, at))
    // Wakes the loop; the end of that turn does the rest.
    _ = clock.schedule(at: at) {}
  }

  func rested() { counters.bump(counters.rests) }

  func turnBegan(at wall: UnixTime) { commons.advance(to: wall) }

  func turnEnded(on loop: isolated Loop) {
    responder.turnEnded()
    if !resting.isEmpty {
      for (listener, at) in resting where at <= clock.now { listener.resume(on: loop) }
      resting.removeAll { $0.at <= clock.now }
    }
    if !unpumped.isEmpty { pumpStreams() }
    guard !unsent.isEmpty else { return }
    for socket in unsent { socket.sendPending() }
    unsent.removeAll(keepingCapacity: true)
  }

  func beginDrain(on loop: isolated Loop) {
    commons.isDraining = true
    for listener in listeners { listener.close(on: loop) }
    listeners = []
    for connection in connections.values { connection.drainBegan() }
  }

  func abandon(on loop: isolated Loop) {
    for connection in connections.values { connection.socket.cut() }
  }
}

/// A listening socket of one loop. Loop-confined.
final class Listener<R: Responder>: EventHandler {
  private let fd: Int32
  private let door: Door
  private unowned let server: ServerLoop<R>
  private var registration: Registration?
  /// Given up for a moment when the descriptor table is full, to take a connection off the queue.
  private var spare: Int32

  /// Connections accepted at once, so that a storm of them does not hold up those that are here.
  private static var acceptsPerTurn: Int { 64 }
  /// How long a full descriptor table, or one without memory for the poller, keeps it quiet.
  private static var pause: TimeSpan { .milliseconds(100) }

  init(fd: Int32, door: Door, server: ServerLoop<R>) {
    self.fd = fd
    self.door = door
    self.server = server
    spare = Syscalls.placeholder()
  }

  func open(on loop: isolated Loop) throws(NetworkFailure) {
    registration = try loop.watch(listener: fd, isShared: isShared, self)
  }

  private var isShared: Bool { door.file != nil }

  func ready(_ readiness: Readiness, on loop: isolated Loop) {
    for _ in 0..<Self.acceptsPerTurn {
      switch Syscalls.accept(fd) {
      case .socket(let accepted, let peer):
        server.adopt(accepted, door, peer, on: loop)
        if isShared {
          giveWay(on: loop)
          return
        }
      case .again: continue
      case .none: return
      case .exhausted:
        shedOne()
        rest(on: loop)
        return
      case .failed:
        rest(on: loop)
        return
      }
    }
  }

  /// Nothing here waits.
  func interrupt() {}

  /// The next connection is another loop's: this one goes to the end of the line.
  private func giveWay(on loop: isolated Loop) {
    guard let current = registration else { return }
    loop.thread.poller.remove(fd)
    loop.forget(current)
    registration = nil
    resume(on: loop)
  }

  /// Takes one connection off the queue and drops it, by lending it the spare descriptor.
  private func shedOne() {
    guard spare >= 0 else { return }
    Syscalls.close(spare)
    if case .socket(let accepted, _) = Syscalls.accept(fd) {
      server.counters.bump(server.counters.overCap)
      Syscalls.close(accepted)
    }
    spare = Syscalls.placeholder()
  }

  /// Level-triggered, the listener would report over and over; it pauses instead.
  private func rest(on loop: isolated Loop) {
    guard let current = registration else { return }
    loop.thread.poller.remove(fd)
    loop.forget(current)
    registration = nil
    let at = loop.clock.now + Self.pause
    server.resume(self, at: at)
  }

  /// Listens again after a rest.
  func resume(on loop: isolated Loop) {
    guard registration == nil, !isClosed else { return }
    do throws(NetworkFailure) {
      registration = try loop.watch(listener: fd, isShared: isShared, self)
    } catch {
      // The kernel has no memory for it now. A shared listener comes here after each connection,
      // so that one such moment must not be its end.
      server.resume(self, at: loop.clock.now + Self.pause)
    }
  }

  private var isClosed = false

  func close(on loop: isolated Loop) {
    if let registration {
      // A socket that the loops share stays open, and the kernel would go on reporting it.
      loop.thread.poller.remove(fd)
      loop.forget(registration)
    }
    registration = nil
    isClosed = true
    if isShared { Syscalls.close(fd) } else { Syscalls.endListening(fd) }
    if spare >= 0 { Syscalls.close(spare) }
  }
}
