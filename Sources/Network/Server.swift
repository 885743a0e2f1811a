public import Bytes
public import HTTPWire
import Synchronization

/// A door to listen at.
public struct ListenerConfiguration: Sendable {
  public enum Place: Sendable {
    /// A numeric address, `*` for all; port 0 means one that is free.
    case network(host: String, port: UInt16)
    /// A socket file and who may connect to it, as the bits of its mode.
    case file(path: String, mode: UInt32)
  }

  public var kind: ListenerKind
  public var place: Place
  /// nil: in the clear.
  public var tls: TLSDoor?
  /// Who may connect, each connection beginning with the PROXY protocol; nil: everybody, without
  /// it.
  public var proxies: TrustedPeers?

  public init(kind: ListenerKind = .open, at place: Place, tls: TLSDoor? = nil) {
    self.kind = kind
    self.place = place
    self.tls = tls
  }

  public init(kind: ListenerKind = .open, host: String, port: UInt16, tls: TLSDoor? = nil) {
    self.init(kind: kind, at: .network(host: host, port: port), tls: tls)
  }
}

public struct ServerConfiguration: Sendable {
  public var listeners: [ListenerConfiguration]
  public var limits = WireLimits()
  /// How proxies say whom a request comes from; nil: the other end of the connection counts.
  public var forwarding: Forwarding?
  /// nil: one per processor but for one, which threads that are no loops need: a log's, those of
  /// work that blocks. Loops that share theirs with them wait for it at each turn.
  public var loops: Int?
  /// Connections waiting to be accepted, per listener and loop.
  public var backlog: Int32 = 1024
  /// Tells this run's request names from another's: the caller draws it at random.
  public var run: UInt32 = 0
  public var clocks = Clocks.system

  public init(listeners: [ListenerConfiguration]) { self.listeners = listeners }
}

/// The listening server: loops, each with its own listeners on the same ports and its own
/// `Responder`.
public final class Server<R: Responder>: Sendable {
  public let counters: ServerCounters
  private let configuration: ServerConfiguration
  private let loops: [Loop]
  private let doors: [Door]

  /// The ports listened at, in the order of the configuration; 0 for a socket file.
  public var ports: [UInt16] { doors.map(\.port) }
  /// The first listener's port.
  public var port: UInt16 { ports.first ?? 0 }
  private let hasDrained = Atomic<Bool>(false)
  /// How many connections may be open at once, but for those that operators have for themselves.
  public let connectionCap: Int

  /// Binds all ports and starts the loops; nothing is accepted before `start`.
  public convenience init(configuration: ServerConfiguration) throws(NetworkFailure) {
    self.init(try ServerFoundation(configuration))
  }

  private init(_ foundation: ServerFoundation) {
    configuration = foundation.configuration
    connectionCap = foundation.connectionCap
    doors = foundation.doors
    loops = foundation.loops
    counters = ServerCounters(loops: foundation.loops.count)
  }

  /// Makes each loop's responder and begins to accept.
  ///
  /// - Parameter makeResponder: called once per loop, on that loop, with its timers.
  public func start(
    makeResponder: @escaping @Sendable (any LoopTimers) -> R
  ) async throws(NetworkFailure) {
    for loop in loops {
      try await loop.settle { (loop: isolated Loop) throws(NetworkFailure) -> any LoopResident in
        let server = ServerLoop(
          responder: makeResponder(loop.clock), configuration: self.configuration,
          counters: self.counters, cap: self.connectionCap, on: loop)
        for door in self.doors {
          try server.listen(at: door, backlog: self.configuration.backlog, on: loop)
        }
        return server
      }
    }
  }

