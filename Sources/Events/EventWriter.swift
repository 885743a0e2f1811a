public import Bytes
public import JSONText

/// What the log knows of one event: enough to write it for a reader.
public struct EventFacts: Sendable {
  /// The message id's text, such as `1:42`.
  public let messageID: ByteSlice
  public let publishTime: UnixTime
  /// The schema version it was checked against; 0 for none.
  public let schemaVersion: UInt32
  public let attributes: Attributes
  public let key: ByteSlice?
  public private(set) var payload: ByteSlice
  /// Whether the payload is a well-formed JSON text.
  public let isJSON: Bool
  /// The classes for want of which its reader does not get the payload as it is stored, with commas
  /// between; nil where it does.
  public private(set) var redacted: ByteSlice?
  /// Whether the reader gets nothing of the payload.
  public private(set) var isWithheld = false

  public init(
    messageID: ByteSlice, publishTime: UnixTime, schemaVersion: UInt32, attributes: Attributes,
    key: ByteSlice?, payload: ByteSlice, isJSON: Bool
  ) {
    self.messageID = messageID
    self.publishTime = publishTime
    self.schemaVersion = schemaVersion
    self.attributes = attributes
    self.key = key
    self.payload = payload
    self.isJSON = isJSON
  }

  /// The same event with another payload for a reader who lacks `classes`; nil is none at all.
  public func redacted(_ payload: ByteSlice?, for classes: ByteSlice) -> EventFacts {
    var facts = self
    facts.redacted = classes
    facts.isWithheld = payload == nil
    facts.payload = payload ?? .empty
    return facts
  }

  /// The payload's media type: as sent, else what its kind implies.
  public var contentType: ByteSlice {
    attributes[.datacontenttype] ?? (isJSON ? EventWriter.json : EventWriter.octets)
  }
}

/// Where an event lives; the defaults of `source` and `type` are made of it.
public struct EventContext: Sendable {
  public let tenant: ByteSlice
  public let namespace: ByteSlice
  public let topic: ByteSlice
  /// How the versions of the topic's schemas are named.
  public let schemas: SchemaURI

  /// - Parameter publicURL: how clients reach the gateway, without a trailing slash.
  public init(
    tenant: ByteSlice, namespace: ByteSlice, topic: ByteSlice, publicURL: ByteSlice
  ) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
    schemas = SchemaURI(home: publicURL, tenant: tenant, namespace: namespace, topic: topic)
  }
}

/// What readers get of an event.
public enum EventView: Sendable, Hashable {
  /// The CloudEvent.
  case event
  /// The payload alone: JSON as it is, other payloads as a string (text, else base64).
  case data
}

/// Writes stored events as JSON: CloudEvents 1.0 with the gateway's own attributes.
public enum EventWriter {
  static let json = ByteSlice(utf8: "application/json")
  static let octets = ByteSlice(utf8: "application/octet-stream")

  /// Writes one value. JSON payloads are written verbatim, line breaks included.
  public static func write(
    _ event: EventFacts, in context: EventContext, view: EventView, into writer: inout JSONWriter
  ) {
    let attributes = SortedAttributes(event.attributes)
    switch view {
    case .event:
      writer.beginObject()
      writeOwn(event, attributes, context, into: &writer)
      writeGateway(event, attributes, into: &writer)
      writePayload(event, attributes, into: &writer)
      writer.endObject()
    case .data:
      if event.isWithheld {
        writer.null()
      } else if event.isJSON {
        writer.raw(event.payload)
      } else if isText(event, attributes) {
        writer.string(event.payload)
      } else {
        writer.base64(event.payload)
      }
    }
  }

  /// The publisher's attributes, defaults in place of what it left out.
  private static func writeOwn(
    _ event: EventFacts, _ attributes: borrowing SortedAttributes, _ context: EventContext,
    into writer: inout JSONWriter
  ) {
    writer.key("specversion")
    writer.string("1.0")
    writer.key("id")
    writer.string(attributes[.id] ?? event.messageID)
    writer.key("source")
    if let source = attributes[.source] {
      writer.string(source)
    } else {
      writer.raw(defaultSource(context, attributes[.authid] ?? .empty))
    }
    writer.key("type")
    if let type = attributes[.type] {
      writer.string(type)
    } else {
      // Names need no escapes.
      writer.raw(joined("\"", context.namespace, ".", context.topic, "\""))
    }
    member("subject", attributes[.subject], into: &writer)
    writer.key("time")
    if let time = attributes[.time] {
      writer.string(time)
    } else {
      writer.instant(event.publishTime)
    }
    if let type = attributes[.datacontenttype] {
      member("datacontenttype", type, into: &writer)
    } else if event.isJSON {
      writer.key("datacontenttype")
      writer.string("application/json")
    }
    if let schema = attributes[.dataschema] {
      member("dataschema", schema, into: &writer)
    } else if event.schemaVersion > 0 {
      writer.key("dataschema")
      writer.plainString { text in
        text.append(context.schemas.prefix)
        text.append(decimal: UInt64(event.schemaVersion))
      }
    }
    member("partitionkey", event.key, into: &writer)
    member("traceparent", attributes[.traceparent], into: &writer)
    member("tracestate", attributes[.tracestate], into: &writer)
    guard attributes.hasExtensions else { return }
    for entry in event.attributes.entries where entry.number == 0 {
      // What is wrong with a payload tells the names of its members.
      if event.isWithheld, entry.name.equals("schemaerrors") { continue }
      writer.key(entry.name)
      entry.kind == .text ? writer.string(entry.value) : writer.raw(entry.value)
    }
  }

