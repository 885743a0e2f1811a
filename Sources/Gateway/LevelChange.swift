import Bytes
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// What a change of compatibility finds. A level is a rule for versions to come: it is taken
/// whatever is there, as every registry takes it, and the answer says which versions in force would
/// not have been.
extension GatewayResponder {
  /// Holds the versions in force of topics against the others of their lines, as the levels of the
  /// topics have it now. Compares on a worker, one in the whole gateway at a time; ends after
  /// `GatewayLimits.levelPatience`.
  func unmet(_ topics: [(TopicAddress, SchemaRegistration.Terms)]) async throws -> UnmetLevels {
    var found = UnmetLevels()
    guard let first = topics.first?.0 else { return found }
    let (key, began) = (ByteSlice(utf8: "\(first)"), timers.clocks.monotonic())
    guard parts.comparisons.enter(key, at: began) == nil else {
      found.isComplete = false
      return found
    }
    defer { parts.comparisons.leave(key, from: began, at: timers.clocks.monotonic()) }
    for (address, terms) in topics {
      let book = parts.engine.schemaBook(of: address)
      for subject in book.subjects {
        guard timers.clocks.monotonic() - began < GatewayLimits.levelPatience,
          found.lines.count < SchemaLimits.warnings
        else {
          found.isComplete = false
          return found
        }
        let versions = try await versions(of: subject, in: book, at: address, terms)
        guard versions.count > 1, let inForce = versions.last, let program = inForce.program
        else { continue }
        let report = try await parts.workers.run {
          CompatibilityReport(program, against: versions.dropLast(), terms: terms)
        }
        guard report.isCompatible != true else { continue }
        found.lines.append(
          UnmetLevels.Line(
            topic: address, subject: subject, version: inForce.number, report: report))
      }
    }
    return found
  }

  /// The topics of a namespace whose level or policy is another one after a change of its policy,
  /// as far as the caller may see their schemas.
  func topics(
    changedBy policy: NamespacePolicy?, from known: NamespacePolicy?,
    of namespace: NamespaceAddress, _ scope: TenantScope
  ) -> [(TopicAddress, SchemaRegistration.Terms)] {
    var changed: [(TopicAddress, SchemaRegistration.Terms)] = []
    var after: Name?
    repeat {
      let page = parts.engine.topics(
        in: namespace, after: after, limit: GatewayLimits.topicsPerPage)
      for topic in page
      where topic.configuration.compatibility == nil || topic.configuration.evolution == nil {
        let terms = SchemaRegistration.Terms(TopicRules(of: namespace, topic: topic, under: policy))
        guard terms.asks,
          terms != .init(TopicRules(of: namespace, topic: topic, under: known)),
          let address = try? scope.address(
            of: TopicReference(
              tenant: namespace.tenant, namespace: namespace.namespace, topic: topic.name),
            for: .manage)
        else { continue }
        changed.append((address.detached, terms))
      }
      after = page.count == GatewayLimits.topicsPerPage ? page.last?.name : nil
    } while after != nil
    return changed
  }
}

extension SchemaRegistration.Terms {
  init(_ rules: TopicRules) {
    self.init(level: rules.compatibility, policy: rules.evolution)
  }

  /// Whether they compare anything.
  var asks: Bool { level.looksBackward || level.looksForward }
}

/// Lines whose version in force does not keep to the level of its topic beside the versions that
/// count.
struct UnmetLevels: Sendable {
  struct Line: Sendable {
    let topic: TopicAddress
    let subject: SchemaSubject
    /// In force.
    let version: UInt32
    /// Not compatible, or not decided.
    let report: CompatibilityReport
  }

  var lines: [Line] = []
  /// Whether all that is concerned was looked at.
  var isComplete = true

  var isWorthTelling: Bool { !lines.isEmpty || !isComplete }

  /// Writes the array of `warnings`.
  func write(into json: inout JSONWriter) {
    json.beginArray()
    for line in lines { line.write(into: &json) }
    if !isComplete {
      json.beginObject()
      json.key("code")
      json.string("compatibility.unchecked")
      json.key("message")
      json.string("not every schema that is registered was held against the level")
      json.endObject()
    }
    json.endArray()
  }
}

extension UnmetLevels.Line {
  fileprivate func write(into json: inout JSONWriter) {
    let isBroken = report.isCompatible == false
    let other = report.comparisons.last { ($0.verdict.isIncluded == false) == isBroken }
    json.beginObject()
    json.key("code")
    json.string(isBroken ? "compatibility.unmet" : "compatibility.undecided")
    json.key("message")
    let text =
      "version \(version) of '\(subject)' "
      + (isBroken ? "does not keep" : "is not known to keep") + " to \(report.terms.level.word)"
      + (other.map { " beside version \($0.version)" } ?? "") + report.firstReason
    json.string(JSONPointer.cut(ByteSlice(utf8: text), to: GatewayLimits.detailBytes))
    json.key("topic")
    json.string("\(topic)")
    json.key("subject")
    json.string(subject.bytes)
    json.key("version")
    json.integer(Int(version))
    json.endObject()
  }
}
