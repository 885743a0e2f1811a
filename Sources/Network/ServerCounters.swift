public import HTTPWire
import Synchronization

/// What a server has seen, for metrics. Any thread may read; only the loops write, and each its own
/// lane, so that counting costs no contended cache line.
public final class ServerCounters: Sendable {
  /// The counters of one loop.
  public final class Lane: Sendable {
    let accepted = Atomic<Int>(0)
    let closed = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let received = Atomic<Int>(0)
    let sent = Atomic<Int>(0)
    let overCap = Atomic<Int>(0)
    let headTimeouts = Atomic<Int>(0)
    let bodyTimeouts = Atomic<Int>(0)
    let writeStalls = Atomic<Int>(0)
    let handshakes = Atomic<Int>(0)
    let resumptions = Atomic<Int>(0)
    let failedHandshakes = Atomic<Int>(0)
    let slowHandshakes = Atomic<Int>(0)
    let shedHandshakes = Atomic<Int>(0)
    let proxied = Atomic<Int>(0)
    let badProxyHeaders = Atomic<Int>(0)
    let slowProxyHeaders = Atomic<Int>(0)
    let untrustedProxies = Atomic<Int>(0)
    let rests = Atomic<Int>(0)
    let http2Connections = Atomic<Int>(0)
    let http2Refused = Atomic<Int>(0)
    let http2Resets = Atomic<Int>(0)
    let http2Floods = Atomic<Int>(0)
    let rules = Mutex<[Int]>(Array(repeating: 0, count: WireRule.allCases.count))
  }

  private let lanes: [Lane]
  /// Connections open on all loops; the cap is checked against it.
  let open = Atomic<Int>(0)
  /// Those of them that have come by the operators' listener.
  let operators = Atomic<Int>(0)

  init(loops: Int) { lanes = (0..<loops).map { _ in Lane() } }

  func lane(_ loop: Int) -> Lane { lanes[loop] }

  private func sum(_ read: (Lane) -> Int) -> Int { lanes.reduce(0) { $0 + read($1) } }

  public var openConnections: Int { open.load(ordering: .relaxed) }
  public var accepted: Int { sum { $0.accepted.load(ordering: .relaxed) } }
  public var closed: Int { sum { $0.closed.load(ordering: .relaxed) } }
  /// Requests whose heads were complete and good.
  public var requests: Int { sum { $0.requests.load(ordering: .relaxed) } }
  public var bytesReceived: Int { sum { $0.received.load(ordering: .relaxed) } }
  public var bytesSent: Int { sum { $0.sent.load(ordering: .relaxed) } }
  /// Connections refused because there were too many.
  public var overCap: Int { sum { $0.overCap.load(ordering: .relaxed) } }
  public var headTimeouts: Int { sum { $0.headTimeouts.load(ordering: .relaxed) } }
  public var bodyTimeouts: Int { sum { $0.bodyTimeouts.load(ordering: .relaxed) } }
  /// Connections cut because the peer accepted nothing.
  public var writeStalls: Int { sum { $0.writeStalls.load(ordering: .relaxed) } }
  /// TLS handshakes done, those that took up an earlier session included.
  public var handshakes: Int { sum { $0.handshakes.load(ordering: .relaxed) } }
  /// Those that took up an earlier session.
  public var resumptions: Int { sum { $0.resumptions.load(ordering: .relaxed) } }
  /// Handshakes that failed, requests in the clear included.
  public var failedHandshakes: Int { sum { $0.failedHandshakes.load(ordering: .relaxed) } }
  /// Handshakes that took too long.
  public var slowHandshakes: Int { sum { $0.slowHandshakes.load(ordering: .relaxed) } }
  /// Unfinished handshakes ended to make room for others.
  public var shedHandshakes: Int { sum { $0.shedHandshakes.load(ordering: .relaxed) } }

  /// Connections whose proxy said whom they come from.
  public var proxied: Int { sum { $0.proxied.load(ordering: .relaxed) } }
  /// Those that had no header where it was due, or a broken one.
  public var badProxyHeaders: Int { sum { $0.badProxyHeaders.load(ordering: .relaxed) } }
  /// Those whose header took too long.
  public var slowProxyHeaders: Int { sum { $0.slowProxyHeaders.load(ordering: .relaxed) } }
  /// Those of addresses that are no trusted proxy's.
  public var untrustedProxies: Int { sum { $0.untrustedProxies.load(ordering: .relaxed) } }

  /// Times that a loop slept so that its next look at the sockets brought more.
  public var rests: Int { sum { $0.rests.load(ordering: .relaxed) } }

  /// Connections that spoke HTTP/2.
  public var http2Connections: Int { sum { $0.http2Connections.load(ordering: .relaxed) } }
  /// Requests of HTTP/2 that were turned away unseen: `REFUSED_STREAM`.
  public var http2Refused: Int { sum { $0.http2Refused.load(ordering: .relaxed) } }
  /// Streams that clients have reset, of connections that are over.
  public var http2Resets: Int { sum { $0.http2Resets.load(ordering: .relaxed) } }
  /// HTTP/2 connections ended because the client asked too much: `ENHANCE_YOUR_CALM`.
  public var http2Floods: Int { sum { $0.http2Floods.load(ordering: .relaxed) } }

  /// Heads and bodies that broke this rule.
  public func breaches(of rule: WireRule) -> Int {
    sum { lane in lane.rules.withLock { $0[Int(rule.rawValue)] } }
  }
}

extension ServerCounters.Lane {
  func count(_ refusal: WireRefusal) {
    switch refusal {
    case .badRequest(let rule): rules.withLock { $0[Int(rule.rawValue)] += 1 }
    case .tooManyConnections: bump(overCap)
    default: break
    }
  }

  /// Adds without a locked instruction: the lane has one writer.
  func bump(_ counter: borrowing Atomic<Int>, by amount: Int = 1) {
    counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
}
