package import Bytes

package struct Name: Sendable, Hashable, Comparable {
  package static func < (a: Name, b: Name) -> Bool { a.bytes < b.bytes }
  package let bytes: ByteSlice
  package init?(_ bytes: ByteSlice) {
    guard bytes.count > 0, bytes.count <= 128 else { return nil }
    self.bytes = bytes
  }
  package var detached: Name { self }
}
package enum Action: Sendable { case publish, subscribe, manage, admin }
package struct TopicAddress: Sendable, Hashable {
  package let tenant: Name
  package let namespace: Name
  package let topic: Name
  package let action: Action
  package init(tenant: Name, namespace: Name, topic: Name, action: Action) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
    self.action = action
  }
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
  package let action: Action
  package init(tenant: Name, namespace: Name, action: Action) {
    self.tenant = tenant
    self.namespace = namespace
    self.action = action
  }
}
