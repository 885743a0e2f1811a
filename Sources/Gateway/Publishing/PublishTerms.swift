import Bytes
import HTTPWire

/// What a publish request asks for beside its event: header fields and parameters of the contract.
struct PublishTerms {
  /// All events of a batch or none.
  let isAtomic: Bool
  let isAtomicGiven: Bool
  /// `Prefer: return=minimal`: counts instead of results (RFC 7240 §4.2).
  let wantsCountsOnly: Bool

  /// - Parameter readsQuery: false where the query is another call's.
  init(_ head: borrowing RequestHead, readsQuery: Bool = true) throws(Refusal) {
    var atomic: Bool?
    if readsQuery, let text = head.query {
      var query = try QueryParameters(text)
      atomic = try query.takeFlag("atomic")
      try query.finish()
    }
    isAtomicGiven = atomic != nil
    isAtomic = atomic ?? false
    var preferences = Preferences()
    for index in 0..<head.fields.count {
      // By length and first letter: p, c, d, e and i. Hardly any other field is looked at.
      switch (head.fields.nameLength(at: index), head.fields.initial(at: index)) {
      case (6, 0x70) where head.fields.name(at: index).equalsIgnoringCase("prefer"):
        preferences.take(head.fields.value(at: index))
      case (16, 0x63) where head.fields.name(at: index).equalsIgnoringCase("content-encoding"):
        try Refusal.checkCoding(head.fields.value(at: index))
      case (10...15, 0x64), (10...15, 0x65), (10...15, 0x69), (10...15, 0x70):
        let name = head.fields.name(at: index)
        for later in Self.later where name.equalsIgnoringCase(later) {
          throw Refusal(.notSupported, "the header field \(later) is not supported yet")
        }
      default: break
      }
    }
    // Unknown preferences are ignored (RFC 7240 §2).
    guard preferences["respond-async"] == nil else {
      throw Refusal(.notSupported, "Prefer: respond-async is not supported yet")
    }
    wantsCountsOnly = preferences["return"] == "minimal"
  }

  /// Header fields of the contract whose features are not built yet: 10 to 15 letters long,
  /// beginning with d, e, i or p.
  private static let later: [StaticString] = [
    "Deliver-At", "Deliver-After", "Idempotency-Key", "Producer-Id", "Producer-Epoch",
    "Producer-Seq", "Expected-Last",
  ]
}
