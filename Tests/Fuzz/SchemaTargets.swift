import Bytes
import JSONText
import Schemas

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
