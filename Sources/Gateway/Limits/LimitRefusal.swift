import Bytes
import HTTPWire
import Metrics
import Tenancy

/// The bound that a request met, as `RateLimit-Policy` and `RateLimit` tell it
/// (draft-ietf-httpapi-ratelimit-headers).
struct RateLimitFacts: Sendable {
  let limit: LimitName
  /// How much is allowed, and in how many seconds; nil for what is counted at once.
  let quota: Int64
  let window: Int64?
  /// The unit where it is not requests or events.
  let unit: StaticString?
  /// Seconds until there is something again.
  let reset: Int64?

  /// Writes both fields: nothing is left of the bound.
  func write(_ answer: inout AnswerWriter) {
    var policy = ByteWriter(capacity: 64)
    append(name: limit, to: &policy)
    policy.append(";q=")
    policy.append(decimal: UInt64(max(quota, 0)))
    if let unit {
      policy.append(";qu=\"")
      policy.append(unit)
      policy.append("\"")
    }
    if let window {
      policy.append(";w=")
      policy.append(decimal: UInt64(max(window, 0)))
    }
    answer.field("RateLimit-Policy", policy.slice)
    var left = ByteWriter(capacity: 64)
    append(name: limit, to: &left)
    left.append(";r=0")
    if let reset {
      left.append(";t=")
      left.append(decimal: UInt64(max(reset, 0)))
    }
    answer.field("RateLimit", left.slice)
  }

  private func append(name: LimitName, to text: inout ByteWriter) {
    text.append("\"")
    text.append(name.label)
    text.append("\"")
  }
}

extension Refusal {
  /// A rate that is used up for now.
  init(limitedBy limit: LimitName, _ rate: Rate, wait: TimeSpan) {
    let unit = limit.countsBytes ? "bytes" : limit.countsEvents ? "events" : "requests"
    self.init(
      limit == .addressTokens ? .authRateLimited : .rateLimited,
      "the limit '\(limit.label)' is \(rate.count) \(unit) in \(rate.span.text)")
    retryAfter = wait
    rateLimit = RateLimitFacts(
      limit: limit, quota: rate.count, window: rate.span.nanoseconds / 1_000_000_000,
      unit: limit.countsBytes ? "content-bytes" : nil, reset: wait.wholeSeconds)
    self = with("limit", "\(limit.label)")
  }

  /// The log does not keep up, and the tenant's part of the places before it is taken.
  init(beyondShareOf weight: Int, among weights: Int) {
    let limit = LimitName.tenantShare
    self.init(
      .rateLimited,
      "the gateway is busy, and your tenant's part, \(weight) of \(weights), is taken")
    retryAfter = .seconds(1)
    rateLimit = RateLimitFacts(
      limit: limit, quota: Int64(FairShare.places * weight / max(weights, 1)), window: nil,
      unit: "concurrent-requests", reset: 1)
    self = with("limit", "\(limit.label)")
  }

  /// As many issuers are asked about unknown tokens of the address as may be at once.
  init(tooManyQuestions most: Int) {
    let limit = LimitName.addressQuestions
    self.init(
      .authRateLimited, "the limit '\(limit.label)' is \(most) at once: the token was not looked at"
    )
    retryAfter = .seconds(1)
    rateLimit = RateLimitFacts(
      limit: limit, quota: Int64(most), window: nil, unit: "concurrent-requests", reset: 1)
    self = with("limit", "\(limit.label)")
  }

  /// As many streams as are allowed are open.
  init(tooManyStreams limit: LimitName, most: Int) {
    self.init(.tooManyStreams, "the limit '\(limit.label)' is \(most) at once")
    retryAfter = .seconds(5)
    rateLimit = RateLimitFacts(
      limit: limit, quota: Int64(most), window: nil, unit: "concurrent-requests", reset: nil)
    self = with("limit", "\(limit.label)")
  }

  /// As much is stored as is allowed.
  init(quotaUsedUp limit: LimitName, most: Int64) {
    self.init(.quotaExceeded, "the limit '\(limit.label)' is \(most) bytes")
    retryAfter = .seconds(60)
    rateLimit = RateLimitFacts(
      limit: limit, quota: most, window: nil, unit: "content-bytes", reset: nil)
    self = with("limit", "\(limit.label)")
  }
}

extension LimitName {
  fileprivate var countsBytes: Bool {
    switch self {
    case .tenantBytes, .principalBytes, .namespaceBytes, .topicBytes, .addressBytes,
      .tenantStorage, .namespaceStorage:
      true
    default: false
    }
  }

  fileprivate var countsEvents: Bool {
    switch self {
    case .tenantEvents, .principalEvents, .namespaceEvents, .topicEvents, .addressEvents: true
    default: false
    }
  }
}

extension TimeSpan {
  /// In seconds, rounded up, at least one.
  fileprivate var wholeSeconds: Int64 { max(1, (nanoseconds + 999_999_999) / 1_000_000_000) }
}
