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
  init(_ request: HTTPRequest, readsQuery: Bool = true) throws(Refusal) {
    var atomic: Bool?
    if readsQuery, let text = request.head.query {
      var query = try QueryParameters(text)
      atomic = try query.takeFlag("atomic")
      try query.finish()
    }
    isAtomicGiven = atomic != nil
    isAtomic = atomic ?? false
    var preferences = Preferences()
    let fields = request.head.fields
    for index in 0..<fields.count {
      let length = fields.nameLength(at: index)
      guard length == 6 || (10...16).contains(length) else { continue }
      let name = fields.name(at: index)
      switch length {
      case 6 where name.equalsIgnoringCase("prefer"):
        preferences.take(fields.value(at: index))
      case 16 where name.equalsIgnoringCase("content-encoding"):
        try Refusal.checkCoding(fields.value(at: index))
      // The others of these lengths begin with other letters.
      case 10...15 where Self.mayBeLater(name[0] | 0x20):
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

  /// Header fields of the contract whose features are not built yet.
  private static let later: [StaticString] = [
    "Deliver-At", "Deliver-After", "Idempotency-Key", "Producer-Id", "Producer-Epoch",
    "Producer-Seq", "Expected-Last",
  ]

  /// Whether one of their names begins with this lower-case letter: d, e, i or p.
  private static func mayBeLater(_ initial: UInt8) -> Bool {
    initial == 0x64 || initial == 0x65 || initial == 0x69 || initial == 0x70
  }
}
