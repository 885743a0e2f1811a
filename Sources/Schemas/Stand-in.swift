package import Events
package import Tenancy

package enum SchemaDialect: Sendable { case draft07, draft202012 }
package enum FormatMode: Sendable { case assert, annotate }
package final class CompiledSchema: Sendable {
  package init() {}
}
package struct SchemaBinding: Sendable {
  package let version: UInt32
  package let program: CompiledSchema
  package init(version: UInt32, program: CompiledSchema) {
    self.version = version
    self.program = program
  }
}
package struct ConformingEvent: Sendable {
  package let address: TopicAddress
  package let draft: EventDraft
  package let schemaVersion: UInt32
  package init(address: TopicAddress, draft: EventDraft, schemaVersion: UInt32) {
    self.address = address
    self.draft = draft
    self.schemaVersion = schemaVersion
  }
}
