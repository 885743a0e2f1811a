/// What a topic's events must keep at the moment: the catalogue's snapshot holds one for each topic
/// that has a schema.
package struct SchemaBinding: Sendable {
  /// The registered version, from 1.
  package let version: UInt32
  package let program: CompiledSchema

  package init(version: UInt32, program: CompiledSchema) {
    self.version = version
    self.program = program
  }
}
