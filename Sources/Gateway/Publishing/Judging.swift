import Bytes
import Events
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// How events are judged.
struct Judging {
  /// Where what breaks its schema may go: see `tolerate`.
  var quarantines = true
  /// Nothing is stored: every breach is told, whatever the binding would make of it.
  var isTrial = false
  /// It has been judged before, and what was dropped from it counted.
  var isAgain = false
  /// Instead of the topic's own.
  var binding: SchemaBinding?
  /// The type of events that name none; nil: the topic's.
  var type: ByteSlice?
  /// What was compiled for them, if they had to wait for that.
  var held: HeldProgram?

  /// The event as it is judged.
  func typed(_ draft: EventDraft) -> EventDraft {
    guard let type, draft.attributes[.type] == nil else { return draft }
    var more = AttributesBuilder()
    more.set(.type, type)
    return draft.adding(more.attributes)
  }
}

extension GatewayResponder {
  /// The schema gate, with what holds for the topic. Throws `UncompiledSchema` where the version to
  /// check against is not compiled.
  ///
  /// - Parameters:
  ///   - topic: nil for one that its first event makes: nothing is bound to it.
  ///   - given: the program of the default version, where the binding does not have it.
  func check(
    _ draft: EventDraft, for topic: Engine.Topic?, at address: TopicAddress,
    _ judging: borrowing Judging = Judging(), given: ChosenSchema? = nil
  ) throws -> ConformingEvent {
    if draft.strippedAttributes > 0, given == nil, judging.held == nil, !judging.isTrial,
      !judging.isAgain
    {
      parts.server.strippedAttributes(draft.strippedAttributes)
    }
    if address.looksIntoPayloads { try address.checkOwn(draft) }
    let binding = judging.binding ?? topic?.binding
    let mustHave = mustHaveSchema(topic, binding, at: address)
    var choice = given
    do {
      guard draft.namesSchema else {
        return try SchemaGate.check(
          draft, against: address, binding: binding, requireSchema: mustHave, scratch: scratch,
          choice: choice)
      }
      do {
        if choice == nil { choice = try chosen(by: draft, of: binding, at: address, judging.held) }
      } catch let unaccepted as UnacceptedSchema {
        throw unaccepted.refusal(of: draft, scratch)
      }
      return try SchemaGate.check(
        named(draft, under: binding, choice), against: address, binding: binding,
        requireSchema: mustHave, scratch: scratch, choice: choice)
    } catch SchemaRefusal.notCompiled(let version) {
      let held = ChosenSchema(
        version: version, program: try judging.held.program(of: version, kept: nil),
        deprecated: binding?.schema(for: draft.attributes[.type])?.deprecated)
      return try check(draft, for: topic, at: address, judging, given: held)
    } catch let refusal as SchemaRefusal {
      return try settle(
        refusal, of: draft, under: binding, choice: choice, judging, at: address)
    }
  }

  /// Whether events that were judged as those of a topic that is not there yet have to be judged
  /// again: somebody else has made it meanwhile, with a schema or a wish for one.
  func hasOtherRules(_ made: Engine.Topic, at address: TopicAddress) -> Bool {
    made.binding != nil
      || mustHaveSchema(made, nil, at: address) != mustHaveSchema(nil, nil, at: address)
  }

  /// Whether what no schema is bound to is refused.
  func mustHaveSchema(
    _ topic: Engine.Topic?, _ binding: SchemaBinding?, at address: TopicAddress
  ) -> Bool {
    (binding?.takesUnchecked ?? true)
      && TopicRules(of: address.inNamespace, topic: topic?.info, in: parts.engine).requireSchema
  }

  /// What becomes of an event that the gate has refused.
  ///
  /// - Parameter choice: what it was checked against, if not the program that the binding has.
  func settle(
    _ refusal: SchemaRefusal, of draft: EventDraft, under binding: SchemaBinding?,
    choice: ChosenSchema?, _ judging: borrowing Judging, at address: TopicAddress
  ) throws -> ConformingEvent {
    do {
      if judging.isTrial { throw refusal }
      return try tolerate(
        refusal, of: draft, under: binding, choice: choice, quarantines: judging.quarantines,
        at: address, judging.held)
    } catch let refusal as SchemaRefusal {
      let version = choice?.version ?? binding?.schema(for: draft.attributes[.type])?.version
      throw RefusedPayload(refusal: refusal, address: address, version: version ?? 0)
    }
  }
}

extension TopicAddress {
  /// What the caller's grants ask of payloads. The payload is parsed for it a second time, since
  /// few policies ask.
  func checkOwn(_ draft: EventDraft) throws(TenancyRefusal) {
    let payload = try? JSONDocument(parsing: draft.payload)
    guard takes(payload) else { throw .tenantMismatch }
  }
}
