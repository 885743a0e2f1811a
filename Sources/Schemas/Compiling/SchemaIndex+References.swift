import Bytes
import JSONText

// From references to places.
extension SchemaIndex {
  /// What the references of one schema mean.
  struct Targets {
    var reference: Int?
    var dynamic: Dynamic?

    /// A `$dynamicRef`: what it means at first, and the name that is looked for in the dynamic
    /// scope; nil where it is a plain reference after all.
    struct Dynamic {
      let initial: Int
      let name: ByteSlice?
    }
  }

  /// Follows every reference of the text, and of other documents those that it can reach; loads
  /// the documents this takes. What cannot be followed is among the faults; all references that
  /// lead nowhere are one of them.
  ///
  /// - Returns: the targets by place.
  mutating func targets() throws(SchemaFault) -> [Int: Targets] {
    var targets: [Int: Targets] = [:]
    var unresolved: [SchemaReference] = []
    var queue = Array(places.indices)
    var isQueued = Set(queue)
    var names: Set<ByteSlice> = []
    var next = 0
    // Names and places at the last look at the dynamic anchors.
    var seen = (names: 0, places: 0)
    while next < queue.count {
      let place = queue[next]
      next += 1
      var found = Targets()
      for reference in try sound(place) {
        let target: Int
        do throws(SchemaFault) {
          guard let found = try resolve(reference, from: places[place].document) else {
            unresolved.append(reference)
            continue
          }
          target = found
        } catch {
          try faults.note(error)
          continue
        }
        if reference.isDynamic {
          found.dynamic = Targets.Dynamic(initial: target, name: dynamicName(reference, target))
          if let name = found.dynamic?.name { names.insert(name) }
          guard names.count <= SchemaLimits.dynamicNames else {
            throw SchemaFault(
              at: reference.pointer,
              .limitExceeded(what: "dynamic names", limit: SchemaLimits.dynamicNames))
          }
        } else {
          found.reference = target
        }
      }
      targets[place] = found
      var reached = [found.reference, found.dynamic?.initial].compactMap { $0 }
      reached += places[place].children
      if next == queue.count, seen != (names.count, places.count) {
        seen = (names.count, places.count)
        for anchors in dynamicAnchors.values {
          reached += anchors.filter { names.contains($0.key) }.values
        }
      }
      for place in reached where isQueued.insert(place).inserted { queue.append(place) }
    }
    if let first = unresolved.first {
      try faults.note(SchemaFault(at: first.pointer, .unresolvedReferences(unresolved)))
    }
    return targets
  }

  /// The references of a schema, none where one of them is no text.
  private mutating func sound(_ place: Int) throws(SchemaFault) -> [SchemaReference] {
    do throws(SchemaFault) {
      return try references(of: place)
    } catch {
      try faults.note(error)
      return []
    }
  }

  /// The references of a schema, in the order in which they are tried.
  mutating func references(of place: Int) throws(SchemaFault) -> [SchemaReference] {
    let place = places[place]
    var found: [SchemaReference] = []
    let keywords: [StaticString] =
      place.rules.edition == .draft07 ? ["$ref"] : ["$ref", "$dynamicRef"]
    for keyword in keywords {
      guard let node = place.node[keyword] else { continue }
      let pointer = place.pointer + "/" + keyword.description
      guard let text = node.text else {
        throw SchemaFault(at: pointer, .wrongValue(expected: "a URI reference"))
      }
      let target = place.base.resolving(URIReference(text))
      var uri = target.resource
      if let fragment = target.fragment { uri += "#" + fragment }
      try charge(uri)
      found.append(SchemaReference(pointer: pointer, text: text, uri: uri))
    }
    return found
  }

  /// The name that a `$dynamicRef` looks for, if its target was found by a `$dynamicAnchor`.
  private func dynamicName(_ reference: SchemaReference, _ target: Int) -> ByteSlice? {
    guard let fragment = URIReference(reference.uri).decodedFragment else { return nil }
    let name = ByteSlice(utf8: fragment)
    return dynamicAnchors[places[target].resource]?[name] == target ? name : nil
  }

