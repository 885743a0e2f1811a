import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// What a document's media type says: `application/schema+json;version=draft-07`.
struct DocumentTerms {
  /// The edition of a text without `$schema`; nil: the referrer's.
  let dialect: SchemaDialect?

  init(contentType: ByteSlice?) throws(Refusal) {
    let terms = try SchemaTerms(contentType: contentType)
    guard terms.type == .json else {
      throw Refusal(.mediaType, "documents are JSON Schemas: send application/schema+json")
    }
    guard terms.formats == nil else {
      throw Refusal(
        .mediaType, "whether formats are asserted is said by a topic's schema, not by documents")
    }
    dialect = terms.dialect
  }
}

/// What `?uri=` asks for.
enum WishedURI {
  /// Not given: as before.
  case kept
  /// Given and empty: none.
  case none
  case given(ByteSlice)

  init(_ value: ByteSlice?, tenant: Name) throws(Refusal) {
    guard let value else {
      self = .kept
      return
    }
    guard !value.isEmpty else {
      self = .none
      return
    }
    guard value.count <= DocumentLimits.uriBytes, Self.isAbsolute(value) else {
      throw Refusal(
        .badParameter,
        "'uri' is not an absolute URI without fragment, of at most \(DocumentLimits.uriBytes) bytes"
      )
    }
    guard DocumentPath(uri: value.text)?.tenant != tenant else {
      throw Refusal(.badParameter, "'uri' is a place of this API, where a document has its own")
    }
    self = .given(ByteSlice(copying: value.span))
  }

  /// Whether what it comes to depends on the version that is current.
  var isKept: Bool { if case .kept = self { true } else { false } }

  func applied(to current: ByteSlice?) -> ByteSlice? {
    switch self {
    case .kept: current
    case .none: nil
    case .given(let uri): uri
    }
  }

  /// `scheme:` and characters that stand in URIs (RFC 3986 §2, §3.1), no fragment.
  private static func isAbsolute(_ text: ByteSlice) -> Bool {
    guard let colon = text.firstIndex(of: ASCII.colon), colon > 0, colon + 1 < text.count,
      ASCII.isAlphanumeric(text[0]), !ASCII.isDigit(text[0])
    else { return false }
    for index in 1..<colon {
      let byte = text[index]
      guard ASCII.isAlphanumeric(byte) || byte == 0x2B || byte == ASCII.minus || byte == ASCII.dot
      else { return false }
    }
    let excluded: [UInt8] = [0x22, 0x23, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D]
    return text.array.allSatisfy { $0 > 0x20 && $0 < 0x7F && !excluded.contains($0) }
      && PercentEncoding.decode(text) != nil
  }
}

extension EntityTag {
  /// Of a document's version: its text and what it is known by.
  init(_ version: DocumentVersion) {
    self.init { json in
      json.string("document")
      json.integer(Int(version.version))
      json.string(version.fingerprint)
      json.string(version.uri ?? .empty)
      json.string(version.state.name)
      json.string(version.text)
    }
  }
}
