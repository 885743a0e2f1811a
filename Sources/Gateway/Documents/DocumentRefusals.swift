import Bytes
import JSONText
import Schemas
import Tenancy
import Topics

extension Refusal {
  /// The table's entries for changes that meet another state, and for documents that are in use.
  init(changing failure: CatalogueFailure) {
    switch failure {
    case .documentChanged(let current):
      self.init(
        .preconditionFailed, current == 0 ? "it is gone" : "version \(current) is current now")
    case .identifierTaken(let uri, let owner):
      self.init(.identifierTaken, "\(Self.cut(uri)) is an identifier of the document \(owner)")
      self = with("document", owner.text)
    case .documentInUse(.isLive(let version)):
      self.init(
        .documentInUse, "version \(version) is not deleted; delete it without 'permanent' first")
    case .documentInUse(.referredTo(let referrers)):
      self.init(.documentInUse, sentence(referrers.count))
    default: self.init(.preconditionFailed)
    }
  }

  /// An identifier inside a message.
  static func cut(_ uri: String) -> String {
    uri.utf8.count <= 200 ? uri : String(decoding: uri.utf8.prefix(200), as: UTF8.self) + "…"
  }

  /// A document's deletion, refused for referrers that its caller may partly see.
  static func inUse(
    _ referrers: [DocumentReferrer], _ namespace: NamespaceAddress
  ) -> Refusal {
    let shown = ShownReferrers(referrers, namespace)
    var json = JSONWriter()
    shown.writeList(into: &json)
    return Refusal(.documentInUse, shown.summary).with("referrers", json: json.slice)
  }
}

extension SchemaFault {
  /// The objects of `errors`: one, or one for each reference that leads nowhere.
  var places: (list: [ByteSlice], isTruncated: Bool) {
    guard case .unresolvedReferences(let references) = reason else {
      return ([place(pointer, reason.message)], false)
    }
    let list = references.prefix(SchemaLimits.violations).map { reference in
      place(reference.pointer, "refers to \(Refusal.cut(reference.uri)), which is not there")
    }
    return (list, references.count > SchemaLimits.violations)
  }

  private func place(_ pointer: String, _ message: String) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("pointer")
    json.string(pointer)
    json.key("code")
    json.string(reason.code)
    json.key("message")
    json.string(message)
    json.endObject()
    return json.slice
  }
}

/// Referrers as a caller may see them: others are only counted.
struct ShownReferrers {
  private let tenant: Name
  private let seen: [DocumentReferrer]
  private let total: Int

  /// - Parameter caller: with any grant on the namespace whose document they refer to.
  init(_ referrers: [DocumentReferrer], _ caller: NamespaceAddress) {
    let scope = caller.caller
    tenant = caller.tenant
    total = referrers.count
    seen = referrers.filter { referrer in
      switch referrer {
      case .document(let namespace, _, _):
        namespace == caller.namespace
          || Action.allCases.contains { scope.may($0, namespace: namespace) }
      case .topic(let namespace, let topic, _, _, _):
        Action.allCases.contains { scope.may($0, namespace: namespace, topic: topic) }
      }
    }
  }

  var summary: String {
    let hidden = total - seen.count
    return sentence(total) + (hidden == 0 ? "" : ", \(hidden) of which you may not see")
  }

  /// The members of an answer about them.
  func write(into json: inout JSONWriter) {
    json.key("referencedBy")
    writeList(into: &json)
    json.key("hidden")
    json.integer(total - seen.count)
    if seen.count > DocumentLimits.referrers {
      json.key("truncated")
      json.bool(true)
    }
  }

  func writeList(into json: inout JSONWriter) {
    json.beginArray()
    for referrer in seen.prefix(DocumentLimits.referrers) {
      json.beginObject()
      switch referrer {
      case .document(let namespace, let name, let version):
        json.key("document")
        json.string(DocumentPath.text(tenant, namespace, name))
        json.key("version")
        json.integer(Int(version))
      case .topic(let namespace, let topic, let version, let pinned, let isLive):
        json.key("topic")
        json.string("/v1/topics/\(tenant)/\(namespace)/\(topic)")
        json.key("version")
        json.integer(Int(version))
        json.key("refersTo")
        json.integer(Int(pinned))
        json.key("deleted")
        json.bool(!isLive)
      }
      json.endObject()
    }
    json.endArray()
  }
}

private func sentence(_ referrers: Int) -> String {
  referrers == 1 ? "1 refers to it" : "\(referrers) refer to it"
}
