public import Bytes
import JSONText

/// A `$ref` or `$dynamicRef`.
public struct SchemaReference: Hashable, Sendable {
  /// Where it stands, as `#/properties/id/$ref`.
  public let pointer: String
  /// As it is written.
  public let text: String
  /// What it means: resolved against its base, with its fragment if it has one.
  public let uri: String

  /// Whether it is a `$dynamicRef`. By bytes: a name before the slash may end in a character that
  /// Unicode joins with it.
  var isDynamic: Bool {
    pointer.utf8.reversed().starts(with: "/$dynamicRef".utf8.reversed())
  }
}

/// Which names a schema document gives, and which it needs from others: read without compiling.
public struct SchemaOutline: Sendable {
  public let dialect: SchemaDialect
  /// The absolute URIs, without fragments, of the document and of its parts that have an `$id`.
  public let identifiers: [String]
  /// The references that lead out of the document, in the order of the text.
  public let references: [SchemaReference]

  /// Reads the outline of a text. Linear in its length; call it off the event loops.
  ///
  /// - Parameters:
  ///   - base: the absolute URI of the document, empty if it has none.
  ///   - dialect: the edition where the text has no `$schema`; 2020-12 if nil.
  ///   - library: where a metaschema that `$schema` names is looked for.
  public static func read(
    _ text: ByteSlice, base: String = "", dialect: SchemaDialect? = nil,
    library: SchemaLibrary = SchemaLibrary()
  ) throws(SchemaFault) -> SchemaOutline {
    let root = try SchemaIndex.parse(text, pointer: "#")
    var index = try SchemaIndex(
      root, rules: DialectRules(dialect ?? .draft202012), base: URIReference(base),
      library: library)
    var references: [SchemaReference] = []
    for place in index.places.indices {
      for reference in try index.references(of: place) {
        let target = URIReference(reference.uri).resource
        if !index.isKnown(target) { references.append(reference) }
      }
    }
    return SchemaOutline(
      dialect: index.places[0].rules.edition,
      identifiers: index.identifiers, references: references)
  }
}
