import Bytes
import Events
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// `POST …/{topic}/schema/validate`: the way of publishing up to the log, and not into it.
extension GatewayResponder {
  /// What publishing the body would say of each of its events: the same media types, modes and
  /// attributes, the same refusals. Only what breaks the schema is no refusal here but the answer.
  func validatePayload(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    var judging = Judging(isTrial: true)
    judging.type = query.take("type")
    let subject = try query.takeSubject()
    let number = try query.takeNumber("version", in: 1...Int(Int32.max))
    try query.finish()
    // What publishing does not take is not taken here.
    _ = try PublishTerms(request.head, readsQuery: false)
    let address = try admit(request, to: reference, forAnyOf: [.publish, .manage, .subscribe])
      .detached
    guard let topic = parts.engine.open(address) else { throw Refusal(.notFound) }
    let isChosen = subject != nil || number != nil
    if isChosen { _ = try parts.engine.schemaBook(of: address).wanted(number, of: subject) }
    let envelope = try read(request.head, request.id, address.stamp(on: shelf))
    let most =
      switch envelope.mode {
      case .lines, .batch: GatewayLimits.batch
      case .binary, .structured: GatewayLimits.event
      }
    let body = try await body(of: request, upTo: most, for: address)
    // Nothing is compiled for a body that has not come, and held until it has.
    if isChosen { judging.binding = try await binding(to: number, of: subject, at: address) }
    switch envelope.mode {
    case .lines, .batch:
      var batch = try await judge(body, envelope, for: topic, at: address, judging)
      try await checkDeferred(&batch, for: topic, at: address, judging)
      return finish(batch, &answer)
    case .binary, .structured:
      let draft = judging.typed(try await draft(of: body, envelope))
      let enforcement = (judging.binding ?? topic.binding)?
        .schema(for: draft.attributes[.type])?.enforcement
      do {
        let event = try await judge(draft, for: topic, at: address, judging)
        return verdict(true, event.schemaVersion, nil, enforcement, &answer)
      } catch let refused as RefusedPayload {
        guard case .violations = refused.refusal else { throw refused }
        let refusal = Refusal(refused.within(body, draft.payload))
        return verdict(false, refused.version, refusal, enforcement, &answer)
      }
    }
  }

  private func judge(
    _ draft: EventDraft, for topic: Engine.Topic, at address: TopicAddress, _ judging: Judging
  ) async throws -> ConformingEvent {
    guard draft.payload.count <= GatewayLimits.eventOnLoop else {
      return try await checkAside(draft, for: topic, at: address, judging)
    }
    return try await compiling(nil, judging, at: address) {
      try check(draft, for: topic, at: address, $0)
    }
  }

  /// Binds every event to one version: by its number, else the default one of a line.
  private func binding(
    to number: Int?, of subject: SchemaSubject?, at address: TopicAddress
  ) async throws -> SchemaBinding {
    let book = parts.engine.schemaBook(of: address)
    let stored = try book.wanted(number, of: subject)
    return SchemaBinding(
      BoundSchema(
        subject: stored.subject, version: stored.version,
        in: ProgramCell(holding: try await program(of: stored, in: book, at: address)),
        deprecated: stored.deprecated, enforcement: .enforce, choices: []))
  }

  private func verdict(
    _ isValid: Bool, _ version: UInt32, _ refusal: Refusal?, _ enforcement: SchemaEnforcement?,
    _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("valid")
      json.bool(isValid)
      json.key("schemaVersion")
      if version == 0 { json.null() } else { json.integer(Int(version)) }
      json.key("enforcement")
      if let enforcement { json.string(enforcement.name) } else { json.null() }
      json.key("errors")
      json.beginArray()
      for fault in refusal?.faults ?? [] { json.raw(fault) }
      json.endArray()
      if refusal?.faultsTruncated == true {
        json.key("truncated")
        json.bool(true)
      }
      json.endObject()
    }
  }

  private func finish(_ batch: Batch, _ answer: inout AnswerWriter) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("valid")
      json.bool(!batch.hasRefusals)
      json.key("checked")
      json.integer(batch.items.count)
      json.key("refused")
      json.integer(batch.rejected)
      json.key("results")
      json.beginArray()
      for (index, item) in batch.items.enumerated() {
        json.beginObject()
        json.key("index")
        json.integer(index)
        json.key("valid")
        switch item {
        case .waiting(let event):
          json.bool(true)
          json.key("schemaVersion")
          if event.schemaVersion == 0 {
            json.null()
          } else {
            json.integer(Int(event.schemaVersion))
          }
        case .refused(let refusal):
          json.bool(false)
          json.key("error")
          refusal.write(instance: nil, into: &json)
        case .deferred, .stored, .quarantined: json.bool(false)
        }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}
