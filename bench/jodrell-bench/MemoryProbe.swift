import Bytes
import Client
import Synchronization

/// Asks the gateway every second how much of its memory its memory tables, their spare blocks and
/// the tail take, and keeps what is resident beside them. The former fill and go within seconds, by
/// more than a slow leak adds in hours; the latter takes one more block, of a few in all, when its
/// oldest is still being read, as after a stall. One task runs it; any thread may read.
final class MemoryProbe: Sendable {
  private let endpoint: Endpoint
  private let pid: Int
  private let control: RunControl
  private let state = Mutex(State())

  private struct State {
    var besideLog: UInt64?
    /// Why the last answer told nothing.
    var fault: String?
  }

  /// - Parameter endpoint: where the gateway answers `/metrics`.
  init(_ endpoint: Endpoint, pid: Int, control: RunControl) {
    self.endpoint = endpoint
    self.pid = pid
    self.control = control
  }

  /// Bytes as of the last answer; nil before the first, or when the gateway does not tell.
  var besideLog: UInt64? { state.withLock { $0.besideLog } }

  /// Why the gateway did not tell when it was last asked; nil when it did.
  var fault: String? { state.withLock { $0.fault } }

  /// Asks once, before the run: hours later is too late to learn that nobody answers there.
  func tryOut() async throws(UsageFault) {
    let asked = await ClientLoop.once { loop in
      let client = GatewayClient(endpoint)
      await ask(client, on: loop)
      client.close(on: loop)
    }
    if case .failure(let fault) = asked { throw UsageFault("--management: \(fault)") }
    if let fault { throw UsageFault("--management: \(fault)") }
  }

  /// Asks until the run is over.
  func run(on loop: isolated ClientLoop) async {
    let client = GatewayClient(endpoint)
    while !isOver {
      await ask(client, on: loop)
      if let fault, !isOver { control.note(fault) }
      try? await Task.sleep(for: .seconds(1))
    }
    client.close(on: loop)
  }

  private func ask(_ client: GatewayClient, on loop: isolated ClientLoop) async {
    do throws(ClientFault) {
      let answer = try await client.send(
        ClientRequest("GET", "/metrics"), within: .seconds(5), on: loop)
      guard let told = Self.log(in: answer.body) else {
        return keep(nil, "/metrics: \(answer.status), no memory tables")
      }
      // At once, so that both are of the same moment.
      guard let resident = ServerUsage(pid: pid)?.residentBytes else {
        return keep(nil, "there is no process \(pid)")
      }
      keep(resident - min(resident, told), nil)
    } catch {
      // What the end of the run has cut off is no fault.
      if !isOver { keep(nil, "/metrics: \(error)") }
    }
  }

  private func keep(_ besideLog: UInt64?, _ fault: String?) {
    state.withLock { $0 = State(besideLog: besideLog, fault: fault) }
  }

  private var isOver: Bool { control.isStopped || Task.isCancelled }

  /// What an answer to `/metrics` says of the memory tables, of the blocks that go to and fro
  /// between them, and of the tail, in bytes.
  static func log(in exposition: ByteSlice) -> UInt64? {
    let lines = exposition.text.split(separator: "\n")
    let parts = ["memory_tables", "spare_blocks", "tail"].compactMap { part in
      let series = "jodrell_store_memory_bytes{part=\"\(part)\"} "
      return lines.first { $0.hasPrefix(series) }.flatMap { UInt64($0.dropFirst(series.count)) }
    }
    return parts.isEmpty ? nil : parts.reduce(0, +)
  }
}
