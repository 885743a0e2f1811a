public import Bytes
import JSONText

/// Documents that references may find by absolute URI: a value that is cheap to copy, since copies
/// share the documents. Nothing is ever fetched from elsewhere.
///
/// The metaschemas of draft-07 and 2020-12, with their vocabularies, are always findable and need
/// not be added.
public struct SchemaLibrary: Sendable {
  /// One document: its text, parsed only by the compilations that need it.
  final class Document: Sendable {
    let text: ByteSlice
    /// The URIs it was added under; the first is its base. Without fragments.
    let uris: [String]
    let dialect: SchemaDialect?
    /// Part of every library.
    let isBuiltIn: Bool

    init(text: ByteSlice, uris: [String], dialect: SchemaDialect?, isBuiltIn: Bool = false) {
      self.text = text
      self.uris = uris
      self.dialect = dialect
      self.isBuiltIn = isBuiltIn
    }
  }

  /// By the URIs that documents were added under, as bytes: texts that Unicode takes for equal are
  /// two names.
  private var named: [ByteSlice: Document] = [:]
  /// By the `$id`s inside documents.
  private var embedded: [ByteSlice: Document] = [:]

  public init() {}

  /// Adds a document, which replaces one of the same URI. Parses it once for the identifiers it
  /// gives itself and its parts; linear in its length, so call it off the event loops.
  ///
  /// - Parameters:
  ///   - text: at most `SchemaLimits.sourceBytes` bytes. It need not resolve its references.
  ///   - uris: absolute, fragments are ignored; the first is what the document's own relative
  ///     references are resolved against where it has no `$id`.
  ///   - dialect: the edition where the text has no `$schema`; the referring schema's if nil.
  ///   - parts: which of the names that it gives its parts lead to it from elsewhere; all if nil.
  public mutating func add(
    _ text: ByteSlice, under uris: [String], dialect: SchemaDialect? = nil, parts: [String]? = nil
  ) throws(SchemaFault) {
    let plain = uris.map { URIReference($0).resource }
    let document = Document(text: text, uris: plain, dialect: dialect)
    let outline = try SchemaOutline.read(
      text, base: plain.first ?? "", dialect: dialect, library: self)
    for uri in outline.identifiers where parts?.contains(uri) != false {
      let name = ByteSlice(utf8: uri)
      if embedded[name] == nil { embedded[name] = document }
    }
    for uri in plain { named[ByteSlice(utf8: uri)] = document }
  }

  /// The document that has `uri`, absolute and without fragment, or a part with that name.
  func document(for uri: String) -> Document? {
    let name = ByteSlice(utf8: uri)
    return named[name] ?? embedded[name] ?? Metaschemas.documents[uri]
  }

  /// What `$schema` means: one of the two editions, or the dialect of a metaschema here whose
  /// `$vocabulary` names known vocabularies.
  func rules(forDialect uri: String, at pointer: String) throws(SchemaFault) -> DialectRules {
    if let edition = SchemaDialect(uri: uri) { return DialectRules(edition) }
    let plain = URIReference(uri).resource
    guard let document = document(for: plain), !document.isBuiltIn,
      let root = try? JSONDocument(parsing: document.text).root,
      document.uris.contains(plain) || root["$id"]?.text.map({ $0 == plain }) == true,
      let declared = root["$vocabulary"], declared.kind == .object,
      root["$schema"]?.text.flatMap(SchemaDialect.init(uri:)) ?? document.dialect != .draft07
    else { throw SchemaFault(at: pointer, .unknownDialect(uri)) }
    var vocabularies: Vocabularies = .core
    for (name, isNeeded) in declared.members {
      if let vocabulary = Vocabularies(uri: name.text) {
        vocabularies.formUnion(vocabulary)
      } else if isNeeded.bool != false {
        throw SchemaFault(at: pointer, .unknownVocabulary(name.text, dialect: uri))
      }
    }
    return DialectRules(.draft202012, vocabularies)
  }
}
