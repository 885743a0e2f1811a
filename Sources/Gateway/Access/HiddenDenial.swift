/// A denial whose reason is none of the caller's business: it is told that there is nothing here.
/// The audit log and the gateway's own log have the reason.
struct HiddenDenial: Error {
  let reason: any Error
  /// What the caller is told besides; nil for the table's advice.
  let detail: String?

  init(_ reason: any Error, saying detail: String? = nil) {
    self.reason = reason
    self.detail = detail
  }
}
