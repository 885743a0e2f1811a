import Bytes
import Crypto
import JSONText
import Schemas
import Tenancy
import Topics

/// What reading a document comes to: what is kept of it, and what its owner should know.
struct DocumentReview: Sendable {
  let fingerprint: ByteSlice
  let links: DocumentLinks
  let dialect: SchemaDialect
  /// What it refers to, directly or through others, by the URIs that lead there.
  let places: [(uri: String, place: DocumentPlace)]
  let unresolved: [Unresolved]
  /// What the lint has to say, the same as of topics' schemas.
  let warnings: [SchemaFinding]

  struct Unresolved: Sendable {
    /// The document that holds the reference, as `namespace/name`; nil: this one.
    let holder: String?
    let pointer: String?
    let uri: String
  }

  /// Reads a document under `base`. Takes milliseconds: on a worker.
  ///
  /// References need not lead anywhere yet, or may go round in circles: only binding to a topic
  /// refuses that. What is wrong with the text itself is refused at once.
  init(
    of text: ByteSlice, as name: DocumentName, base: String, dialect declared: SchemaDialect?,
    in namespace: Name, _ finder: DocumentFinder
  ) throws(SchemaFault) {
    let assembly = try SchemaAssembly(
      of: text, base: base, dialect: declared, in: namespace, finder, as: name)
    links = try assembly.links(of: text, base: base)
    dialect = assembly.outline.dialect
    places = assembly.places.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    var unresolved = assembly.missing.map {
      Unresolved(holder: $0.holder, pointer: $0.pointer, uri: $0.uri)
    }
    var warnings: [SchemaFinding] = []
    do throws(SchemaFault) {
      warnings = SchemaLint.findings(
        in: try CompiledSchema.compile(
          text, dialect: declared, base: base, library: assembly.library, isNew: true))
    } catch {
      for fault in [error] + error.others {
        switch fault.reason {
        case .unresolvedReferences(let references):
          for reference in references
          where !unresolved.contains(where: { $0.uri == DocumentLinks.plain(reference.uri) }) {
            unresolved.append(
              Unresolved(holder: nil, pointer: reference.pointer, uri: reference.uri))
          }
        // Or in a document that it refers to.
        case _ where fault.reason == .referenceLoop || !fault.pointer.hasPrefix("#"):
          warnings.append(
            SchemaFinding(
              pointer: fault.pointer, code: fault.reason.code, message: fault.reason.message))
        default: throw fault
        }
      }
    }
    self.unresolved = unresolved
    self.warnings = warnings
    fingerprint = try Self.fingerprint(of: text, declared)
  }

  /// `sha256:` and the digest of the canonical text and the edition that the media type named: two
  /// texts share it that differ in white space and order of members only.
  static func fingerprint(
    of text: ByteSlice, _ dialect: SchemaDialect?
  ) throws(SchemaFault) -> ByteSlice {
    var identity = ByteWriter()
    identity.append(text: (dialect?.name ?? "") + "\n")
    do throws(JSONFault) {
      identity.append(CanonicalJSON.text(of: try JSONDocument(parsing: text).root))
    } catch {
      throw SchemaFault(notJSON: error)
    }
    return ByteSlice(utf8: "sha256:" + Digest.sha256(identity.slice).hexadecimal)
  }
}
