import Bytes
import Events
import JSONText
import Schemas

/// What is wrong with an event itself and not with its payload: codes of the elements of `errors`
/// whose `pointer` leads into the CloudEvent. Names are stable; `docs/problems.md` lists all.
enum EventErrorCode: String, CaseIterable {
  case mediaType = "event.media_type"
  case form = "event.form"
  case missing = "event.attribute_missing"
  case name = "event.attribute_name"
  case duplicate = "event.attribute_duplicate"
  case value = "event.attribute_value"
  case tooMany = "event.attributes_too_many"
  case data = "event.data"
  case key = "event.key"
  case unknownType = "event.type_unknown"
  case schemaMismatch = "event.dataschema_mismatch"

  /// What it tells, for `docs/problems.md` and where nothing more precise is to be said.
  var meaning: String {
    switch self {
    case .mediaType: "The media type is none that is taken here."
    case .form: "The body has not the form that its media type says."
    case .missing: "An attribute that every event has is not there."
    case .name: "No attribute may have this name."
    case .duplicate: "The attribute stands twice."
    case .value: "The attribute's value breaks a rule; the message has it."
    case .tooMany: "There are too many attributes, or too long ones."
    case .data: "`data` or `data_base64` is not what it must be."
    case .key: "The ordering key is malformed, or said twice."
    case .unknownType: "No rule of the topic's binding fits the type; `types` has those that do."
    case .schemaMismatch: "It names no version that is accepted; `accepted` has those that are."
    }
  }

  /// The element of `errors`. Never a value: the name is all that is told of an attribute.
  func element(about attribute: AttributeName? = nil, _ message: String? = nil) -> ByteSlice {
    element(at: attribute?.text, message)
  }

  func element(at member: ByteSlice?, _ message: String? = nil) -> ByteSlice {
    var pointer = ByteWriter()
    if let member {
      pointer.append(ASCII.slash)
      JSONPointer.escape(member, into: &pointer)
    }
    return JSONWriter.text { json in
      json.beginObject()
      json.key("pointer")
      json.string(JSONPointer.cut(pointer.slice, to: SchemaLimits.pointerBytes))
      json.key("code")
      json.string(rawValue)
      json.key("message")
      json.string(message ?? meaning)
      json.endObject()
    }
  }
}

extension EventFault {
  /// The code, and the member of the CloudEvent that is at fault.
  var place: (code: EventErrorCode, member: ByteSlice?) {
    func named(_ name: String) -> ByteSlice { ByteSlice(utf8: name) }
    return switch self {
    case .unsupportedFormat, .badMediaType: (.mediaType, named("datacontenttype"))
    case .notAnObject, .notAnArray, .tooManyEvents, .attributesOnLines: (.form, nil)
    case .specVersionMissing: (.missing, named("specversion"))
    case .specVersionUnknown: (.value, named("specversion"))
    case .badAttributeName(let name): (.name, name)
    case .duplicateAttribute(let name): (.duplicate, name)
    case .badAttributeValue(let name, _): (.value, name)
    case .tooManyAttributes: (.tooMany, nil)
    case .dataTwice, .badBase64: (.data, named("data_base64"))
    case .dataNotText: (.data, named("data"))
    case .badKey, .keyConflict: (.key, named("partitionkey"))
    case .badTime: (.value, named("time"))
    }
  }
}

extension EventFault {
  /// The fault in a sentence; names of attributes are the sender's own.
  var text: String {
    switch self {
    case .unsupportedFormat: "the CloudEvents format is not JSON"
    case .badMediaType: "the media type is malformed or stands twice"
    case .notAnObject: "a structured event is a JSON object"
    case .notAnArray: "a batch is a JSON array"
    case .tooManyEvents(let limit): "a batch has at most \(limit) events"
    case .specVersionMissing: "'specversion' is missing"
    case .specVersionUnknown: "'specversion' is not 1.0"
    case .badAttributeName(let name):
      "'\(QueryParameters.shown(name))' is no attribute name: a-z and 0-9, at most 20"
    case .duplicateAttribute(let name):
      "the attribute '\(QueryParameters.shown(name))' stands twice"
    case .badAttributeValue(let name, let rule):
      "the attribute '\(QueryParameters.shown(name))' \(rule.text)"
    case .tooManyAttributes: "the event has too many attributes, or too long ones"
    case .dataTwice: "'data' and 'data_base64' exclude each other"
    case .badBase64: "'data_base64' is not canonical base64"
    case .dataNotText: "'data' is not a string although 'datacontenttype' is not JSON"
    case .badKey: "'Event-Key' is empty, too long, malformed or stands twice"
    case .keyConflict: "'Event-Key' and 'partitionkey' differ"
    case .badTime: "'Event-Time' is no RFC 3339 instant, stands twice or differs from 'time'"
    case .attributesOnLines: "'ce-' fields have no single event to belong to here"
    }
  }
}

extension AttributeRule {
  fileprivate var text: String {
    switch self {
    case .wrongType: "is not of a type that attributes have"
    case .empty: "is empty"
    case .badCharacter: "holds a control character or is not UTF-8"
    case .badEscape: "holds a broken percent escape or an open quote"
    case .badTime: "is no RFC 3339 instant"
    case .tooLong: "is too long"
    case .notAHeader: "is carried by Content-Type, not by a field of its own"
    case .reserved: "begins with '\(EventIntake.reservedTypes)': such types are the gateway's own"
    }
  }
}
