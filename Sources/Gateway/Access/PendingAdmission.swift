import Authentication
import Bytes
import HTTPWire
import Metrics
import Synchronization

/// The caller may be known in a moment: somebody has to be asked first. The request is served anew
/// when the answer is there, or refused as `otherwise` says.
struct PendingAdmission: Error {
  let otherwise: any Error
  /// What the caller is told in the end where `otherwise` is none of its business.
  private var hidden: (any Error)?
  /// Begins to ask; calls back once.
  let begin: @Sendable (_ done: @escaping @Sendable () -> Void) -> Void

  /// How long a request waits at most.
  static let patience = TimeSpan.seconds(3)

  init(
    otherwise: any Error,
    _ begin: @escaping @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
  ) {
    self.otherwise = otherwise
    self.begin = begin
  }

  /// What its caller is told when nobody is asked any more.
  var told: any Error { hidden ?? otherwise }

  /// The same with another answer in the end; what is counted stays.
  func telling(_ error: any Error) -> PendingAdmission {
    var copy = self
    copy.hidden = error
    return copy
  }
}

extension GatewayResponder {
  /// Waits until somebody has been asked, or the request's patience is over.
  func wait(for pending: PendingAdmission) async {
    var timer: TimerToken?
    let post = timers.post
    await withCheckedContinuation { (waiting: CheckedContinuation<Void, Never>) in
      let once = OneResumption(waiting)
      timer = timers.schedule(at: timers.now + PendingAdmission.patience) {
        once.resume(returning: ())
      }
      pending.begin { post { once.resume(returning: ()) } }
    }
    if let timer { timers.cancel(timer) }
  }
}

/// A waiting task that two may resume: the first one does.
final class OneResumption<Answer: Sendable>: Sendable {
  private let waiting: Mutex<CheckedContinuation<Answer, Never>?>

  init(_ waiting: CheckedContinuation<Answer, Never>) { self.waiting = Mutex(waiting) }

  func resume(returning answer: Answer) {
    let waiting = waiting.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    waiting?.resume(returning: answer)
  }
}

extension TokenReason {
  /// The counter that a refused proof of possession belongs to.
  init(_ refusal: DPoPRefusal) {
    switch refusal {
    case .replayed: self = .replayed
    default: self = .possession
    }
  }

  /// The counter that a refusal belongs to.
  init(_ refusal: TokenRefusal) {
    switch refusal {
    case .tooLarge, .parts, .encoding, .json, .headerMember, .extensionMember: self = .malformed
    case .type, .notForAccess: self = .tokenType
    case .issuer: self = .unknownIssuer
    case .algorithm, .algorithmOfKey: self = .algorithm
    case .key, .keyAmbiguous: self = .unknownKey
    case .signature: self = .signature
    case .claim, .requirement: self = .claims
    case .bound: self = .possession
    case .revoked, .inactive: self = .revoked
    case .audience: self = .audience
    case .expired: self = .expired
    case .notYetValid, .issuedAhead: self = .notYetValid
    case .lifetime: self = .lifetime
    }
  }
}
