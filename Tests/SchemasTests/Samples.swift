import Bytes
import JSONText

@testable import Schemas

/// A schema and payloads as text, for tables.
enum Sample {
  static func schema(
    _ text: String, _ dialect: SchemaDialect = .draft202012, formats: FormatMode? = .assert
  ) throws(SchemaFault) -> CompiledSchema {
    try CompiledSchema.compile(ByteSlice(utf8: text), dialect: dialect, formats: formats)
  }

  static func check(
    _ payload: String, _ schema: CompiledSchema, _ scratch: SchemaScratch = SchemaScratch()
  ) throws -> CheckResult {
    try scratch.parser.parse(ByteSlice(utf8: payload))
    return schema.accepts(scratch.parser, scratch)
  }

  static func explain(_ payload: String, _ schema: CompiledSchema) throws -> Explanation {
    let scratch = SchemaScratch()
    try scratch.parser.parse(ByteSlice(utf8: payload))
    return schema.explain(scratch.parser, scratch)
  }
}