  /// Stops accepting, closes idle connections, lets requests in flight be answered, ends streams
  /// and waits; what is still open after `span` is cut. The loops' threads have ended when it
  /// returns.
  ///
  /// A second call returns at once.
  ///
  /// - Returns: how many connections had to be cut.
  @discardableResult
  public func drain(within span: TimeSpan) async -> Int {
    guard !hasDrained.exchange(true, ordering: .relaxed) else { return 0 }
    for loop in loops { await loop.beginDrain() }
    for door in doors { door.file?.remove() }
    let deadline = configuration.clocks.monotonic() + span
    while counters.openConnections > 0, configuration.clocks.monotonic() < deadline {
      await pause()
    }
    let cut = counters.openConnections
    if cut > 0 {
      for loop in loops { await loop.abandon() }
      let last = configuration.clocks.monotonic() + .seconds(1)
      while counters.openConnections > 0, configuration.clocks.monotonic() < last {
        await pause()
      }
    }
    for loop in loops { await loop.stop() }
    return cut
  }

  private func pause() async {
    // Cancellation only makes the waiting busier.
    try? await Task.sleep(nanoseconds: 5_000_000)
  }
}

/// A listener as every loop opens it: the address that was really taken, and who comes through.
struct Door: Sendable {
  enum Place: Sendable {
    /// Each loop has a socket of its own there.
    case network(SocketAddress)
    /// The loops share one.
    case file(SocketFile)
  }

  let kind: ListenerKind
  let place: Place
  let tls: TLSDoor?
  /// Who may connect, saying whom for.
  let proxies: TrustedPeers?

  var port: UInt16 {
    if case .network(let address) = place { address.port } else { 0 }
  }

  var file: SocketFile? {
    if case .file(let file) = place { file } else { nil }
  }

  /// A loop's own descriptor to accept from.
  func open(backlog: Int32) throws(NetworkFailure) -> Int32 {
    switch place {
    case .network(let address):
      try Syscalls.listen(on: address, sharingPort: true, backlog: backlog)
    case .file(let file): try Syscalls.duplicate(file.fd)
    }
  }
}

/// What a server stands on, made before it: everything that can fail, and nothing that depends on
/// who answers.
private struct ServerFoundation {
  let configuration: ServerConfiguration
  let connectionCap: Int
  let doors: [Door]
  let loops: [Loop]

  init(_ configuration: ServerConfiguration) throws(NetworkFailure) {
    self.configuration = configuration
    let descriptors = Syscalls.raiseDescriptorLimit()
    // The log opens as many tables as this leaves it (RocksStore's EngineOptions).
    let least = configuration.limits.descriptorReserve
    let reserve = max(least, min(descriptors / 4, 3 * least))
    let allowed = max(descriptors - reserve, descriptors / 2)
    // What is kept for operators is not for others.
    let hasOperators = configuration.listeners.contains { $0.kind == .management }
    let kept = hasOperators ? configuration.limits.operatorConnections : 0
    let most = max(allowed - kept, 1)
    connectionCap = min(configuration.limits.connections ?? most, most)
    var doors: [Door] = []
    // Held until all are tried: two listeners of ours must not share a port either.
    var probes: [Int32] = []
    defer { for probe in probes { Syscalls.endListening(probe) } }
    for listener in configuration.listeners {
      let place: Door.Place
      switch listener.place {
      case .network(let host, let port):
        let wanted = try SocketAddress(host: host, port: port)
        let probe = try Self.probe(wanted, configuration.backlog)
        probes.append(probe)
        place = .network(
          Syscalls.localAddress(probe).map { wanted.with(port: $0.port) } ?? wanted)
      case .file(let path, let mode):
        place = .file(try SocketFile(path: path, mode: mode, backlog: configuration.backlog))
      }
      doors.append(
        Door(
          kind: listener.kind, place: place, tls: listener.tls, proxies: listener.proxies))
    }
    self.doors = doors
    var loops: [Loop] = []
    for number in 0..<(configuration.loops ?? max(1, Syscalls.processorCount() - 1)) {
      loops.append(try Loop(number: number, clocks: configuration.clocks))
    }
    self.loops = loops
  }

  /// Finds out whether the port is free, by binding it without sharing: with `SO_REUSEPORT` alone a
  /// second instance would quietly take half of the first one's connections.
  private static func probe(
    _ wanted: SocketAddress, _ backlog: Int32
  ) throws(NetworkFailure) -> Int32 {
    try Syscalls.listen(on: wanted, sharingPort: false, backlog: backlog)
  }
}
