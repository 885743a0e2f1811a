import Bytes
import JSONText
import Schemas
import Tenancy

/// An Avro definition on the first line, payloads on those behind it. What is taken as a definition
/// is the same when it is read again, and reads what it has written; every payload gets the same
/// verdict again, with reasons where it is refused.
func fuzzAvro(_ input: ByteSlice) {
  let line = input.firstIndex(of: ASCII.lineFeed) ?? input.count
  let schema: CompiledSchema
  do throws(SchemaFault) {
    schema = try CompiledSchema.compile(input.prefix(line), as: .pulsarJSON, isNew: true)
  } catch {
    return law(error.pointer.hasPrefix("#"), "a fault without a place: \(error.pointer)")
  }
  let again = try? CompiledSchema.compile(input.prefix(line), as: .pulsarJSON)
  law(again?.identity == schema.identity, "a definition that is not what it was")
  let verdict = SchemaInclusion.compare(writer: schema, reader: schema, policy: .evolution)
  law(verdict.isIncluded != false, "a definition that does not read what it has written")
  let scratch = SchemaScratch()
  for payload in input.dropFirst(line + 1).lines {
    let refusal = schema.validate(payload, scratch)
    law(
      scratch.fuelUsed <= SchemaLimits.fuel, "a check that used \(scratch.fuelUsed) units of fuel")
    law(schema.validate(payload, scratch) == refusal, "two verdicts about one payload")
    guard case .violations(let violations, _)? = refusal else { continue }
    law(!violations.isEmpty, "a refusal without a reason")
    for violation in violations {
      law(violation.schemaPointer.hasPrefix("#"), "a violation of nothing")
    }
  }
}

/// A schema on the first line, payloads on those behind it. For a reader of no class what is left
/// of a payload is JSON, and the same each time; for one of every class it is the payload; a
/// classification is as strict as itself.
func fuzzRedaction(_ input: ByteSlice) {
  let line = input.firstIndex(of: ASCII.lineFeed) ?? input.count
  guard let schema = try? CompiledSchema.compile(input.prefix(line), isNew: true),
    let classification = schema.classification
  else { return }
  let same = ClassificationComparison.loosenings(from: classification, to: classification)
  law(
    same.allSatisfy { $0.message.hasPrefix("cannot be compared") },
    "a classification that is laxer than itself")
  let redactor = Redactor()
  let stranger = ClassifiedView(classification, for: .none)
  law(ClassifiedView(classification, for: .all).isOpen, "a reader of all who lacks something")
  for payload in input.dropFirst(line + 1).lines {
    guard (try? JSONDocument(parsing: payload)) != nil else { continue }
    let outcome = redactor.redact(payload, stranger)
    law(
      redactor.spent <= SchemaLimits.redactionFuel + 5 * payload.count,
      "a redaction that cost \(redactor.spent)")
    if case .tooCostly = outcome,
      case .tooCostly = redactor.redact(payload, stranger, aside: true)
    {
      law(false, "a worker that does not do it either")
    }
    guard case .replaced(let bytes, let labels) = outcome else { continue }
    law((try? JSONDocument(parsing: bytes)) != nil, "what is left is no JSON: \(bytes.text)")
    law(!labels.isEmpty, "something was replaced for no class")
    guard case .replaced(let again, _) = redactor.redact(payload, stranger), again == bytes else {
      return law(false, "two redactions of one payload")
    }
  }
}

extension ByteSlice {
  /// What line feeds separate, at most sixteen of it.
  fileprivate var lines: [ByteSlice] {
    var lines: [ByteSlice] = []
    var rest = self
    while !rest.isEmpty, lines.count < 16 {
      let end = rest.firstIndex(of: ASCII.lineFeed) ?? rest.count
      lines.append(rest.prefix(end))
      rest = end < rest.count ? rest.dropFirst(end + 1) : .empty
    }
    return lines
  }
}
