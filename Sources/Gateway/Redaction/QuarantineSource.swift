import Bytes
import Events
import Schemas
import Tenancy
import Topics

/// Where a quarantined event came from, as far as that is known.
struct QuarantineSource {
  /// Where it was sent; granted for what its schemas label, and nothing else.
  let topic: TopicAddress
  let book: SchemaBook
  /// What is in force in place of the version that the event breaks.
  let standard: StoredSchema?

  /// Nil for events that were not quarantined, and where what they broke cannot be read.
  ///
  /// - Parameter quarantine: the topic that the event lies in.
  init?(of record: Record, _ quarantine: TopicAddress, in engine: some Catalogue) {
    guard record.schemaVersion == 0, record.attributes.hasExtensions,
      let source = record.attributes[.quarantinedFrom], let name = Name(source.lastPart),
      let failed = record.attributes[.failedSchema], let version = UInt32(decimal: failed.lastPart)
    else { return nil }
    topic = quarantine.classifying(name)
    book = engine.schemaBook(of: topic)
    let book = book
    standard = book.version(version).flatMap { book.defaultVersion(of: $0.subject) }
  }
}

extension TopicAddress {
  /// Whether the payload of a quarantined event may be looked into for the reader.
  func shows(_ quarantined: Record) -> Bool {
    let labels = ClassLabel.list(quarantined.attributes[.dataClasses] ?? .empty)
    return labels.isEmpty || labels.allSatisfy(classes.covers)
  }
}

extension ClassLabel {
  /// The labels of a list with commas between.
  static func list(_ text: ByteSlice) -> [ClassLabel] {
    text.text.split(separator: ",").map { ClassLabel(ByteSlice(utf8: String($0))) ?? .unreadable }
  }
}

extension ByteSlice {
  /// What stands behind the last slash.
  fileprivate var lastPart: ByteSlice {
    var start = count
    while start > 0, self[start - 1] != ASCII.slash { start -= 1 }
    return dropFirst(start)
  }
}
