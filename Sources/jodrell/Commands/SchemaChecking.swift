import Bytes
import Crypto
import Gateway
import JSONText
import Schemas

/// `jodrell schema check`: compiles schemas as registration does, and tells its warnings.
struct SchemaChecking {
  let source: SchemaSource
  let style: SchemaStyle
  /// Whether a warning counts as a fault.
  let isStrict: Bool

  func run(_ paths: [String]) throws(CommandFault) -> ExitCode {
    var isGood = true
    for path in paths {
      let text = try SchemaInput.whole(path)
      do throws(SchemaFault) {
        let program = try source.program(text, of: path)
        let findings = SchemaLint.findings(in: program)
        tell(program, findings, SchemaInput.name(path))
        if isStrict, !findings.isEmpty { isGood = false }
      } catch {
        tell(error, SchemaInput.name(path))
        isGood = false
      }
    }
    return isGood ? .done : .failed
  }

  private func tell(_ program: CompiledSchema, _ findings: [SchemaFinding], _ name: String) {
    let count = findings.count
    style.good(
      "\(name): good · "
        + (program.type == .json
          ? "\(program.dialect.name) · formats \(program.formats.name)" : program.type.name)
        + (count == 0 ? "" : " · \(count) \(count == 1 ? "warning" : "warnings")"))
    for finding in findings {
      style.bad("\(name): warning: \(finding.pointer) \(finding.message)  [\(finding.code)]")
    }
    style.object(isGood: findings.isEmpty) { json in
      json.key("file")
      json.string(name)
      json.key("valid")
      json.bool(true)
      json.key("type")
      json.string(program.type.name)
      if program.type == .json {
        json.key("dialect")
        json.string(program.dialect.name)
        json.key("formats")
        json.string(program.formats.name)
      }
      json.key("fingerprint")
      json.string(program.fingerprint { Digest.sha256($0).bytes })
      json.key("warnings")
      SchemaFinding.write(findings, into: &json)
    }
  }

  private func tell(_ fault: SchemaFault, _ name: String) {
    for fault in [fault] + fault.others {
      style.bad("\(name): \(fault.pointer) \(fault.reason.message)")
    }
    style.object(isGood: false) { json in
      json.key("file")
      json.string(name)
      json.key("valid")
      json.bool(false)
      json.key("problem")
      json.raw(Refusal(fault as any Error).document(instance: nil))
    }
  }
}
