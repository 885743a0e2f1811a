import Bytes
import JSONText
import Schemas
import Tenancy
import Topics

/// What holds for a topic in the end, whoever said it: the topic, its namespace or its tenant.
extension GatewayResponder {
  /// Writes the member `effective`. Bounds are told in the topic's own tenant alone: a partner is
  /// held to its own.
  func writeEffective(
    _ info: TopicInfo, _ address: TopicAddress, into json: inout JSONWriter
  ) {
    let rules = TopicRules(of: address.inNamespace, topic: info, in: parts.engine)
    json.key("effective")
    json.beginObject()
    json.key("retention")
    (rules.retention ?? Retention()).write(into: &json)
    json.key("requireSchema")
    json.bool(rules.requireSchema)
    json.compatibility(rules.compatibility, rules.evolution)
    if !address.isShared {
      let limits = address.policy.limits
      json.key("limits")
      json.beginObject()
      json.key("perTopic")
      json.beginObject()
      limits.perTopic.write(into: &json)
      json.endObject()
      json.key("perNamespace")
      limits.writeNamespaces(into: &json)
      json.endObject()
    }
    json.endObject()
  }
}

extension TenantBounds {
  /// What bounds each namespace, in the words of the configuration.
  func writeNamespaces(into json: inout JSONWriter) {
    json.beginObject()
    perNamespace.write(into: &json)
    if let storagePerNamespace {
      json.key("storage")
      json.integer(Int(storagePerNamespace))
    }
    json.endObject()
  }
}

extension BearerBounds {
  /// The members of the bounds that there are, in the words of the configuration; bytes as numbers.
  func write(into json: inout JSONWriter) {
    let rates: [(StaticString, Rate?)] = [
      ("requests", requests), ("publishRate", events), ("publishBytes", bytes),
    ]
    for case (let name, let rate?) in rates {
      json.key(name)
      json.string("\(rate.count)/\(rate.unit)")
    }
    if let streams {
      json.key("streams")
      json.integer(streams)
    }
  }
}

extension Rate {
  /// What `span` is called in the configuration.
  fileprivate var unit: Character {
    switch span {
    case .seconds(1): "s"
    case .seconds(60): "m"
    case .seconds(3_600): "h"
    default: "d"
    }
  }
}
