import Bytes
import Client
import Synchronization

/// Asks the gateway every second how much of its memory its memory tables and their spare blocks
/// take, and keeps what is resident beside them. Those fill and go within seconds, by more than a
/// slow leak adds in hours. One task runs it; any thread may read.
final class MemoryProbe: Sendable {
  private let endpoint: Endpoint
  private let pid: Int
  private let control: RunControl
  private let latest = Mutex<UInt64?>(nil)

  /// - Parameter endpoint: where the gateway answers `/metrics`.
  init(_ endpoint: Endpoint, pid: Int, control: RunControl) {
    self.endpoint = endpoint
    self.pid = pid
    self.control = control
  }

  /// Bytes as of the last answer; nil before the first, or when the gateway does not tell.
  var besideTables: UInt64? { latest.withLock { $0 } }

  /// Asks until the run is over.
  func run(on loop: isolated ClientLoop) async {
    let client = GatewayClient(endpoint)
    while !isOver {
      do throws(ClientFault) {
        let answer = try await client.send(
          ClientRequest("GET", "/metrics"), within: .seconds(5), on: loop)
        let tables = Self.tables(in: answer.body)
        if tables == nil { control.note("/metrics: \(answer.status), no memory tables") }
        // At once, so that both are of the same moment.
        let resident = ServerUsage(pid: pid)?.residentBytes
        latest.withLock { $0 = resident.flatMap { all in tables.map { all - min(all, $0) } } }
      } catch {
        // What the end of the run has cut off is no fault.
        if !isOver { control.note("/metrics: \(error)") }
        latest.withLock { $0 = nil }
      }
      try? await Task.sleep(for: .seconds(1))
    }
    client.close(on: loop)
  }

  private var isOver: Bool { control.isStopped || Task.isCancelled }

  /// What an answer to `/metrics` says of the memory tables and of the blocks that go to and fro
  /// between them, in bytes.
  static func tables(in exposition: ByteSlice) -> UInt64? {
    let lines = exposition.text.split(separator: "\n")
    let parts = ["memory_tables", "spare_blocks"].compactMap { part in
      let series = "jodrell_store_memory_bytes{part=\"\(part)\"} "
      return lines.first { $0.hasPrefix(series) }.flatMap { UInt64($0.dropFirst(series.count)) }
    }
    return parts.isEmpty ? nil : parts.reduce(0, +)
  }
}
