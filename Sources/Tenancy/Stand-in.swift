package import Bytes

package struct Name: Sendable, Hashable {
  package let bytes: ByteSlice
  package init?(_ bytes: ByteSlice) {
    guard bytes.count > 0, bytes.count <= 128 else { return nil }
    self.bytes = bytes
  }
}
package enum Action: Sendable { case publish, subscribe, manage, admin }
package struct TopicAddress: Sendable, Hashable {
  package let tenant: Name
  package let namespace: Name
  package let topic: Name
  package let action: Action
  package static func == (a: Self, b: Self) -> Bool {
    a.topic == b.topic && a.namespace == b.namespace && a.tenant == b.tenant
  }
  package func hash(into hasher: inout Hasher) {
    hasher.combine(tenant)
    hasher.combine(namespace)
    hasher.combine(topic)
  }
}
package struct NamespaceAddress: Sendable, Hashable {
  package let tenant: Name
  package let namespace: Name
}
