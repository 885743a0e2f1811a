import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// How a topic's events are bound to its schemas: show, set, forget.
extension GatewayResponder {
  /// `GET …/{topic}/schema/binding`.
  func getSchemaBinding(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let address = try readable(reference, request)
    guard parts.engine.topic(address) != nil else { throw Refusal(.notFound) }
    let book = parts.engine.schemaBook(of: address)
    let tag = EntityTag(binding: book, of: address)
    guard try !startTagged(tag, request, &answer) else { return .complete }
    return write(book, of: address, &answer)
  }

  /// `PUT …/{topic}/schema/binding`: replaces the binding as a whole.
  func putSchemaBinding(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: address)
    let terms = try SchemaBindingTerms(reading: body)
    if terms.quarantines { try checkQuarantine(terms, of: address, in: address.caller) }
    let known = parts.engine.schemaBook(of: address)
    let isNew = known.terms == nil
    try change.conditions.check(EntityTag(binding: known, of: address), isMade: !isNew)
    try checkMaking(address)
    var book = known
    // A refused binding leaves no topic behind.
    _ = try book.apply(.bind(terms), at: nil, now: request.receivedAt) { _ in false }
    if try await prepareTopic(address, change) {
      book = try await edit(address, .bind(terms), of: known, change, tenure)
    }
    start(isNew ? 201 : 200, change, tag: EntityTag(binding: book, of: address), &answer)
    return write(book, of: address, &answer)
  }

  /// `DELETE …/{topic}/schema/binding`: every event is checked against the line `default` again.
  func deleteSchemaBinding(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let change = try ChangeTerms(of: request)
    let address = try admit(request, to: reference, for: Right.schema).detached
    let tenure = tenure(of: address)
    let book = parts.engine.schemaBook(of: address)
    guard book.terms != nil else { throw Refusal(.notFound) }
    try change.conditions.check(EntityTag(binding: book, of: address))
    try await edit(address, .bind(nil), of: book, change, tenure)
    return finishGone(change, &answer)
  }

  /// Publishers need no grant on the quarantine topic; whoever sends them there needs `manage`.
  private func checkQuarantine(
    _ terms: SchemaBindingTerms, of address: TopicAddress, in scope: TenantScope
  ) throws {
    guard let name = terms.quarantine(of: address.topic) else {
      throw Refusal(
        .badParameter, "'/quarantine' is needed: the topic's name and '-quarantine' is too long")
    }
    guard name != address.topic else {
      throw Refusal(.badParameter, "'/quarantine' is the topic itself")
    }
    _ = try scope.address(
      of: TopicReference(tenant: address.tenant, namespace: address.namespace, topic: name),
      for: .manage)
  }

  private func write(
    _ book: SchemaBook, of address: TopicAddress, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    finish(&answer) { json in
      json.beginObject()
      book.writeBinding(of: address, into: &json)
      json.key("revision")
      json.integer(book.revision)
      json.endObject()
    }
  }
}

extension SchemaBook {
  /// Writes the members that tell how a topic's events are bound.
  fileprivate func writeBinding(of address: TopicAddress, into json: inout JSONWriter) {
    let terms = self.terms ?? SchemaBindingTerms()
    json.key("rules")
    json.beginArray()
    for rule in terms.rules { rule.write(defaults[rule.subject], into: &json) }
    json.endArray()
    json.key("unmatched")
    if terms.rules.isEmpty {
      json.null()
    } else {
      json.string(terms.unmatched == .reject ? "reject" as StaticString : "allow")
    }
    json.key("enforcement")
    json.string(terms.enforcement.name)
    json.key("quarantine")
    if let name = terms.quarantine(of: address.topic) {
      json.string(name.bytes)
    } else {
      json.null()
    }
    json.key("lint")
    json.string(terms.lint.name)
  }
}

extension EntityTag {
  /// Of how a topic's events are bound to its schemas, default versions included.
  init(binding book: SchemaBook, of address: TopicAddress) {
    self.init { json in
      json.string("\(address)")
      json.beginObject()
      book.writeBinding(of: address, into: &json)
      json.endObject()
    }
  }
}

