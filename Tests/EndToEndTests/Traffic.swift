import Synchronization

/// Publishers that go on until they are told to end.
final class Traffic: Sendable {
  private struct State {
    var token: String
    var isOver = false
    var served = 0
    var refusals: [Int] = []
  }

  private let state: Mutex<State>

  init(token: String) { state = Mutex(State(token: token)) }

  var served: Int { state.withLock { $0.served } }
  var refusals: [Int] { state.withLock { $0.refusals } }

  func use(_ token: String) { state.withLock { $0.token = token } }
  func end() { state.withLock { $0.isOver = true } }

  func run(on gateway: GatewayChild) async throws {
    while let token = state.withLock({ $0.isOver ? nil : $0.token }) {
      let answer = try await gateway.send(
        "POST", "/v1/topics/~/orders/events", token: token, body: "{}")
      state.withLock { state in
        if answer.status == 201 { state.served += 1 } else { state.refusals.append(answer.status) }
      }
    }
  }

  /// Waits until 40 more events have been taken, or one refused.
  func goOn() async throws {
    let goal = served + 40
    while served < goal, refusals.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
  }
}
