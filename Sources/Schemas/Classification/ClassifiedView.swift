public import Bytes
public import Tenancy

/// A classification as one reader meets it.
public struct ClassifiedView: Sendable {
  let classification: SchemaClassification
  /// What the reader may not see.
  let missing: SchemaClassification.Labels

  /// - Parameter classes: what the reader may see.
  public init(_ classification: SchemaClassification, for classes: ClassSet) {
    self.classification = classification
    missing = classification.missing(for: classes)
  }

  /// Whether the reader may see everything.
  public var isOpen: Bool { missing == 0 }

  /// What the reader may not see, sorted.
  public var hidden: [ClassLabel] { classification.labels(of: missing) }

  /// Bytes of memory of what it looks into.
  public var memory: Int { classification.memory }

  var hidesUndeclared: Bool { missing != 0 && classification.hidesUndeclared }
}

/// What a payload comes to for one reader.
public enum Redaction: Sendable {
  /// The stored bytes.
  case none
  /// Other bytes; the labels that were in the way, sorted.
  case replaced(ByteSlice, [ClassLabel])
  /// Nothing: what the payload holds cannot be told apart. The labels that would show it; empty
  /// where nobody knows them.
  case withheld([ClassLabel])
  /// Nothing yet: it takes more than an event loop may spend on it.
  case tooCostly
}
