import Bytes
import JSONText

/// What may stand in the parameters of the contract, as JSON Schemas.
extension OpenAPIDocument {
  /// The schema of a parameter; `operation` decides where a name means two things.
  static func schema(ofParameter name: String, in operation: Operation?) -> String {
    switch name {
    case "atomic", "durable", "dryRun", "deleted", "permanent", "bundle", "override",
      "authoritative", "force":
      return #"{"type":"boolean"}"#
    case "max", "limit": return #"{"type":"integer","minimum":1,"maximum":1000}"#
    case "last": return #"{"type":"integer","minimum":1,"maximum":1000000}"#
    case "version": return #"{"type":"integer","minimum":1,"maximum":999999999}"#
    case "wait": return #"{"type":"string","pattern":"^[0-9]+(ms|s|m)$"}"#
    case "from": return #"{"type":"string","examples":["earliest","latest","1:42"]}"#
    case "as": return #"{"const":"json-schema"}"#
    case "lint": return #"{"enum":["warn","strict"]}"#
    case "view":
      return operation.map { "\($0.id)" } == "getDocument"
        ? #"{"const":"description"}"# : #"{"enum":["event","data"]}"#
    case "uri": return #"{"type":"string","format":"uri"}"#
    case "after":
      switch operation.map({ "\($0.id)" }) {
      case "listSchemas": return #"{"type":"integer","minimum":0,"maximum":999999999}"#
      case "listDocuments": return #"{"type":"string","minLength":1}"#
      default: return ##"{"$ref":"#/components/schemas/Name"}"##
      }
    case "tenant", "namespace", "topic", "subscription", "name", "subject":
      return ##"{"$ref":"#/components/schemas/Name"}"##
    case "messageId": return #"{"type":"string","pattern":"^[0-9]{1,20}:[0-9]{1,20}$"}"#
    case "stream": return #"{"type":"string","pattern":"^[0-9a-f]{20}$"}"#
    default: return #"{"type":"string"}"#
    }
  }

  /// The schema of a path's parameter.
  static func schema(ofSegment name: String, in template: StaticString) -> String {
    // Pulsar counts from 0.
    if name == "version", "\(template)".hasPrefix("/admin/") {
      return #"{"type":"integer","minimum":0,"maximum":2147483646}"#
    }
    return schema(ofParameter: name, in: nil)
  }
}
