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
  /// What is in force in place of the version that the event breaks, or that version where its line
  /// has gone; nil where it is not there any more, so that nobody knows its line. A version that is
  /// younger than the event is another one: the topic was deleted and made anew.
  let standard: StoredSchema?

  /// Nil where what the event broke cannot be read.
  ///
  /// - Parameter quarantine: the topic that the event lies in.
  init?(of record: Record, _ quarantine: TopicAddress, in engine: some Catalogue) {
    guard let source = record.attributes[.quarantinedFrom], let name = Name(source.lastPart),
      let failed = record.attributes[.failedSchema], let version = UInt32(decimal: failed.lastPart)
    else { return nil }
    topic = quarantine.classifying(name)
    book = engine.schemaBook(of: topic)
    guard let broken = book.version(version), broken.registered <= record.publishTime else {
      standard = nil
      return
    }
    standard = book.defaultVersion(of: broken.subject) ?? broken
  }
}

extension Record {
  /// Whether it lies in the quarantine of another topic.
  var isQuarantined: Bool {
    schemaVersion == 0 && attributes.hasExtensions && attributes[.quarantinedFrom] != nil
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
