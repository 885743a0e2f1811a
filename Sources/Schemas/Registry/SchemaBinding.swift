/// What a topic's events must keep at the moment: the catalogue's snapshot holds one for each topic
/// that has a schema.
public struct SchemaBinding: Sendable {
  /// The registered version, from 1.
  public let version: UInt32
  public let program: CompiledSchema

  public init(version: UInt32, program: CompiledSchema) {
    self.version = version
    self.program = program
  }
}