extension SchemaBindingTerms {
  /// Reads the body of a `PUT`.
  fileprivate init(reading body: ByteSlice) throws {
    var members = try BodyMembers(parsing: body)
    self.init()
    if let rules = members.take("rules") {
      guard rules.kind == .array, rules.count <= SchemaLimits.bindingRules else {
        throw members.wrong("rules", "an array of at most \(SchemaLimits.bindingRules) rules")
      }
      for (index, node) in rules.elements.enumerated() {
        self.rules.append(try Rule(reading: node, at: "/rules/\(index)"))
        try checkReach(of: index)
      }
    }
    if let word = try members.takeText("unmatched") {
      guard word.equals("reject") || word.equals("allow") else {
        throw members.wrong("unmatched", "'reject' or 'allow'")
      }
      // Without rules every event belongs to the line `default`: none is left unmatched.
      guard !self.rules.isEmpty else {
        throw Refusal(
          .badParameter, "'/unmatched' is about events that no rule fits: give '/rules'")
      }
      unmatched = word.equals("reject") ? .reject : .allow
    }
    enforcement = try members.takeEnforcement() ?? .enforce
    if let name = try members.takeText("quarantine") {
      guard let name = Name(name) else { throw members.wrong("quarantine", "a topic's name") }
      quarantine = name.detached
    }
    if let word = try members.takeText("lint") {
      guard let mode = SchemaLintMode(named: word.text) else {
        throw members.wrong("lint", "'warn' or 'strict'")
      }
      lint = mode
    }
    try members.finish()
  }

  /// Refuses a rule that an earlier one leaves nothing.
  private func checkReach(of index: Int) throws(Refusal) {
    let type = rules[index].type
    for (earlier, rule) in rules[..<index].enumerated() where rule.covers(type) {
      throw Refusal(
        .badParameter, "'/rules/\(index)' can never fit: '/rules/\(earlier)' fits before it")
    }
  }
}

extension SchemaBindingTerms.Rule {
  private static let longestType = 256

  fileprivate init(reading node: JSONNode, at place: String) throws(Refusal) {
    var members = try BodyMembers(node, at: place)
    guard let when = members.take("when") else {
      throw members.wrong("when", "an object like {\"type\":\"order.*\"}")
    }
    var condition = try BodyMembers(when, at: place + "/when")
    guard let type = try condition.takeText("type"), !type.isEmpty,
      type.count <= Self.longestType,
      type.firstIndex(of: 0x2A).map({ $0 == type.count - 1 }) ?? true
    else { throw condition.wrong("type", "a type of at most 256 bytes, '*' at its end only") }
    try condition.finish()
    guard let name = try members.takeText("schema"), let subject = SchemaSubject(name) else {
      throw members.wrong("schema", "the name of one of the topic's lines of versions")
    }
    var versions: SchemaVersionRange?
    if let text = try members.takeText("versions") {
      versions = SchemaVersionRange(parsing: text.text)
      if versions == nil {
        throw members.wrong("versions", "a range like '*', '3', '>=2' or '2-5'")
      }
    }
    let enforcement = try members.takeEnforcement()
    try members.finish()
    self.init(
      type: ByteSlice(copying: type.span), subject: subject.detached, versions: versions,
      enforcement: enforcement)
  }

  /// Whether every type that `other` fits, this fits too.
  fileprivate func covers(_ other: ByteSlice) -> Bool {
    guard type[type.count - 1] == 0x2A else { return type == other }
    let start = type.prefix(type.count - 1)
    let end = other[other.count - 1] == 0x2A ? other.count - 1 : other.count
    return end >= start.count && other.prefix(start.count) == start
  }

  fileprivate func write(_ current: UInt32?, into json: inout JSONWriter) {
    json.beginObject()
    json.key("when")
    json.beginObject()
    json.key("type")
    json.string(type)
    json.endObject()
    json.key("schema")
    json.string(subject.bytes)
    json.key("default")
    if let current { json.integer(Int(current)) } else { json.null() }
    if let versions {
      json.key("versions")
      json.string(versions.text)
    }
    if let enforcement {
      json.key("enforcement")
      json.string(enforcement.name)
    }
    json.endObject()
  }
}

extension BodyMembers {
  fileprivate mutating func takeEnforcement() throws(Refusal) -> SchemaEnforcement? {
    guard let word = try takeText("enforcement") else { return nil }
    guard let mode = SchemaEnforcement(named: word.text) else {
      throw wrong("enforcement", "'enforce', 'warn' or 'quarantine'")
    }
    return mode
  }
}
