import Metrics
import Network
import Synchronization

/// Carries the loops' counters over into the metrics, whenever somebody looks. The loops count in
/// lanes of their own and know no metrics; counters of metrics only grow, so differences are added.
final class ConnectionMirror: Sendable {
  private struct Seen {
    var accepted = 0
    var overCap = 0
    var received = 0
    var sent = 0
    var stalled = 0
    var handshakes = 0
    var resumed = 0
    var failed = 0
    var slow = 0
    var shed = 0
  }

  private let counters: ServerCounters
  private let seen = Mutex(Seen())

  init(_ counters: ServerCounters) { self.counters = counters }

  func update(_ metrics: ConnectionMetrics, _ tls: TLSMetrics) {
    metrics.open.set(counters.openConnections)
    seen.withLock { seen in
      func advance(_ last: inout Int, to now: Int, _ add: (Int) -> Void) {
        if now > last { add(now - last) }
        last = now
      }
      advance(&seen.accepted, to: counters.accepted) { metrics.accepted.add($0) }
      advance(&seen.overCap, to: counters.overCap) { metrics.refused.add($0) }
      advance(&seen.received, to: counters.bytesReceived) { metrics.receivedBytes.add($0) }
      advance(&seen.sent, to: counters.bytesSent) { metrics.sentBytes.add($0) }
      advance(&seen.stalled, to: counters.writeStalls) { metrics.stalled.add($0) }
      let resumed = counters.resumptions
      advance(&seen.handshakes, to: max(counters.handshakes - resumed, seen.handshakes)) {
        tls.full.add($0)
      }
      advance(&seen.resumed, to: resumed) { tls.resumed.add($0) }
      advance(&seen.failed, to: counters.failedHandshakes) { tls.failed.add($0) }
      advance(&seen.slow, to: counters.slowHandshakes) { tls.timedOut.add($0) }
      advance(&seen.shed, to: counters.shedHandshakes) { tls.shed.add($0) }
    }
  }
}
