public import Bytes
public import Crypto
import Delivery
import HTTPWire
import JSONText
import Tenancy

/// What is recorded though nobody has asked for it just then: policies that come into force or do
/// not, and streams that end because of them.
extension AuditTrail {
  /// A policy is in force from the snapshot of that number on; later numbers are the same policy
  /// until the next such entry.
  ///
  /// - Parameter version: the SHA-256 of the configuration with all that it names.
  public func policyTaken(_ version: Digest, from snapshot: UInt64, at now: UnixTime) {
    record(
      Self.policy(.taken, at: now) { json in
        json.key("version")
        json.string(version.hexadecimal)
        json.key("policy")
        json.integer(Int(clamping: snapshot))
      })
  }

  /// A changed configuration was refused; the policy in force stays.
  ///
  /// - Parameter fault: what is wrong with it, with its place; cut after 512 bytes.
  public func policyRefused(_ fault: String, at now: UnixTime) {
    record(
      Self.policy(.refused, at: now) { json in
        json.key("reason")
        json.string(JSONPointer.cut(ByteSlice(utf8: fault), to: GatewayLimits.auditedPath))
      })
  }

  /// An open stream ends before its token does: its token or its grant is gone.
  ///
  /// - Parameters:
  ///   - id: of the request that has opened it.
  ///   - snapshot: the number of the one that decides so.
  func streamEnded(
    _ id: RequestID, at topic: TopicAddress, for end: LiveEnd, under snapshot: UInt64,
    at now: UnixTime
  ) {
    var json = JSONWriter(capacity: 512)
    json.key("time")
    json.instant(now)
    json.key("request")
    json.string(id.slice)
    json.key("operation")
    json.string("stream" as StaticString)
    json.key("object")
    json.string(topic.description)
    json.key("outcome")
    json.string(AuditOutcome.end.rawValue)
    json.key("reason")
    json.string(Self.reason(for: end))
    AuditedIdentity(scope: topic.caller).write(into: &json)
    json.key("policy")
    json.integer(Int(clamping: snapshot))
    record(json.slice)
  }

  private static func reason(for end: LiveEnd) -> StaticString {
    switch end {
    case .tokenExpired: "token_expired"
    case .superseded: "superseded"
    case .tokenWithdrawn: "token_withdrawn"
    case .unconfirmed: "auth_unavailable"
    case .grantWithdrawn: "grant_withdrawn"
    case .classesChanged: "grants_changed"
    case .failed: "failed"
    }
  }

  private static func policy(
    _ outcome: AuditOutcome, at now: UnixTime, _ details: (inout JSONWriter) -> Void
  ) -> ByteSlice {
    var json = JSONWriter(capacity: 256)
    json.key("time")
    json.instant(now)
    json.key("operation")
    json.string("policy" as StaticString)
    json.key("outcome")
    json.string(outcome.rawValue)
    details(&json)
    return json.slice
  }
}
