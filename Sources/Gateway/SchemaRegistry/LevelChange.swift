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
  /// Holds the versions in force of a topic against the others of their lines, as the topic's level
  /// has it now.
  func unmet(at address: TopicAddress, under terms: SchemaRegistration.Terms) async -> UnmetLevels {
    guard terms.asks else { return UnmetLevels() }
    let key = ByteSlice(utf8: "\(address)")
    return await survey(key, of: address.caller) { survey in
      try await look(at: address, under: terms, for: &survey)
    }
  }

  /// The same of those topics of a namespace whose level or policy is another one after a change of
  /// its policy, as far as the caller may see their schemas.
  func unmet(
    changedBy policy: NamespacePolicy?, from known: NamespacePolicy?,
    of namespace: NamespaceAddress, _ scope: TenantScope
  ) async -> UnmetLevels {
    let terms = SchemaRegistration.Terms(TopicRules(of: namespace, under: policy))
    guard terms != SchemaRegistration.Terms(TopicRules(of: namespace, under: known)) else {
      return UnmetLevels()
    }
    let key = ByteSlice(utf8: "\(namespace.tenant)/\(namespace.namespace)")
    return await survey(key, of: scope) { survey in
      var pace = Pace()
      var after: Name?
      repeat {
        let page = parts.engine.topics(
          in: namespace, after: after, limit: GatewayLimits.topicsPerPage)
        for topic in page {
          guard mayGoOn(&survey) else { return }
          let terms = SchemaRegistration.Terms(
            TopicRules(of: namespace, topic: topic, under: policy))
          let before = SchemaRegistration.Terms(
            TopicRules(of: namespace, topic: topic, under: known))
          if terms.asks, terms != before,
            let address = try? scope.address(
              of: TopicReference(
                tenant: namespace.tenant, namespace: namespace.namespace, topic: topic.name),
              for: .manage)
          {
            try await look(at: address.detached, under: terms, for: &survey)
          }
          pace.note(bytes: 0)
          if pace.isDue(timers) { await nextTurn() }
        }
        after = page.count == GatewayLimits.topicsPerPage ? page.last?.name : nil
        if after != nil { await nextTurn() }
      } while after != nil
    }
  }

  /// Looks at what a change concerns, one of a tenant at a time. The change is made:
  /// whatever hinders looking is told with it and refuses nothing.
  private func survey(
    _ key: ByteSlice, of caller: TenantScope, _ look: (inout LevelSurvey) async throws -> Void
  ) async -> UnmetLevels {
    var survey = LevelSurvey(began: timers.clocks.monotonic())
    let tenant = caller.tenant.bytes
    guard parts.comparisons.enter(key, of: tenant, at: survey.began) == nil else {
      survey.found.isComplete = false
      return survey.found
    }
    defer {
      parts.comparisons.leave(
        key, of: tenant, from: survey.began, at: timers.clocks.monotonic())
    }
    do {
      try await look(&survey)
    } catch {
      survey.found.isComplete = false
    }
    return survey.found
  }

  private func mayGoOn(_ survey: inout LevelSurvey) -> Bool {
    guard timers.clocks.monotonic() - survey.began < GatewayLimits.levelPatience,
      survey.found.lines.count < SchemaLimits.warnings, !Task.isCancelled
    else {
      survey.found.isComplete = false
      return false
    }
    return true
  }

  /// Compares all lines of a topic, on a worker: one after the other, each at once.
  private func look(
    at address: TopicAddress, under terms: SchemaRegistration.Terms,
    for survey: inout LevelSurvey
  ) async throws {
    let book = parts.engine.schemaBook(of: address)
    let (clocks, end) = (timers.clocks, survey.began + GatewayLimits.levelPatience)
    // Nobody follows a line of which nothing is in force.
    for subject in book.subjects where book.defaultVersion(of: subject) != nil {
      guard mayGoOn(&survey) else { return }
      let work = try await work(on: subject, at: address)
      let line = try await inOneTurn(of: address.caller) {
        try work.unmetLine(subject, under: terms) { clocks.monotonic() < end }
      }
      if let line { survey.found.lines.append(line) }
    }
  }
}

extension SchemaWork {
  /// What there is to say of a line whose version in force does not keep to a level.
  ///
  /// - Parameter mayGoOn: as in `versions`.
  fileprivate func unmetLine(
    _ subject: SchemaSubject, under terms: SchemaRegistration.Terms, while mayGoOn: () -> Bool
  ) throws(Refusal) -> UnmetLevels.Line? {
    // A candidate is held against the one in force, which alone is read under `strict`; here that
    // one is the candidate, and it is held against the one before it.
    let reading = SchemaRegistration.Terms(level: terms.level, policy: .evolution)
    let versions = try versions(of: subject, reading, while: mayGoOn)
    guard let inForce = versions.last, let program = inForce.program else { return nil }
    // What is newer than the one in force was withdrawn: the transitive levels alone count it.
    let others: [SchemaRegistration.Version] = versions.dropLast().filter {
      terms.level.isTransitive || $0.number < inForce.number
    }
    guard !others.isEmpty else { return nil }
    let report = CompatibilityReport(program, against: others, terms: terms)
    guard report.isCompatible != true else { return nil }
    return UnmetLevels.Line(
      topic: address, subject: subject, version: inForce.number, report: report)
  }
}

/// A look at what a change of compatibility concerns; it ends after `GatewayLimits.levelPatience`.
private struct LevelSurvey {
  let began: MonotonicTime
  var found = UnmetLevels()
}

extension SchemaRegistration.Terms {
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
