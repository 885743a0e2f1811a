public import Bytes
import JSONText

/// One schema document on its way into a bundle: a text, the absolute URI that it goes by there,
/// and its references, which are to be rewritten so that they lead to the other parts.
public struct BundlePart: Sendable {
  /// A place in the text that says a name.
  private struct Naming {
    let node: JSONNode
    let name: String
  }

  public let outline: SchemaOutline
  /// Absolute, without fragment.
  public let canonical: String
  private let root: JSONNode
  /// What the document and its parts go by in the bundle, by their own names.
  private let names: [String: String]
  /// References to the document itself that the bundle must spell differently.
  private let inner: [Naming]
  /// The `$id`s of its parts, where the bundle must spell them differently.
  private let renamed: [Naming]

  /// - Parameters:
  ///   - base: what relative references of the text are resolved against where it has no `$id`.
  ///   - dialect: the edition where the text has no `$schema`.
  ///   - home: an absolute URI: bases that are paths only are paths there.
  ///   - library: where a metaschema that `$schema` names is looked for.
  ///   - taken: absolute URIs that other parts of the bundle go by. A document that has one of them
  ///     goes by `path` instead, and its parts by names below that.
  ///   - path: where the document lies; nothing else lies there.
  public init(
    _ text: ByteSlice, base: String, dialect: SchemaDialect?, home: String, library: SchemaLibrary,
    avoiding taken: Set<String> = [], path: String = ""
  ) throws(SchemaFault) {
    root = try SchemaIndex.parse(text, pointer: "#")
    outline = try SchemaOutline.read(text, base: base, dialect: dialect, library: library)
    let home = URIReference(home)
    var own = URIReference(base)
    if let id = root["$id"]?.text, !id.hasPrefix("#"), !Self.ignoresSiblings(root, outline.dialect)
    {
      own = own.resolving(URIReference(id))
    }
    own.fragment = nil
    var canonical = Self.absolute(own, home)
    var names: [String: String] = [:]
    for uri in outline.identifiers { names[uri] = Self.absolute(URIReference(uri), home) }
    if !taken.isDisjoint(with: names.values) || taken.contains(canonical) {
      canonical = Self.absolute(URIReference(path), home)
      while taken.contains(canonical) { canonical += "-" }
      for (number, uri) in outline.identifiers.enumerated() {
        names[uri] = "\(canonical)?part=\(number)"
      }
    }
    names[own.resource] = canonical
    // The base is the document's name too where it has none of its own.
    names[URIReference(base).resource] = canonical
    var index = try SchemaIndex(
      root, rules: DialectRules(outline.dialect), base: URIReference(base), library: library)
    var inner: [Naming] = []
    var renamed: [Naming] = []
    for number in index.places.indices {
      let place = index.places[number]
      if number > 0, place.resource == number, let id = place.node["$id"],
        let name = names[place.base.resource], name != Self.absolute(place.base, home)
      {
        renamed.append(Naming(node: id, name: name))
      }
      for reference in try index.references(of: number) {
        let target = URIReference(reference.uri)
        guard let name = names[target.resource], name != Self.absolute(target, home),
          let node = Self.node(reference, in: root)
        else { continue }
        inner.append(Naming(node: node, name: name + (target.fragment.map { "#" + $0 } ?? "")))
      }
    }
    self.canonical = canonical
    self.names = names
    self.inner = inner
    self.renamed = renamed
  }

  /// The absolute URI that one who refers to this document, or a part of it, by `uri` must use.
  public func address(of uri: String) -> String { names[uri] ?? canonical }

  /// All URIs that it and its parts go by in the bundle.
  public var addresses: Set<String> { Set(names.values).union([canonical]) }

  private static func node(_ reference: SchemaReference, in root: JSONNode) -> JSONNode? {
    JSONPointer(parsing: ByteSlice(utf8: String(reference.pointer.dropFirst()))).flatMap {
      root.at($0)
    }
  }

  private static func absolute(_ uri: URIReference, _ home: URIReference) -> String {
    (uri.scheme == nil ? home.resolving(uri) : uri).resource
  }

  /// Draft-07 ignores everything beside `$ref`, an `$id` too.
  private static func ignoresSiblings(_ root: JSONNode, _ dialect: SchemaDialect) -> Bool {
    dialect == .draft07 && root["$ref"] != nil
  }
}

// MARK: - Writing

extension BundlePart {
  private struct Edit {
    let range: Range<Int>
    let text: ByteSlice
  }

