import Bytes
import Schemas
import Tenancy

/// The stored form of a binding's terms (docs/log-format.md, "Bindings").
enum BindingCoding {
  private static let version: UInt8 = 2

  static func encode(_ terms: SchemaBindingTerms) -> ByteSlice {
    var writer = ByteWriter(capacity: 64)
    writer.append(version)
    writer.append(terms.unmatched.rawValue)
    writer.append(terms.enforcement.rawValue)
    writer.append(terms.lint.rawValue)
    writer.append(prefixed: terms.quarantine?.bytes ?? .empty)
    writer.append(varint: UInt64(terms.rules.count))
    for rule in terms.rules {
      writer.append(prefixed: rule.type)
      writer.append(prefixed: rule.subject.bytes)
      writer.append(rule.enforcement?.rawValue ?? 0)
      writer.append(bigEndian: rule.versions?.first ?? 0)
      writer.append(bigEndian: rule.versions?.last ?? 0)
      writer.append(rule.versions?.spelling.rawValue ?? 0)
    }
    return writer.slice
  }

  /// Nil for the empty encoding: nothing is set.
  static func terms(_ bytes: ByteSlice) throws(StoreFault) -> SchemaBindingTerms? {
    if bytes.isEmpty { return nil }
    do {
      var cursor = ByteCursor(bytes)
      let written = try cursor.readByte()
      guard written == version || written == 1,
        let unmatched = SchemaBindingTerms.Unmatched(rawValue: try cursor.readByte()),
        let enforcement = SchemaEnforcement(rawValue: try cursor.readByte()),
        let lint = SchemaLintMode(rawValue: try cursor.readByte())
      else { throw MalformedRecord() }
      let name = try cursor.readPrefixed()
      let quarantine = name.isEmpty ? nil : Name(name)
      guard name.isEmpty || quarantine != nil else { throw MalformedRecord() }
      let count = try cursor.readVarint()
      guard count <= UInt64(SchemaLimits.bindingRules) else { throw MalformedRecord() }
      var rules: [SchemaBindingTerms.Rule] = []
      for _ in 0..<count { rules.append(try rule(&cursor, version: written)) }
      guard cursor.isAtEnd else { throw MalformedRecord() }
      return SchemaBindingTerms(
        rules: rules, unmatched: unmatched, enforcement: enforcement, quarantine: quarantine,
        lint: lint)
    } catch {
      throw .corruptRecord(family: KeyFamily.topicBinding.byte)
    }
  }

  private static func rule(
    _ cursor: inout ByteCursor, version: UInt8
  ) throws -> SchemaBindingTerms.Rule {
    let type = try cursor.readPrefixed()
    guard let subject = SchemaSubject(try cursor.readPrefixed()) else { throw MalformedRecord() }
    let raw = try cursor.readByte()
    let enforcement = SchemaEnforcement(rawValue: raw)
    guard raw == 0 || enforcement != nil else { throw MalformedRecord() }
    let (first, last) = (try cursor.readUInt32(), try cursor.readUInt32())
    // Version 1 did not keep how it was written.
    guard
      let spelling = SchemaVersionRange.Spelling(rawValue: version < 2 ? 0 : try cursor.readByte())
    else { throw MalformedRecord() }
    let versions = SchemaVersionRange(first: first, last: last, spelling: spelling)
    guard first == 0 || versions != nil else { throw MalformedRecord() }
    return SchemaBindingTerms.Rule(
      type: type, subject: subject, versions: versions, enforcement: enforcement)
  }
}
