public import Bytes

/// The name of a CloudEvents context attribute. Those that every event has, or that the gateway
/// reads, are cases with a number of their own; the rest are extensions by name.
public enum AttributeName: Hashable, Sendable {
  case id, source, type, subject, time, datacontenttype, dataschema
  case traceparent, tracestate
  case authtype, authid, authissuer, service, requestid
  case custom(ByteSlice)

  /// The longest name we take, as CloudEvents §3.1 advises.
  public static let maxLength = 20

  /// The attribute that `name` names, or nil unless it follows the grammar `[a-z0-9]{1,20}`.
  public init?(_ name: ByteSlice) {
    guard Self.isWellFormed(name) else { return nil }
    for (number, text) in Self.names.enumerated() where name.equals(text) {
      self = Self.numbered[number]
      return
    }
    self = .custom(name)
  }

  /// The name as CloudEvents spells it.
  public var text: ByteSlice {
    if case .custom(let name) = self { return name }
    return Self.slices[Int(number) - 1]
  }

  /// Whether only the gateway writes the attribute: CloudEvents' auth context (`authtype`,
  /// `authid`), the issuer, the service tag, the request, and what a schema has against a stored
  /// event (`schemaerrors`, `failedschema`, `quarantinedfrom`, `dataclasses`); besides these
  /// `messageid`, `publishtime`, `schemaversion` and `redacted`, which are never stored.
  public var isGatewayWritten: Bool {
    switch self {
    case .authtype, .authid, .authissuer, .service, .requestid: true
    case .custom(let name):
      name.equals("messageid") || name.equals("publishtime") || name.equals("schemaversion")
        || name.equals("schemaerrors") || name.equals("failedschema")
        || name.equals("quarantinedfrom") || name.equals("dataclasses")
        || name.equals("redacted")
    default: false
    }
  }

  static func isWellFormed(_ name: ByteSlice) -> Bool {
    guard name.count >= 1, name.count <= maxLength else { return false }
    for index in 0..<name.count where !ASCII.isDigit(name[index]) && !ASCII.isLower(name[index]) {
      return false
    }
    return true
  }

  /// What a schema has against an event that was stored all the same: JSON text, no values.
  public static let schemaErrors = AttributeName.custom(ByteSlice(utf8: "schemaerrors"))
  /// Of a quarantined event: the URI of the version that it breaks.
  public static let failedSchema = AttributeName.custom(ByteSlice(utf8: "failedschema"))
  /// Of a quarantined event: `<tenant>/<namespace>/<topic>` that it was sent to.
  public static let quarantinedFrom = AttributeName.custom(ByteSlice(utf8: "quarantinedfrom"))

  /// Of a quarantined event: the classes that the version it breaks has labels of, with commas
  /// between; nowhere else.
  public static let dataClasses = AttributeName.custom(ByteSlice(utf8: "dataclasses"))

  // MARK: Numbers in stored blocks; they never change meaning

  /// The number in an encoded block: 0 says that the name itself follows.
  var number: UInt8 {
    switch self {
    case .custom: 0
    case .id: 1
    case .source: 2
    case .type: 3
    case .subject: 4
    case .time: 5
    case .datacontenttype: 6
    case .dataschema: 7
    case .traceparent: 8
    case .tracestate: 9
    case .authtype: 10
    case .authid: 11
    case .authissuer: 12
    case .service: 13
    case .requestid: 14
    }
  }

  init?(number: UInt8) {
    guard number >= 1, number <= Self.numbered.count else { return nil }
    self = Self.numbered[Int(number) - 1]
  }

  /// In order of their numbers, from 1.
  private static let numbered: [AttributeName] = [
    .id, .source, .type, .subject, .time, .datacontenttype, .dataschema, .traceparent, .tracestate,
    .authtype, .authid, .authissuer, .service, .requestid,
  ]
  private static let names: [StaticString] = [
    "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "traceparent",
    "tracestate", "authtype", "authid", "authissuer", "service", "requestid",
  ]
  private static let slices: [ByteSlice] = names.map { ByteSlice(utf8: "\($0)") }
}
