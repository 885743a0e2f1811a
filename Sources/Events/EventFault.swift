public import Bytes

/// Why a request's body or header fields do not make an event (CloudEvents 1.0.2 and its HTTP and
/// JSON bindings). Names of attributes are the sender's own bytes, at most 256 of them.
public enum EventFault: Error, Equatable, Sendable {
  /// A CloudEvents media type in another format than JSON.
  case unsupportedFormat
  /// `Content-Type` or `datacontenttype` is no media type.
  case badMediaType
  /// A structured event that is no JSON object.
  case notAnObject
  /// A batch that is no JSON array.
  case notAnArray
  /// A batch of more events than the limit.
  case tooManyEvents(limit: Int)
  /// Attributes without `specversion`.
  case specVersionMissing
  /// A `specversion` other than `1.0`.
  case specVersionUnknown
  /// A name outside `[a-z0-9]{1,20}`, or `data`.
  case badAttributeName(ByteSlice)
  /// A header field for the same attribute twice.
  case duplicateAttribute(ByteSlice)
  /// A value that breaks a rule of its attribute.
  case badAttributeValue(ByteSlice, AttributeRule)
  /// More than `EventLimits.maxAttributes`, or more bytes than `maxBlockLength`.
  case tooManyAttributes
  /// `data` and `data_base64` together.
  case dataTwice
  /// `data_base64` is no canonical base64 string.
  case badBase64
  /// `data` is no string although `datacontenttype` is not JSON.
  case dataNotText
  /// `Event-Key` is not UTF-8, holds controls, is empty, too long, or there twice.
  case badKey
  /// `Event-Key` and `partitionkey` differ.
  case keyConflict
  /// `Event-Time` is no RFC 3339 instant, is there twice, or differs from `time`.
  case badTime
  /// `ce-` header fields beside a stream of lines, where they have no single event to belong to.
  case attributesOnLines

  /// A name shortened to what a message may carry.
  static func named(_ name: ByteSlice) -> ByteSlice { name.prefix(256) }
}

/// Rules that attribute values keep.
public enum AttributeRule: Equatable, Sendable, CaseIterable {
  /// Standard attributes are strings, extensions strings, booleans or 32-bit integers.
  case wrongType
  /// `id`, `source`, `type`, `subject`, `dataschema` say something.
  case empty
  /// No control characters; UTF-8 throughout.
  case badCharacter
  /// Percent escapes are two hexadecimal digits; quotes are closed.
  case badEscape
  /// `time` is an RFC 3339 instant.
  case badTime
  /// At most `EventLimits.maxValueLength` bytes.
  case tooLong
  /// Of binary mode: `datacontenttype` is carried by `Content-Type` alone.
  case notAHeader
  /// A `type` that begins with `EventIntake.reservedTypes`.
  case reserved
}
