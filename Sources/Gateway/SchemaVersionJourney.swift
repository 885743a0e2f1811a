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
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
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
      try await edit(address, .setDefault(version: stored.version), of: book, change)
    }
    start(200, change, tag: EntityTag(stored), &answer)
    return finish(&answer) { json in
      write(stored, isDefault: true, warnings: nil, into: &json)
    }
  }

  /// `PATCH …/{topic}/schemas/{version}` `{"state":"deprecated"}`: deprecates a version, or makes a
  /// deprecated or softly deleted one active again.
  func patchSchemaVersion(
    _ version: ByteSlice, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try ChangeTerms(of: request)
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    var members = try BodyMembers(parsing: body)
    guard let word = try members.takeText("state"), let state = SchemaState(named: word.text),
      state.isLive
    else { throw members.wrong("state", "'active' or 'deprecated'; DELETE deletes") }
    try members.finish()
    let before = parts.engine.schemaBook(of: address)
    guard let number = UInt32(decimal: version), let known = before.version(number) else {
      throw Refusal(.notFound)
    }
    try change.conditions.check(EntityTag(known))
    let book = try await edit(
      address, .setState(version: number, state), of: before, change)
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
    let scope = try admit(request, reference.tenant)
    let address = try scope.address(of: reference, for: .manage).detached
    let book = parts.engine.schemaBook(of: address)
    guard let number = UInt32(decimal: version), let stored = book.version(number),
      isPermanent || stored.state.isLive
    else { throw Refusal(.notFound) }
    try change.conditions.check(EntityTag(stored))
    try await edit(
      address, isPermanent ? .remove(version: number) : .setState(version: number, .deleted),
      of: book, change)
    return finishGone(change, &answer)
  }
}
