public import Authentication
public import Bytes
import Synchronization
public import Tenancy
import Topics

/// Holds the snapshot in force, and tells the loops when another one takes its place.
///
/// Each loop keeps the snapshot it last saw and asks for the number only, once per request and per
/// turn: one load of an atomic that is hardly ever written. Whoever has new key sets or a new
/// policy calls `take`; any thread may. A request is admitted by one snapshot; a right that it uses
/// later, after its body has come or events have, is held against the one in force then (`Tenure`).
public final class AccessDesk: Sendable {
  private struct State {
    var snapshot: AccessSnapshot
    var loops: [LoopPost] = []
  }

  private let state: Mutex<State>
  private let number: Atomic<UInt64>
  private let lastPart = Atomic<UInt64>(1)

  /// The verifier and the policy have generation 1, or another below those of `nextGeneration`.
  public init(
    verifier: TokenVerifier, policy: TenancyPolicy, issuers: [ByteSlice],
    crossOrigin: CrossOrigin = .none
  ) {
    let snapshot = AccessSnapshot(
      verifier: verifier, policy: policy, issuers: issuers, crossOrigin: crossOrigin)
    number = Atomic(snapshot.generation)
    state = Mutex(State(snapshot: snapshot))
  }

  /// The number of the snapshot in force.
  public var generation: UInt64 { number.load(ordering: .acquiring) }

  /// The snapshot in force. Takes the lock: keep it until `generation` differs from its own.
  public var current: AccessSnapshot { state.withLock { $0.snapshot } }

  /// A generation that no verifier and no policy of this process has yet: for the one that is being
  /// compiled.
  public func nextGeneration() -> UInt64 {
    lastPart.add(1, ordering: .relaxed).newValue
  }

  /// Puts new parts in force, nil ones stay, and wakes every loop so that it looks at its open
  /// streams. From its return on, requests whose head has not been read yet are decided by them.
  ///
  /// - Returns: the new snapshot's number.
  @discardableResult
  public func take(
    verifier: TokenVerifier? = nil, policy: TenancyPolicy? = nil, issuers: [ByteSlice]? = nil,
    crossOrigin: CrossOrigin? = nil
  ) -> UInt64 {
    let (generation, loops) = state.withLock { state in
      state.snapshot = state.snapshot.replacing(
        verifier: verifier, policy: policy, issuers: issuers, crossOrigin: crossOrigin)
      number.store(state.snapshot.generation, ordering: .releasing)
      return (state.snapshot.generation, state.loops)
    }
    for post in loops { post {} }
    return generation
  }

  /// From now on the loop behind `post` is woken by each change.
  func wake(_ post: @escaping LoopPost) {
    state.withLock { $0.loops.append(post) }
  }
}
