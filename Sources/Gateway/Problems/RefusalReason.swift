import Authentication
import Tenancy

/// The precise reason of a refusal, for the operator's log only.
enum RefusalReason {
  static func text(_ error: any Error) -> String {
    switch error {
    case let refusal as TokenRefusal: "\(refusal.reason)"
    case let refusal as DPoPRefusal: "\(refusal.reason)"
    case let refusal as TenancyRefusal: "\(refusal.code)"
    case let refusal as Refusal: refusal.code.rawValue
    default: "\(type(of: error))"
    }
  }
}
