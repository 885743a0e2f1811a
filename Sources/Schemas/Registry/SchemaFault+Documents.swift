public import Bytes
public import JSONText

// Faults that are found where documents are gathered, before anything is compiled.
extension SchemaFault {
  /// More of something than one schema may have.
  public static func limitExceeded(_ what: String, _ limit: Int) -> SchemaFault {
    SchemaFault(at: "#", .limitExceeded(what: what, limit: limit))
  }

  /// A URI that means two things in one schema.
  public static func ambiguous(_ uri: String) -> SchemaFault {
    SchemaFault(at: "#", .ambiguousReference(uri))
  }

  /// The same with what is wrong with the text itself, which nobody has compiled because the
  /// documents that it needs could not be gathered. What those would decide is left out.
  public func withOthers(
    in text: ByteSlice, dialect: SchemaDialect?, formats: FormatMode?, base: String
  ) -> SchemaFault {
    do throws(SchemaFault) {
      _ = try CompiledSchema.compile(text, dialect: dialect, formats: formats, base: base)
      return self
    } catch {
      let found = [error] + error.others
      // Under a dialect that is not known the keywords are not, either.
      guard !found.contains(where: { $0.reason.kind == .unknownDialect }) else { return self }
      let known = [self] + others
      let more = found.filter { other in
        other.reason.kind != .unresolvedReference
          && !known.contains { $0.pointer == other.pointer && $0.reason == other.reason }
      }
      return SchemaFault(known + more, atMost: SchemaLimits.violations)
    }
  }

  /// A text that is not JSON.
  public init(notJSON fault: JSONFault) { self.init(at: "#", .malformedJSON(fault)) }
}

extension SchemaOutline {
  /// The `$schema` of a text that names none of the known editions, without fragment: the
  /// metaschema that reading it takes. Nil for any other text.
  public static func metaschema(of text: ByteSlice) -> String? {
    guard let root = try? JSONDocument(parsing: text).root, root.kind == .object,
      let uri = root["$schema"]?.text, SchemaDialect(uri: uri) == nil
    else { return nil }
    return URIReference(uri).resource
  }
}

extension SchemaLibrary {
  /// Whether every library has a document of this URI: the metaschemas of the known editions.
  public static func isBuiltIn(_ uri: String) -> Bool { Metaschemas.documents[uri] != nil }
}
