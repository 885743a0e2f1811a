import Bytes
import Client
import HTTPWire
import JSONText
import Network
import Synchronization

/// Two workers of one shared subscription, each receiving, working and acknowledging on its own.
final class DemoWorkers: Sendable {
  struct Done: Sendable {
    let worker: String
    let id: String
    let deliveryCount: Int
  }

  private struct State {
    var done: [Done] = []
    var faults: [String] = []
  }

  private let state = Mutex(State())
  private let client: DemoClient
  private let subscription: String

  /// - Parameter subscription: its path.
  init(_ client: DemoClient, subscription: String) {
    self.client = client
    self.subscription = subscription
  }

  /// Every event that was received and acknowledged.
  var done: [Done] { state.withLock(\.done) }
  var fault: String? { state.withLock(\.faults.first) }

  /// Lets `names` work until `count` events are acknowledged or the time is over.
  func work(_ names: [String], until count: Int, within span: TimeSpan) async {
    let deadline = Clocks.system.monotonic() + span
    await withTaskGroup(of: Void.self) { group in
      for name in names {
        group.addTask {
          while self.done.count < count, self.fault == nil, Clocks.system.monotonic() < deadline {
            await self.turn(name)
          }
        }
      }
    }
  }

  /// Receives up to three events, works on them for a moment, acknowledges them durably.
  private func turn(_ name: String) async {
    do throws(CommandFault) {
      let received = try await client.ask(
        "POST", "\(subscription)/receive", #"{"max":3,"wait":"500ms","consumer":"\#(name)"}"#)
      guard received.status == 200, let deliveries = received.json?["deliveries"] else {
        return fail("receive: \(received.status) \(received.body.text)")
      }
      var tokens: [String] = []
      var events: [Done] = []
      for delivery in deliveries.elements {
        guard let token = delivery["ackToken"]?.text,
          let id = delivery["event"]?["messageid"]?.text
        else { return fail("receive: \(received.body.text)") }
        tokens.append("\"\(token)\"")
        let count = Int(delivery["deliveryCount"]?.integer ?? 0)
        events.append(Done(worker: name, id: id, deliveryCount: count))
      }
      if tokens.isEmpty { return }
      await Pause.wait(.milliseconds(15))
      let answer = try await client.ask(
        "POST", "\(subscription)/acknowledge?durable=true",
        "{\"ackTokens\":[\(tokens.joined(separator: ","))]}")
      guard answer.status == 200, answer.json?["acknowledged"]?.integer == Int64(tokens.count)
      else { return fail("acknowledge: \(answer.status) \(answer.body.text)") }
      state.withLock { $0.done += events }
    } catch {
      fail(error.message)
    }
  }

  private func fail(_ words: String) { state.withLock { $0.faults.append(words) } }
}
