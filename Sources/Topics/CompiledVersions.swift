public import Schemas

extension SchemaRegistration.Version {
  /// A stored version, compiled again; milliseconds.
  public init(_ stored: StoredSchema) {
    self.init(
      number: stored.version, fingerprint: stored.fingerprint,
      program: try? CompiledSchema.compile(
        stored.text, dialect: stored.dialect, formats: stored.formats))
  }
}
