import Bytes
import JSONText

// The names that schemas give themselves.
extension SchemaIndex {
  /// Registers the names that a schema gives itself; returns what holds inside it.
  mutating func identify(
    _ node: JSONNode, _ number: Int, pointer: String, in outer: Surroundings
  ) throws(SchemaFault) -> Surroundings {
    let rules = try rules(of: node, pointer: pointer, in: outer)
    var base = outer.base
    var fragment: String?
    // Draft-07 ignores everything beside $ref.
    if let id = node["$id"], !(rules.edition == .draft07 && node["$ref"] != nil) {
      (base, fragment) = try self.base(under: id, number, at: pointer, in: outer, rules: rules)
    }
    let resource = base == outer.base ? outer.resource ?? number : number
    if let fragment {
      try enter(ByteSlice(utf8: fragment), number, in: resource, at: pointer + "/$id")
    }
    if rules.edition == .draft202012 {
      if let name = try anchor("$anchor", node, pointer) {
        try enter(name, number, in: resource, at: pointer + "/$anchor")
      }
      if let name = try anchor("$dynamicAnchor", node, pointer) {
        // A schema may give both names alike.
        if anchors[resource]?[name] != number {
          try enter(name, number, in: resource, at: pointer + "/$dynamicAnchor")
        }
        dynamicAnchors[resource, default: [:]][name] = number
      }
    }
    return Surroundings(
      document: outer.document, base: base, rules: rules, resource: resource)
  }

  /// The dialect of a schema: another than around it only where it is a resource of its own.
  private func rules(
    of node: JSONNode, pointer: String, in outer: Surroundings
  ) throws(SchemaFault) -> DialectRules {
    guard let declared = node["$schema"] else { return outer.rules }
    guard let uri = declared.text else {
      throw SchemaFault(at: pointer + "/$schema", .wrongValue(expected: "a URI"))
    }
    let rules = try library.rules(forDialect: uri, at: pointer + "/$schema")
    let isResource = outer.resource == nil || node["$id"]?.text.map { !$0.hasPrefix("#") } ?? false
    guard rules == outer.rules || isResource else {
      throw SchemaFault(
        at: pointer + "/$schema",
        .wrongValue(expected: "the dialect of the schema around it, or beside an $id"))
    }
    return rules
  }

  private func anchor(
    _ keyword: StaticString, _ node: JSONNode, _ pointer: String
  ) throws(SchemaFault) -> ByteSlice? {
    guard let anchor = node[keyword] else { return nil }
    guard let name = anchor.text, Self.isAnchor(name) else {
      throw SchemaFault(
        at: pointer + "/" + keyword.description, .wrongValue(expected: "a plain name"))
    }
    return ByteSlice(utf8: name)
  }

  /// The base inside a schema with the `$id` `id`, and the name that its fragment gives the schema.
  private mutating func base(
    under id: JSONNode, _ number: Int, at pointer: String, in outer: Surroundings,
    rules: DialectRules
  ) throws(SchemaFault) -> (URIReference, fragment: String?) {
    guard let text = id.text, let bytes = id.string,
      StringFormat.uriReference.accepts(bytes.span)
    else {
      throw SchemaFault(at: pointer + "/$id", .wrongValue(expected: "a URI reference"))
    }
    var inner = outer.base
    let reference = URIReference(text)
    if !text.hasPrefix("#") {
      inner = outer.base.resolving(reference)
      inner.fragment = nil
      let uri = inner.resource
      try charge(uri)
      let name = LocalName(document: outer.document, uri: uri)
      let earlier = resources[name] ?? number
      // In other documents the first bearer of a name keeps it.
      guard earlier == number || outer.document > 0 else {
        throw SchemaFault(at: pointer + "/$id", .duplicateIdentifier(uri))
      }
      resources[name] = earlier
    }
    guard let fragment = reference.fragment, !fragment.isEmpty else { return (inner, nil) }
    guard rules.edition == .draft07 else {
      throw SchemaFault(
        at: pointer + "/$id", .wrongValue(expected: "a URI reference without fragment"))
    }
    return (inner, fragment)
  }

  /// Gives the place that is about to be appended an anchor.
  private mutating func enter(
    _ name: ByteSlice, _ number: Int, in resource: Int, at pointer: String
  ) throws(SchemaFault) {
    guard anchors[resource, default: [:]].updateValue(number, forKey: name) == nil else {
      throw SchemaFault(at: pointer, .duplicateIdentifier("#" + name.text))
    }
  }

  /// `[A-Za-z_][-A-Za-z0-9._]*`
  private static func isAnchor(_ name: String) -> Bool {
    guard let first = name.utf8.first, first == 0x5F || (first | 0x20) &- 0x61 < 26 else {
      return false
    }
    let allowed = ASCIISet("-._", letters: true, digits: true)
    return name.utf8.allSatisfy { allowed.contains($0) }
  }
}
