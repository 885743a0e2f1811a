import Bytes
import Events
import JSONText
import Schemas
import Topics

/// What a replay check has found: counts by rule, field, producer and schema version, with the
/// newest message ids of each. Bounded by `ReplayLimits`, whatever the events are.
struct ReplayTally: Sendable {
  /// How often something was refused, and where to look.
  private struct Row: Sendable {
    /// Events looked at; of rules and fields only those refused.
    var checked = 0
    var refused = 0
    var samples: [MessageID] = []

    mutating func refuse(_ id: MessageID) {
      refused += 1
      if samples.count == ReplayLimits.samples { samples.removeFirst() }
      samples.append(id)
    }
  }

  private struct Rule: Hashable, Sendable {
    let schemaPointer: String
    let keyword: String
    let code: String
  }

  private struct Producer: Hashable, Sendable {
    let principal: String?
    let service: String?
    let source: String?

    init(_ record: Record) {
      func text(_ name: AttributeName) -> String? {
        record.attributes[name].map { JSONPointer.cut($0, to: ReplayLimits.nameBytes) }
      }
      principal = text(.authid)
      service = text(.service)
      source = text(.source)
    }
  }

  private(set) var checked = 0
  private(set) var refused = 0
  /// Looked at, but of another type, or not JSON.
  var otherType = 0
  var notJSON = 0
  /// Those that the caller would not be shown whole.
  var classified = 0
  /// In the range, but trimmed before they were read, or damaged.
  var gone: UInt64 = 0
  var damaged: UInt64 = 0
  private var rules = Rows<Rule>()
  private var fields = Rows<String>()
  private var producers = Rows<Producer>()
  private var versions = Rows<UInt32>()

  /// The events that were looked at in any way.
  var seen: Int { checked + otherType + notJSON + classified }

  /// An event that the candidate takes.
  mutating func take(_ record: Record) {
    checked += 1
    producers.update(Producer(record)) { $0.checked += 1 }
    versions.update(record.schemaVersion) { $0.checked += 1 }
  }

  /// An event that the candidate does not take.
  mutating func refuse(_ record: Record, _ refusal: SchemaRefusal) {
    take(record)
    refused += 1
    producers.update(Producer(record)) { $0.refuse(record.id) }
    versions.update(record.schemaVersion) { $0.refuse(record.id) }
    switch refusal {
    case .violations(let violations, truncated: _): count(violations, record.id)
    case .patternLimit(let violation?): count([violation], record.id)
    case .patternLimit(nil): count(ProblemCode.patternLimit, record.id)
    case .budgetExceeded: count(ProblemCode.validationBudget, record.id)
    // Without a binding there is none of these.
    case .malformedJSON, .schemaRequired, .unknownType, .schemaMismatch, .mediaType,
      .notCompiled:
      break
    }
  }

  private mutating func count(_ violations: [Violation], _ id: MessageID) {
    let broken = Set(
      violations.map {
        Rule(schemaPointer: $0.schemaPointer, keyword: $0.keyword, code: $0.code.name)
      })
    for rule in broken { rules.update(rule) { $0.refuse(id) } }
    for field in Set(violations.map(\.field)) { fields.update(field) { $0.refuse(id) } }
  }

  private mutating func count(_ code: ProblemCode, _ id: MessageID) {
    let rule = Rule(schemaPointer: "#", keyword: "", code: code.rawValue)
    rules.update(rule) { $0.refuse(id) }
  }

  /// Writes the members of the report.
  func write(into json: inout JSONWriter) {
    json.key("checked")
    json.integer(checked)
    json.key("refused")
    json.integer(refused)
    json.key("percent")
    json.number(percent(refused, of: checked))
    json.key("skipped")
    json.beginObject()
    json.key("notJSON")
    json.integer(notJSON)
    json.key("classified")
    json.integer(classified)
    json.key("otherType")
    json.integer(otherType)
    json.key("gone")
    json.integer(gone)
    json.key("damaged")
    json.integer(damaged)
    json.endObject()
    write("schemaVersions", versions, into: &json) { version, json in
      json.key("version")
      if version == 0 { json.null() } else { json.integer(Int(version)) }
    }
    write("rules", rules, into: &json) { rule, json in
      json.key("schemaPointer")
      json.string(rule.schemaPointer)
      json.key("keyword")
      json.string(rule.keyword)
      json.key("code")
      json.string(rule.code)
    }
    write("fields", fields, into: &json) { field, json in
      json.key("pointer")
      json.string(field)
    }
    write("producers", producers, into: &json) { producer, json in
      for (name, value) in [
        ("principal", producer.principal), ("service", producer.service),
        ("source", producer.source),
      ] as [(StaticString, String?)] {
        json.key(name)
        if let value { json.string(value) } else { json.null() }
      }
    }
  }

  private func percent(_ count: Int, of all: Int) -> Double {
    all == 0 ? 0 : Double(count) * 100 / Double(all)
  }

  private func write<Key>(
    _ name: StaticString, _ rows: Rows<Key>, into json: inout JSONWriter,
    _ writeKey: (Key, inout JSONWriter) -> Void
  ) {
    json.key(name)
    json.beginArray()
    for (key, row) in rows.worst {
      json.beginObject()
      writeKey(key, &json)
      if row.checked > 0 {
        json.key("checked")
        json.integer(row.checked)
      }
      json.key("refused")
      json.integer(row.refused)
      json.key("percent")
      json.number(percent(row.refused, of: row.checked > 0 ? row.checked : checked))
      json.key("samples")
      json.beginArray()
      for id in row.samples { json.string(id) }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }

  /// Rows by key: as many as are allowed, events of others only counted.
  private struct Rows<Key: Hashable & Sendable>: Sendable {
    private var known: [Key: Row] = [:]

    mutating func update(_ key: Key, _ change: (inout Row) -> Void) {
      guard known.count < ReplayLimits.rows || known[key] != nil else { return }
      change(&known[key, default: Row()])
    }

    /// Those with refused events first, the most before the fewest, then the ones met most.
    var worst: ArraySlice<(key: Key, value: Row)> {
      known.sorted {
        ($0.value.refused, $0.value.checked, $0.value.samples.last?.entry ?? 0)
          > ($1.value.refused, $1.value.checked, $1.value.samples.last?.entry ?? 0)
      }.prefix(ReplayLimits.listed)
    }
  }
}
