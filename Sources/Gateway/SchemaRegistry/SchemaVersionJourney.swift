import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// Single versions of a topic's schemas: which is the default, deprecate, delete, bring back.
extension GatewayResponder {
  /// `GET …/{topic}/schema/default`: what is known of a line's default version.
  func getSchemaDefault(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let subject = try query.takeSubject() ?? .topic
    try query.finish()
    let address = try readable(reference, request)
    guard let stored = parts.engine.schemaBook(of: address).defaultVersion(of: subject) else {
      throw Refusal(.notFound)
    }
    guard try !startTagged(EntityTag(stored), request, &answer) else { return .complete }
    return finish(&answer) { json in
      write(stored, isDefault: true, warnings: nil, into: &json)
    }
  }

  /// `PUT …/{topic}/schema/default` `{"version":2}`: makes a version its line's default, forward or
  /// back. It was judged when it was registered, so nothing is judged anew.
  func putSchemaDefault(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: address)
    var members = try BodyMembers(parsing: body)
    guard let number = try members.takeNumber("version", in: 1...Int64(UInt32.max)) else {
      throw members.wrong("version", "the number of a version")
    }
    try members.finish()
    let book = parts.engine.schemaBook(of: address)
    guard let stored = book.version(UInt32(number)) else { throw Refusal(.notFound) }
    try change.conditions.check(
      book.defaultVersion(of: stored.subject).map { EntityTag($0) })
    if book.defaults[stored.subject] != stored.version {
      // What does not compile any more cannot guard the topic.
      _ = try await program(of: stored, in: book, at: address, keeping: !change.isTrial)
      try await edit(address, .setDefault(version: stored.version), of: book, change, tenure)
    }
    start(200, change, tag: EntityTag(stored), &answer)
    return finish(&answer) { json in
      write(stored, isDefault: true, warnings: nil, into: &json)
    }
  }

  /// `PATCH …/{topic}/schemas/{version}` `{"state":"deprecated"}`, with `reason` and `sunset` if
  /// there is something to say: deprecates a version, or makes a deprecated or softly deleted one
  /// active again.
  func patchSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: address)
    var members = try BodyMembers(parsing: body)
    guard let word = try members.takeText("state"), let state = SchemaState(named: word.text),
      state.isLive
    else { throw members.wrong("state", "'active' or 'deprecated'; DELETE deletes") }
    let notice = try SchemaNotice(reading: &members)
    guard state == .deprecated || notice == .none else {
      throw Refusal(.badParameter, "'/reason' and '/sunset' are about deprecated versions")
    }
    try members.finish()
    let before = parts.engine.schemaBook(of: address)
    guard let number = UInt32(decimal: version), let known = before.version(number) else {
      throw Refusal(.notFound)
    }
    try change.conditions.check(EntityTag(known))
    let book = try await edit(
      address, .setState(version: number, state, notice), of: before, change, tenure)
    guard let stored = book.version(number) else { throw Refusal(.notFound) }
    start(200, change, tag: EntityTag(stored), &answer)
    return finish(&answer) { json in
      write(
        stored, isDefault: book.defaults[stored.subject] == number, warnings: nil, into: &json)
    }
  }

  /// `DELETE …/{topic}/schemas/{version}`: softly, or with `permanent=true` for good.
  func deleteSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let change = try ChangeTerms(of: request, &query)
    let isPermanent = try query.takeFlag("permanent") ?? false
    try query.finish()
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let book = parts.engine.schemaBook(of: address)
    guard let number = UInt32(decimal: version), let stored = book.version(number),
      isPermanent || stored.state.isLive
    else { throw Refusal(.notFound) }
    try change.conditions.check(EntityTag(stored))
    try await edit(
      address, isPermanent ? .remove(version: number) : .setState(version: number, .deleted),
      of: book, change, tenure)
    return finishGone(change, &answer)
  }
}

extension SchemaNotice {
  /// Takes `reason` and `sunset` out of a body.
  fileprivate init(reading members: inout BodyMembers) throws(Refusal) {
    let reason = try members.takeText("reason")
    guard reason?.count ?? 0 <= SchemaLimits.noticeBytes else {
      throw members.wrong("reason", "a text of at most \(SchemaLimits.noticeBytes) bytes")
    }
    var sunset: UnixTime?
    if let text = try members.takeText("sunset") {
      sunset = UnixTime(rfc3339: text)
      guard sunset != nil else { throw members.wrong("sunset", "an instant (RFC 3339)") }
    }
    self.init(reason: reason ?? .empty, sunset: sunset)
  }

  /// Writes the members that say something.
  func write(into json: inout JSONWriter) {
    if !reason.isEmpty {
      json.key("reason")
      json.string(reason)
    }
    if let sunset {
      json.key("sunset")
      json.instant(sunset)
    }
  }
}
