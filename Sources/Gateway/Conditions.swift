import Bytes
import Crypto
import HTTPWire
import JSONText
import Topics

/// What a representation is known by, in quotes: strong (RFC 9110 §8.8.3), made of its content, so
/// that it is the same on every gateway and after every restart.
struct EntityTag: Equatable {
  let text: ByteSlice

  /// The tag of everything that makes a representation what it is.
  init(of content: ByteSlice) {
    var tag = ByteWriter(capacity: 34)
    tag.append(ASCII.quote)
    tag.append(ByteSlice(utf8: Digest.sha256(content).hexadecimal).prefix(32))
    tag.append(ASCII.quote)
    text = tag.slice
  }

  /// The tag of what `write` writes: parts that tell one state from another.
  init(_ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    json.beginArray()
    write(&json)
    json.endArray()
    self.init(of: json.slice)
  }
}

/// The conditions of a request: `If-Match` and `If-None-Match` (RFC 9110 §13.1).
struct Conditions: Sendable {
  private enum Tags: Sendable {
    case any
    case some([(text: ByteSlice, isWeak: Bool)])
  }

  private let match: Tags?
  private let noneMatch: Tags?

  /// None.
  init() {
    match = nil
    noneMatch = nil
  }

  init(_ fields: FieldTable) throws(Refusal) {
    match = try Self.read("If-Match", fields)
    noneMatch = try Self.read("If-None-Match", fields)
  }

  /// Whether the request takes nothing for granted.
  var isEmpty: Bool { match == nil && noneMatch == nil }

  /// Refuses a change of what is no longer what the caller took it for (412).
  ///
  /// - Parameters:
  ///   - current: nil where nothing is.
  ///   - isMade: whether somebody made it; false for what can be shown without, which
  ///     `If-None-Match: *` lets pass.
  func check(_ current: EntityTag?, isMade: Bool = true) throws(Refusal) {
    try checkMatch(current)
    if let noneMatch, let current, isMade, Self.holds(noneMatch, current, weakly: true) {
      throw Refusal(
        .preconditionFailed, "If-None-Match names what is there: its tag is \(current.text)")
    }
  }

  /// Whether the caller has what it asks for already: 304.
  func isUnmodified(_ current: EntityTag) throws(Refusal) -> Bool {
    try checkMatch(current)
    return noneMatch.map { Self.holds($0, current, weakly: true) } ?? false
  }

  private func checkMatch(_ current: EntityTag?) throws(Refusal) {
    guard let match else { return }
    guard let current else {
      throw Refusal(.preconditionFailed, "If-Match is given, and nothing is there")
    }
    guard Self.holds(match, current, weakly: false) else {
      throw Refusal(
        .preconditionFailed, "If-Match does not name what is there: its tag is \(current.text)")
    }
  }

  /// Weak tags never match where bytes have to be the same (RFC 9110 §8.8.3.2).
  private static func holds(_ tags: Tags, _ current: EntityTag, weakly: Bool) -> Bool {
    switch tags {
    case .any: true
    case .some(let tags): tags.contains { $0.text == current.text && (weakly || !$0.isWeak) }
    }
  }

  // MARK: - Reading

  /// More tags than anybody has seen of one thing.
  private static let most = 32

  private static func read(_ name: StaticString, _ fields: FieldTable) throws(Refusal) -> Tags? {
    var tags: [(text: ByteSlice, isWeak: Bool)] = []
    var isGiven = false
    var isAny = false
    for index in 0..<fields.count where fields.name(at: index).equalsIgnoringCase(name) {
      let value = fields.value(at: index)
      if value.equals("*") {
        isAny = true
      } else {
        try read(value, name, into: &tags)
      }
      isGiven = true
    }
    guard isGiven else { return nil }
    guard !isAny || tags.isEmpty, isAny || !tags.isEmpty else { throw malformed(name) }
    return isAny ? .any : .some(tags)
  }