  private static func writeGateway(
    _ event: EventFacts, _ attributes: borrowing SortedAttributes, into writer: inout JSONWriter
  ) {
    member("authtype", attributes[.authtype], into: &writer)
    member("authid", attributes[.authid], into: &writer)
    member("authissuer", attributes[.authissuer], into: &writer)
    member("service", attributes[.service], into: &writer)
    member("requestid", attributes[.requestid], into: &writer)
    writer.key("messageid")
    writer.string(event.messageID)
    writer.key("publishtime")
    writer.instant(event.publishTime)
    if event.schemaVersion > 0 {
      writer.key("schemaversion")
      writer.integer(Int64(event.schemaVersion))
    }
    member("redacted", event.redacted, into: &writer)
  }

  private static func writePayload(
    _ event: EventFacts, _ attributes: borrowing SortedAttributes, into writer: inout JSONWriter
  ) {
    if event.isWithheld { return }
    if event.isJSON {
      writer.key("data")
      writer.raw(event.payload)
    } else if event.payload.isEmpty {
      // No payload and an empty one are the same: CloudEvents makes `data` optional.
      return
    } else if isText(event, attributes) {
      writer.key("data")
      writer.string(event.payload)
    } else {
      writer.key("data_base64")
      writer.base64(event.payload)
    }
  }

  private static func isText(
    _ event: EventFacts, _ attributes: borrowing SortedAttributes
  ) -> Bool {
    guard let type = attributes[.datacontenttype], MediaType.isText(type) else { return false }
    return event.payload.isUTF8
  }

  private static func member(
    _ name: StaticString, _ value: ByteSlice?, into writer: inout JSONWriter
  ) {
    guard let value else { return }
    writer.key(name)
    writer.string(value)
  }

  /// The quoted default source.
  private static func defaultSource(_ context: EventContext, _ principal: ByteSlice) -> ByteSlice {
    var source = ByteWriter(capacity: 32 + context.tenant.count + principal.count)
    source.append(ASCII.quote)
    source.append(sourceOf: principal, in: context.tenant)
    source.append(ASCII.quote)
    return source.slice
  }

  private static func joined(
    _ open: StaticString, _ first: ByteSlice, _ between: StaticString, _ second: ByteSlice,
    _ close: StaticString
  ) -> ByteSlice {
    var text = ByteWriter(capacity: first.count + second.count + 4)
    text.append(open)
    text.append(first)
    text.append(between)
    text.append(second)
    text.append(close)
    return text.slice
  }
}

/// The numbered attributes of a block, found in one pass.
private struct SortedAttributes {
  private let encoded: ByteSlice
  private var values: InlineArray<16, Range<Int32>> = .init(repeating: -1 ..< -1)
  private(set) var hasExtensions = false

  init(_ attributes: Attributes) {
    encoded = attributes.encoded
    var cursor = ByteCursor(encoded)
    while !cursor.isAtEnd {
      do throws(ByteCursorFailure) {
        let head = try cursor.readByte()
        if head < 4 {
          hasExtensions = true
          _ = try cursor.readPrefixed()
        }
        let value = try cursor.readPrefixed()
        let number = Int(head >> 2)
        guard number > 0, number < 16 else { continue }
        values[number] = Int32(cursor.offset - value.count)..<Int32(cursor.offset)
      } catch {
        // As iteration does: what a broken block still gives is used.
        return
      }
    }
  }

  subscript(_ name: AttributeName) -> ByteSlice? {
    let range = values[Int(name.number)]
    return range.lowerBound < 0 ? nil : encoded[Int(range.lowerBound)..<Int(range.upperBound)]
  }
}
