public import Schemas

extension SchemaRegistration.Version {
  /// A stored version, compiled again; milliseconds.
  public init(_ stored: StoredSchema) {
    self.init(
      number: stored.version, fingerprint: stored.fingerprint,
      program: try? CompiledSchema.compile(
        stored.text, as: stored.type, dialect: stored.dialect, formats: stored.formats))
  }
}
