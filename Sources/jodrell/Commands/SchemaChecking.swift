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
        tell(program, SchemaInput.name(path))
        if isStrict, !program.warnings.isEmpty { isGood = false }
      } catch {
        tell(error, SchemaInput.name(path))
        isGood = false
      }
    }
    return isGood ? .done : .failed
  }

  private func tell(_ program: CompiledSchema, _ name: String) {
    let count = program.warnings.count
    style.good(
      "\(name): good · \(program.dialect.name) · formats \(program.formats.name)"
        + (count == 0 ? "" : " · \(count) \(count == 1 ? "warning" : "warnings")"))
    for warning in program.warnings {
      style.bad("\(name): warning: \(warning.pointer) \(warning.message)")
    }
    style.object { json in
      json.key("file")
      json.string(name)
      json.key("valid")
      json.bool(true)
      json.key("dialect")
      json.string(program.dialect.name)
      json.key("formats")
      json.string(program.formats.name)
      json.key("fingerprint")
      json.string(program.fingerprint { Digest.sha256($0).bytes })
      json.key("warnings")
      json.beginArray()
      for warning in program.warnings {
        json.beginObject()
        json.key("pointer")
        json.string(warning.pointer)
        json.key("message")
        json.string(warning.message)
        json.endObject()
      }
      json.endArray()
    }
  }

  private func tell(_ fault: SchemaFault, _ name: String) {
    style.bad("\(name): \(fault.pointer) \(fault.reason.message)")
    style.object { json in
      json.key("file")
      json.string(name)
      json.key("valid")
      json.bool(false)
      json.key("problem")
      json.raw(Refusal(fault as any Error).document(instance: nil))
    }
  }
}
