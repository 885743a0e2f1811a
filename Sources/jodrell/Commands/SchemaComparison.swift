import Bytes
import Crypto
import Gateway
import JSONText
import Schemas

/// `jodrell schema diff`: whether a schema may follow others, decided as registration decides it.
struct SchemaComparison {
  let source: SchemaSource
  let style: SchemaStyle
  let terms: SchemaRegistration.Terms

  /// - Parameter paths: the versions, oldest first; the last is the candidate.
  func run(_ paths: [String]) throws(CommandFault) -> ExitCode {
    var versions: [SchemaRegistration.Version] = []
    for path in paths.dropLast() {
      let program = try source.compile(path)
      versions.append(
        SchemaRegistration.Version(
          number: UInt32(versions.count + 1),
          fingerprint: program.fingerprint { Digest.sha256($0).bytes }, program: program))
    }
    let path = paths[paths.count - 1]
    let candidate = try source.compile(path)
    let outcome = SchemaRegistration.decide(
      candidate, fingerprint: candidate.fingerprint { Digest.sha256($0).bytes },
      against: versions, terms: terms)
    let name = SchemaInput.name(path)
    let level = "\(terms.level.word) (\(terms.policy.name))"
    switch outcome {
    case .register:
      style.good("\(name): keeps to \(level)")
      tell(true, nil)
      return .done
    case .identical(let version):
      style.good("\(name): says the same as \(SchemaInput.name(paths[Int(version) - 1]))")
      tell(true, nil)
      return .done
    case .incompatible(let report):
      style.bad("\(name): does not keep to \(level)")
      tell(report, paths)
      tell(false, report)
      return .failed
    case .undecided(let report):
      style.bad("\(name): whether it keeps to \(level) is not decided")
      tell(report, paths)
      tell(nil, report)
      return .failed
    }
  }

  private func tell(_ isCompatible: Bool?, _ report: CompatibilityReport?) {
    style.object(isGood: isCompatible == true) { json in
      json.key("compatible")
      if let isCompatible { json.bool(isCompatible) } else { json.null() }
      report?.write(into: &json)
    }
  }

  private func tell(_ report: CompatibilityReport, _ paths: [String]) {
    for comparison in report.comparisons where comparison.verdict.isIncluded != true {
      let old = SchemaInput.name(paths[Int(comparison.version) - 1])
      for reason in comparison.verdict.reasons {
        let (own, other) =
          comparison.direction == .backward
          ? (reason.reader, reason.writer) : (reason.writer, reason.reader)
        style.bad(
          "  \(own.pointer) \(reason.message)  [\(reason.rule); \(old) \(other.pointer)]")
      }
      guard let example = comparison.verdict.counterexample else { continue }
      let words = comparison.direction == .backward ? "was taken before" : "would be taken now"
      style.bad("  \(words) and is refused by the other: \(compactText(of: example))")
    }
  }
}
