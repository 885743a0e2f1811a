import Bytes
import JSONText

// Dialects of stored metaschemas: what their `$vocabulary` says is `SchemaLibrary.rules`; here the
// metaschema itself is applied to the schemas that name it.
extension SchemaIndex {
  /// Holds the text's schemas that name a dialect against its metaschema. The two editions need no
  /// such pass: the compiler reads their keywords with the kinds that they ask for.
  ///
  /// A metaschema may name a dialect too, even its own; that one's is not asked again.
  func checkDialects() throws(SchemaFault) {
    var programs: [String: CompiledSchema] = [:]
    let scratch = SchemaScratch()
    for place in places where place.document == 0 {
      guard let uri = place.node["$schema"]?.text, SchemaDialect(uri: uri) == nil else { continue }
      let program: CompiledSchema
      if let known = programs[uri] {
        program = known
      } else {
        program = try metaschema(uri, at: place.pointer + "/$schema")
        programs[uri] = program
      }
      try check(place, program, dialect: uri, scratch)
    }
  }

  private func metaschema(_ uri: String, at pointer: String) throws(SchemaFault) -> CompiledSchema {
    let plain = URIReference(uri).resource
    guard let document = library.document(for: plain) else {
      throw SchemaFault(at: pointer, .unknownDialect(uri))
    }
    do throws(SchemaFault) {
      return try CompiledSchema.compile(
        document.text, dialect: document.dialect, base: document.uris.first ?? plain,
        library: library)
    } catch {
      throw SchemaFault(
        at: pointer,
        .breaksMetaschema(
          "cannot be checked: \(error.pointer) \(error.reason.message)", dialect: uri))
    }
  }

  private func check(
    _ place: Place, _ program: CompiledSchema, dialect: String, _ scratch: SchemaScratch
  ) throws(SchemaFault) {
    do throws(JSONFault) {
      try scratch.parser.parse(place.node.raw)
    } catch {
      throw SchemaFault(at: place.pointer, .malformedJSON(error))
    }
    let fuel = SchemaLimits.metaschemaFuel
    switch program.accepts(scratch.parser, scratch, fuel: fuel) {
    case .valid: return
    case .invalid:
      for found in program.explain(scratch.parser, scratch, fuel: fuel).violations {
        try faults.note(
          SchemaFault(
            at: place.pointer + found.pointer, .breaksMetaschema(found.message, dialect: dialect)))
      }
    case .fuelExhausted, .patternLimit:
      throw SchemaFault(
        at: place.pointer, .limitExceeded(what: "steps of its metaschema", limit: fuel))
    }
  }
}