  /// Reads `"a", W/"b"`: tags hold no quotes, and may hold commas.
  private static func read(
    _ value: ByteSlice, _ name: StaticString, into tags: inout [(text: ByteSlice, isWeak: Bool)]
  ) throws(Refusal) {
    var at = 0
    while at < value.count {
      if value[at] == ASCII.comma || value[at] == ASCII.space || value[at] == 0x09 {
        at += 1
        continue
      }
      let isWeak = value.dropFirst(at).starts(with: "W/")
      if isWeak { at += 2 }
      guard at < value.count, value[at] == ASCII.quote,
        let end = value.firstIndex(of: ASCII.quote, from: at + 1), tags.count < most
      else { throw malformed(name) }
      tags.append((value[at..<(end + 1)], isWeak))
      at = end + 1
      guard at == value.count || value[at] == ASCII.comma || value[at] == ASCII.space else {
        throw malformed(name)
      }
    }
  }

  private static func malformed(_ name: StaticString) -> Refusal {
    Refusal(.badHeader, "\(name) is neither '*' nor a list of at most \(most) quoted tags")
  }
}

/// Whether the caller's own cache may answer in the gateway's stead. Nobody else's ever may.
enum Keeping {
  case never
  /// For an hour, without asking again (RFC 8246): what never changes under its name. Only a topic
  /// that was deleted and made anew gives a version's number out again.
  case long
}

/// How a change is meant: on which conditions, and whether in earnest.
struct ChangeTerms: Sendable {
  let conditions: Conditions
  /// `?dryRun=true`: answered as it would be, and nothing is changed.
  let isTrial: Bool

  /// In earnest and on no condition.
  static let unconditional = ChangeTerms(conditions: Conditions(), isTrial: false)

  private init(conditions: Conditions, isTrial: Bool) {
    self.conditions = conditions
    self.isTrial = isTrial
  }

  /// Of a call that takes no other parameters.
  init(of request: HTTPRequest) throws(Refusal) {
    var query = try QueryParameters(request.head.query)
    try self.init(of: request, &query)
    try query.finish()
  }

  /// Takes its own parameter out of a query.
  init(of request: HTTPRequest, _ query: inout QueryParameters) throws(Refusal) {
    isTrial = try query.takeFlag("dryRun") ?? false
    conditions = try Conditions(request.head.fields)
  }
}

extension GatewayResponder {
  /// The engine that a change is asked of: in a dry run one that only judges it.
  func engine(_ terms: ChangeTerms) -> Engine {
    terms.isTrial ? parts.engine.trial : parts.engine
  }

  /// Begins the answer to a change; `tag` is that of the representation as the change leaves it.
  func start(
    _ status: Int, _ terms: ChangeTerms, tag: EntityTag? = nil, _ answer: inout AnswerWriter
  ) {
    answer.start(status)
    if let tag { answer.field("ETag", tag.text) }
    if terms.isTrial { answer.field("Dry-Run", "true") }
  }

  /// The answer to a change that leaves nothing to show.
  func finishGone(_ terms: ChangeTerms, _ answer: inout AnswerWriter) -> AnswerEnd {
    start(204, terms, &answer)
    answer.finishEmpty()
    return .complete
  }

  /// Begins the answer to a `GET` of a tagged representation.
  ///
  /// - Returns: true where the caller has it already: the answer is finished, with 304.
  func startTagged(
    _ tag: EntityTag, _ request: HTTPRequest, _ answer: inout AnswerWriter,
    keeping: Keeping = .never
  ) throws(Refusal) -> Bool {
    let isUnmodified = try Conditions(request.head.fields).isUnmodified(tag)
    if keeping == .long { answer.standing = CrossOrigin.kept(answer.standing ?? noStore) }
    answer.start(isUnmodified ? 304 : 200)
    answer.field("ETag", tag.text)
    if isUnmodified { answer.finishEmpty() }
    return isUnmodified
  }
}