  /// The place that a reference means, or nil. A place that was no known schema so far is added.
  private mutating func resolve(
    _ reference: SchemaReference, from document: Int
  ) throws(SchemaFault) -> Int? {
    let target = URIReference(reference.uri)
    guard let resource = try resource(target.resource, from: document),
      let fragment = target.decodedFragment
    else { return nil }
    if fragment.isEmpty { return resource }
    guard fragment.utf8.first == ASCII.slash else {
      return anchors[places[resource].resource]?[ByteSlice(utf8: fragment)]
    }
    let path = Path(resource: resource, pointer: ByteSlice(utf8: fragment))
    if let known = followed[path] { return known }
    let place = try follow(path)
    followed[path] = place
    return place
  }

  /// What `uri` means in a document: a part of its own, else the library's document of that name,
  /// else the text itself.
  private mutating func resource(
    _ uri: String, from document: Int
  ) throws(SchemaFault) -> Int? {
    if let own = resources[LocalName(document: document, uri: uri)] { return own }
    if let found = library.document(for: uri) {
      return resources[LocalName(document: try load(found, named: uri), uri: uri)]
    }
    return resources[LocalName(document: 0, uri: uri)]
  }

  /// The number of a document of the library, which is taken in if it is new.
  private mutating func load(
    _ document: SchemaLibrary.Document, named uri: String
  ) throws(SchemaFault) -> Int {
    if let known = documentNumbers[ObjectIdentifier(document)] { return known }
    guard documents.count < SchemaLimits.libraryDocuments else {
      throw SchemaFault(
        at: "#",
        .limitExceeded(what: "documents referred to", limit: SchemaLimits.libraryDocuments))
    }
    documents.append(document)
    let number = documents.count
    documentNumbers[ObjectIdentifier(document)] = number
    let base = document.uris.first ?? uri
    let pointer = base + "#"
    bytes += document.text.count
    guard bytes <= SchemaLimits.libraryBytes else {
      throw SchemaFault(
        at: "#",
        .limitExceeded(what: "bytes in documents referred to", limit: SchemaLimits.libraryBytes))
    }
    let root = try Self.parse(document.text, pointer: pointer)
    for uri in document.uris {
      resources[LocalName(document: number, uri: uri)] = places.count
    }
    let rules = document.dialect.map { DialectRules($0) } ?? places[0].rules
    _ = try add(
      root, pointer: pointer,
      in: Surroundings(
        document: number, base: URIReference(base), rules: rules, resource: nil))
    return number
  }

  private mutating func follow(_ path: Path) throws(SchemaFault) -> Int? {
    let start = path.resource
    let document = places[start].document
    var node = places[start].node
    var known = start
    guard let pointer = JSONPointer(parsing: path.pointer) else { return nil }
    for token in pointer.tokens {
      enter(node, in: document)
      guard let next = ways[Way(document: document, offset: node.offset, token: token)] else {
        return nil
      }
      node = next
      known = place(of: node, in: document) ?? known
    }
    if let found = place(of: node, in: document) { return found }
    return try add(
      node, pointer: places[start].pointer + path.pointer.text,
      in: Surroundings(
        document: document, base: places[known].base, rules: places[known].rules,
        resource: places[known].resource))
  }

  /// Makes the ways from a container to the values in it, once: pointers of many references lead
  /// through few containers.
  private mutating func enter(_ node: JSONNode, in document: Int) {
    let location = Location(document: document, offset: node.offset)
    guard entered.insert(location).inserted else { return }
    for (key, value) in node.members {
      ways[Way(document: document, offset: node.offset, token: key)] = value
    }
    for (position, element) in node.elements.enumerated() {
      ways[Way(document: document, offset: node.offset, token: ByteSlice(utf8: String(position)))] =
        element
    }
  }

  /// A member name as a token of a JSON pointer (RFC 6901 §3).
  static func escaped(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else { return name }
    var text = ""
    for character in name.unicodeScalars {
      switch character {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }
}
