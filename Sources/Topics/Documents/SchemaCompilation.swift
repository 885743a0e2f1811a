public import Bytes
public import Schemas
public import Tenancy

extension Catalogue {
  /// Finds documents for what lives in a namespace: its own, and by path those of namespaces of the
  /// tenant that the caller may look into.
  public func finder(for namespace: NamespaceAddress) -> DocumentFinder {
    let scope = namespace.caller
    let home = namespace.namespace
    return DocumentFinder(tenant: namespace.tenant) { name in
      if name == home { return self.documents(in: namespace) }
      let reference = NamespaceReference(tenant: scope.tenant, namespace: name)
      guard
        let address = try? scope.namespace(
          of: reference, forAnyOf: [.subscribe, .publish, .manage])
      else { return nil }
      return self.documents(in: address)
    }
  }

  /// Compiles a schema for a topic with the documents as they are now. Takes milliseconds, up to a
  /// second for the largest: off the event loops.
  ///
  /// - Throws: one fault for all references that lead nowhere, and what else is wrong behind it.
  public func compileSchema(
    _ text: ByteSlice, as type: SchemaType = .json, dialect: SchemaDialect?, formats: FormatMode?,
    for topic: TopicAddress
  ) throws(SchemaFault) -> (program: CompiledSchema, references: [SchemaPin]) {
    // Only JSON Schema knows references to other documents.
    guard type == .json else {
      return (try CompiledSchema.compile(text, as: type, isNew: true), [])
    }
    let base = DocumentPath.folder(topic.tenant, topic.namespace)
    let assembly: SchemaAssembly
    do throws(SchemaFault) {
      assembly = try SchemaAssembly(
        of: text, base: base, dialect: dialect, in: topic.namespace,
        finder(for: topic.inNamespace))
    } catch {
      throw error.withOthers(in: text, dialect: dialect, formats: formats, base: base)
    }
    let program = try CompiledSchema.compile(
      text, dialect: dialect, formats: formats, base: base, library: assembly.library,
      isNew: true)
    return (program, assembly.pins)
  }

  /// Compiles a version that was registered before, in the meaning that it was registered in.
  public func recompileSchema(
    _ schema: StoredSchema, of topic: TopicAddress
  ) throws(SchemaFault) -> CompiledSchema {
    try CompiledSchema.compile(
      schema.text, as: schema.type, dialect: schema.dialect, formats: schema.formats,
      base: DocumentPath.folder(topic.tenant, topic.namespace),
      library: try library(of: schema.references, by: topic))
  }
}
