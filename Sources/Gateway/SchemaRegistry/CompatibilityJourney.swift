import Bytes
import HTTPWire
public import JSONText
import Metrics
public import Schemas
import Tenancy
import Topics

/// Whether a changed schema may follow: asked without registering, and while registering.
extension GatewayResponder {
  /// `POST …/{topic}/schema/check`: what registering the body would come to, and whether events of
  /// publishers that still follow the version in force would be refused.
  func checkSchema(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let wished = try query.takeSubject()
    try query.finish()
    let address = try admit(request, to: reference, forAnyOf: [.manage, .publish]).detached
    let subject = try line(wished, of: address)
    let terms = try SchemaTerms(contentType: request.head.fields.first("content-type"))
    let text = try await body(of: request, upTo: SchemaLimits.sourceBytes, for: address)
    let judgement = try await judge(
      SchemaDraft(text: ByteSlice(copying: text.span), terms: terms, subject: subject),
      at: address)
    let (report, known) = (judgement.report, judgement.identical)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("compatible")
      json.verdict(report.isCompatible)
      json.key("identical")
      if let known { json.integer(Int(known.version)) } else { json.null() }
      report.write(into: &json)
      json.key("publishers")
      if let (version, verdict) = judgement.publishers {
        json.beginObject()
        json.key("version")
        json.integer(Int(version))
        json.key("refused")
        json.verdict(verdict.isIncluded.map { !$0 })
        // Events that name a version are checked against that one.
        json.key("mayName")
        json.bool(parts.engine.schemaBook(of: address).mayBeNamed(version, of: subject))
        json.key("reasons")
        json.beginArray()
        for reason in verdict.reasons {
          reason.write(version, .backward, into: &json)
        }
        json.endArray()
        json.key("counterexample")
        json.counterexample(verdict.counterexample)
        json.endObject()
      } else {
        json.null()
      }
      json.endObject()
    }
  }

  /// How a text stands to the versions of its line, found out by a worker at once.
  func judge(_ draft: SchemaDraft, at address: TopicAddress) async throws -> SchemaJudgement {
    try await againWhenChanged {
      let work = try await work(on: draft.subject, at: address)
      return try await inOneTurn(of: address.caller) {
        try work.renewed(for: draft.subject).judgement(of: draft)
      }
    }
  }

  /// What a worker needs to hold a text against the versions of its line.
  func work(
    on subject: SchemaSubject, at address: TopicAddress
  ) async throws(CatalogueFailure) -> SchemaWork<Engine> {
    let book = parts.engine.schemaBook(of: address)
    let retained =
      book.hasDeleted(subject) ? try await parts.engine.retainedSchemas(of: address) : []
    return SchemaWork(
      engine: parts.engine, address: address.detached, book: book, retained: retained)
  }

  /// Leaves a line in the log where an operator answers for what is not decided.
  func noteOverride(
    _ report: CompatibilityReport, _ address: TopicAddress, _ request: HTTPRequest
  ) {
    var id = ByteWriter(capacity: 32)
    request.id.append(to: &id)
    parts.log.log(
      .warning, "schema compatibility overridden",
      [
        "request": .bytes(id.slice), "topic": .text("\(address)"),
        "principal": .bytes(address.caller.principal), "level": .text("\(report.terms.level.word)"),
        "policy": .text(report.terms.policy.name),
        "undecided": .text(
          report.comparisons.flatMap(\.verdict.reasons).prefix(4).map(\.reader.pointer)
            .joined(separator: " ")),
      ])
  }

  func compatibilityTerms(of address: TopicAddress) -> SchemaRegistration.Terms {
    SchemaRegistration.Terms(of: address, in: parts.engine)
  }
}

extension Refusal {
  /// The table's entry for a schema that may not follow.
  init(_ code: ProblemCode, _ report: CompatibilityReport) {
    let word = report.terms.level.word
    let detail =
      code == .schemaUndecided
      ? "whether the schema keeps to \(word) is not decided; an operator may register it with "
        + "?override=true"
      : "the schema does not keep to \(word)" + report.firstReason
    var reasons = JSONWriter()
    report.writeReasons(into: &reasons)
    var example = JSONWriter()
    example.counterexample(report.counterexample)
    self = Refusal(code, detail)
      .with("level", "\(word)")
      .with("policy", report.terms.policy.name)
      .with("reasons", json: reasons.slice)
      .with("counterexample", json: example.slice)
  }
}

extension CompatibilityReport {
  /// Writes the members `level`, `policy`, `versions`, `reasons` and `counterexample`.
  public func write(into json: inout JSONWriter) {
    json.key("level")
    json.string(terms.level.word)
    json.key("policy")
    json.string(terms.policy.name)
    json.key("versions")
    json.beginArray()
    var seen: Set<UInt32> = []
    for comparison in comparisons where seen.insert(comparison.version).inserted {
      json.integer(Int(comparison.version))
    }
    json.endArray()
    json.key("reasons")
    writeReasons(into: &json)
    json.key("counterexample")
    json.counterexample(counterexample)
  }

  func writeReasons(into json: inout JSONWriter) {
    json.beginArray()
    for comparison in comparisons {
      for reason in comparison.verdict.reasons {
        reason.write(comparison.version, comparison.direction, into: &json)
      }
    }
    json.endArray()
  }

  /// Where it fails first, to follow a sentence; empty where there is nothing to say.
  var firstReason: String {
    for comparison in comparisons where comparison.verdict.isIncluded != true {
      guard let reason = comparison.verdict.reasons.first else { continue }
      let place = comparison.direction == .backward ? reason.reader : reason.writer
      return "; first: \(place.pointer) \(reason.message)"
    }
    return ""
  }

  var counterexample: ByteSlice? {
    comparisons.lazy.compactMap(\.verdict.counterexample).first
  }
}

extension Incompatibility {
  /// Writes an element of `reasons`; `pointer` is the place in the candidate.
  func write(
    _ version: UInt32, _ direction: CompatibilityReport.Direction, into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("pointer")
    json.string(direction == .backward ? reader.pointer : writer.pointer)
    json.key("rule")
    json.string(rule)
    json.key("message")
    json.string(message)
    json.key("version")
    json.integer(Int(version))
    json.key("direction")
    json.string(direction.name)
    json.key("instance")
    json.string(instance)
    json.key("writer")
    writer.write(into: &json)
    json.key("reader")
    reader.write(into: &json)
    json.endObject()
  }
}

extension Incompatibility.Place {
  fileprivate func write(into json: inout JSONWriter) {
    json.beginObject()
    json.key("pointer")
    json.string(pointer)
    json.key("keyword")
    if let keyword { json.string(keyword) } else { json.null() }
    json.endObject()
  }
}

extension JSONWriter {
  /// True, false or null.
  fileprivate mutating func verdict(_ value: Bool?) {
    if let value { bool(value) } else { null() }
  }

  /// A counterexample as the value it is; null where there is none or it is too long to show.
  fileprivate mutating func counterexample(_ text: ByteSlice?) {
    if let text, text.count <= GatewayLimits.counterexample { raw(text) } else { null() }
  }
}
