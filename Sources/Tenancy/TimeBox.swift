import Bytes
import Settings

/// From when until when a grant or a denial holds: `notBefore` is the first instant it does,
/// `until` the first it does not any more.
struct TimeBox: Sendable, Equatable {
  let notBefore: UnixTime?
  let until: UnixTime?

  /// Always.
  static let always = TimeBox(notBefore: nil, until: nil)

  private init(notBefore: UnixTime?, until: UnixTime?) {
    self.notBefore = notBefore
    self.until = until
  }

  /// Takes `notBefore` and `until` out of a grant: RFC 3339 instants, quoted.
  init(readingFrom grant: inout SettingsMapping) throws(SettingsFault) {
    notBefore = try grant.optional("notBefore").map { node throws(SettingsFault) in
      try node.instant()
    }
    let end = grant.optional("until")
    until = try end.map { node throws(SettingsFault) in try node.instant() }
    if let end, let notBefore, let until, until <= notBefore {
      throw end.fault(.invalid("'until' is not after 'notBefore'"))
    }
  }

  func contains(_ now: UnixTime) -> Bool {
    notBefore.map { $0 <= now } ?? true && until.map { now < $0 } ?? true
  }

  /// When what `contains` says changes next; `distantFuture` if never.
  func change(after now: UnixTime) -> UnixTime {
    if let notBefore, now < notBefore { return notBefore }
    if let until, now < until { return until }
    return .distantFuture
  }
}

extension SettingsNode {
  /// An instant such as "2026-12-01T00:00:00Z".
  func instant() throws(SettingsFault) -> UnixTime {
    guard let time = UnixTime(rfc3339: try bytes()) else {
      throw fault(.invalid("not an instant such as \"2026-12-01T00:00:00Z\""))
    }
    return time
  }
}
