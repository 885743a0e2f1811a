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
    var proxied = 0
    var badProxyHeaders = 0
    var slowProxyHeaders = 0
    var untrustedProxies = 0
    var rests = 0
    var http2 = 0
    var floods = 0
    var refused = 0
    var resets = 0
  }

  private let counters: ServerCounters
  private let seen = Mutex(Seen())

  init(_ counters: ServerCounters) { self.counters = counters }

  func update(_ server: ServerMetrics) {
    let metrics = server.connections
    let tls = server.tls
    let http2 = server.http2
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
      advance(&seen.proxied, to: counters.proxied) { metrics.proxied.add($0) }
      advance(&seen.badProxyHeaders, to: counters.badProxyHeaders) {
        metrics.badProxyHeaders.add($0)
      }
      advance(&seen.slowProxyHeaders, to: counters.slowProxyHeaders) {
        metrics.slowProxyHeaders.add($0)
      }
      advance(&seen.untrustedProxies, to: counters.untrustedProxies) {
        metrics.untrustedProxies.add($0)
      }
      advance(&seen.rests, to: counters.rests) { metrics.rests.add($0) }
      advance(&seen.http2, to: counters.http2Connections) { http2.connections.add($0) }
      advance(&seen.floods, to: counters.http2Floods) { http2.floods.add($0) }
      advance(&seen.refused, to: counters.http2Refused) { http2.refused.add($0) }
      advance(&seen.resets, to: counters.http2Resets) { http2.resets.add($0) }
    }
  }
}