  /// The text with its references rewritten.
  ///
  /// - Parameters:
  ///   - address: the absolute URI for the one, without fragment, that a reference leads to; nil
  ///     leaves the reference as it is.
  ///   - isNamed: whether the text says its canonical URI and edition itself: all but the outermost
  ///     one do.
  ///   - parts: what it is to hold: other parts' canonical URIs and finished texts.
  public func text(
    address: (String) -> String?, isNamed: Bool, holding parts: [(uri: String, text: ByteSlice)]
  ) -> ByteSlice {
    guard root.kind == .object else {
      return isNamed ? booleanText : root.raw
    }
    var edits = references(address)
    edits += (inner + renamed).map {
      Edit(range: Self.range(of: $0.node), text: Self.string($0.name))
    }
    var opening = JSONWriter()
    opening.beginObject()
    if isNamed {
      if Self.ignoresSiblings(root, outline.dialect) { return wrapped(&edits, parts) }
      if let id = root["$id"] {
        edits.append(Edit(range: Self.range(of: id), text: Self.string(canonical)))
      } else {
        opening.key("$id")
        opening.string(canonical)
      }
    }
    if root["$schema"] == nil, isNamed || outline.dialect != .draft202012 {
      opening.key("$schema")
      opening.string(outline.dialect.uri)
    }
    if !parts.isEmpty { hold(parts, &opening, &edits) }
    insert(opening, after: root.offset + 1, isLast: root.count == 0, into: &edits)
    return apply(edits)
  }

  /// `true` and `false` cannot carry a name.
  private var booleanText: ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("$id")
    json.string(canonical)
    json.key("$schema")
    json.string(outline.dialect.uri)
    if root.bool == false {
      json.key("not")
      json.raw(ByteSlice(utf8: "{}"))
    }
    json.endObject()
    return json.slice
  }

  /// A draft-07 document that is a reference: one level deeper, so that its name counts. What
  /// stands beside the reference means nothing but for the definitions.
  private func wrapped(
    _ edits: inout [Edit], _ parts: [(uri: String, text: ByteSlice)]
  ) -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("$id")
    json.string(canonical)
    json.key("$schema")
    json.string(outline.dialect.uri)
    json.key("allOf")
    json.beginArray()
    json.beginObject()
    if let reference = root["$ref"] {
      json.key("$ref")
      json.raw(apply(edits, within: Self.range(of: reference)))
    }
    json.endObject()
    json.endArray()
    if !parts.isEmpty { hold(parts, &json, &edits) }
    if let definitions = root["definitions"] {
      json.key("definitions")
      json.raw(apply(edits, within: Self.range(of: definitions)))
    }
    json.endObject()
    return json.slice
  }

  private func references(_ address: (String) -> String?) -> [Edit] {
    outline.references.compactMap { reference in
      let parts = reference.uri.split(
        separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      guard let plain = parts.first, let target = address(String(plain)),
        let node = Self.node(reference, in: root)
      else { return nil }
      let fragment = parts.count > 1 ? "#" + parts[1] : ""
      return Edit(range: Self.range(of: node), text: Self.string(target + fragment))
    }
  }

  /// Puts parts under `$defs`, or `definitions` where the edition has no other.
  private func hold(
    _ parts: [(uri: String, text: ByteSlice)], _ opening: inout JSONWriter, _ edits: inout [Edit]
  ) {
    let keyword: StaticString = outline.dialect == .draft07 ? "definitions" : "$defs"
    let existing = root[keyword]
    var entries = JSONWriter()
    entries.beginObject()
    for part in parts {
      var key = part.uri
      while existing?[key] != nil { key += "'" }
      entries.key(key)
      entries.raw(part.text)
    }
    if let existing {
      insert(entries, after: existing.offset + 1, isLast: existing.count == 0, into: &edits)
    } else {
      entries.endObject()
      opening.key(keyword)
      opening.raw(entries.slice)
    }
  }

  /// Inserts the members that were written into an object that is still open.
  private func insert(
    _ members: JSONWriter, after offset: Int, isLast: Bool, into edits: inout [Edit]
  ) {
    var text = ByteWriter()
    text.append(members.slice.dropFirst(1))
    guard text.count > 0 else { return }
    if !isLast { text.append(ASCII.comma) }
    edits.append(Edit(range: offset..<offset, text: text.slice))
  }

  private func apply(_ edits: [Edit], within whole: Range<Int>? = nil) -> ByteSlice {
    let source = root.document.source
    let range = whole ?? Self.range(of: root)
    var text = ByteWriter(capacity: range.count + edits.reduce(0) { $0 + $1.text.count })
    var at = range.lowerBound
    for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound })
    where edit.range.lowerBound >= range.lowerBound && edit.range.upperBound <= range.upperBound {
      text.append(source[at..<edit.range.lowerBound])
      text.append(edit.text)
      at = edit.range.upperBound
    }
    text.append(source[at..<range.upperBound])
    return text.slice
  }

  private static func range(of node: JSONNode) -> Range<Int> {
    node.offset..<(node.offset + node.raw.count)
  }

  private static func string(_ text: String) -> ByteSlice {
    var json = JSONWriter()
    json.string(text)
    return json.slice
  }
}
