import Authentication
public import Bytes
import Crypto
public import HTTPWire
import JSONText

/// One no, ready to be told to a client: a code of the table and the facts of this occurrence.
///
/// Made on cold paths only. Never carries a payload's value, a token, or anything of another
/// tenant.
public struct Refusal: Error {
  public let code: ProblemCode
  /// What happened here, in a sentence; nil leaves it to the table's advice.
  var detail: String?
  /// The rendered objects of `errors`; nil where no input is at fault at a place.
  var faults: [ByteSlice]?
  /// Whether there were more.
  var faultsTruncated = false
  /// The event of a batch that is refused.
  var event: Int?
  /// When to come back; sent as `Retry-After`, rounded up to seconds. A second where the table says
  /// that coming back helps and the occurrence does not know better.
  var retryAfter: TimeSpan?
  /// Extension members of the problem document: name and JSON text.
  var members: [(StaticString, ByteSlice)] = []
  /// Members that are arrays: name and the elements' JSON texts. Written as far as half of a
  /// document has room for them.
  var lists: [(name: StaticString, elements: [ByteSlice])] = []
  /// The methods that `Allow` names, for 405.
  var allow: StaticString?
  /// Whether the body came in a coding that is not read: then `Accept-Encoding` says which are
  /// (RFC 9110 §12.5.3, §15.5.16).
  var namesCodings = false
  /// The bound that was met, for 429.
  var rateLimit: RateLimitFacts?
  /// What `error=` says in the challenge of a 401 or 403 (RFC 6750 §3.1).
  var challenge: Challenge?

  enum Challenge: Sendable {
    /// No credential was sent: no `error` (RFC 6750 §3.1).
    case bare
    case invalidToken(description: StaticString?)
    case insufficientScope
    /// A proof of possession is at fault (RFC 9449 §7.1, §9).
    case proof(error: StaticString)
  }

  init(_ code: ProblemCode, _ detail: String? = nil) {
    self.code = code
    self.detail = detail
    if code.isRetryable { retryAfter = .seconds(1) }
    switch code {
    case .missingToken: challenge = .bare
    case .invalidToken, .invalidTicket: challenge = .invalidToken(description: nil)
    case .invalidProof: challenge = .proof(error: "invalid_dpop_proof")
    case .useNonce: challenge = .proof(error: "use_dpop_nonce")
    case .noTenant, .ambiguousTenant, .noNamespace, .forbidden, .tenantMismatch:
      challenge = .insufficientScope
    default: break
    }
  }

  /// Refuses a body in any coding: one place for all bodies.
  ///
  /// - Parameter coding: the value of `Content-Encoding`; nil where there is none.
  static func checkCoding(_ coding: ByteSlice?) throws(Refusal) {
    guard let coding, !coding.equalsIgnoringCase("identity") else { return }
    var refusal = Refusal(.notSupported, "Content-Encoding is not supported yet")
    refusal.namesCodings = true
    throw refusal
  }

  /// Writes the fields that name what would have been taken instead.
  func writeWhatIsTaken(_ answer: inout AnswerWriter) {
    if let allow { answer.field("Allow", allow) }
    if namesCodings { answer.field("Accept-Encoding", "identity") }
  }

  /// The same refusal with another detail.
  func saying(_ detail: String) -> Refusal {
    var copy = self
    copy.detail = detail
    return copy
  }

  /// What the caller waited for was given up: the gateway goes down, or nobody listens any more.
  static var cutShort: Refusal { Refusal(.draining, "what you waited for was cut short") }

  /// The same refusal that can be tried again after `span`.
  func retrying(after span: TimeSpan) -> Refusal {
    var copy = self
    copy.retryAfter = span
    return copy
  }

  /// The same refusal with one more member.
  func with(_ name: StaticString, json: ByteSlice) -> Refusal {
    var copy = self
    copy.members.append((name, json))
    return copy
  }

  /// The same refusal with one more member, an array.
  func with(_ name: StaticString, elements: [ByteSlice]) -> Refusal {
    var copy = self
    copy.lists.append((name, elements))
    return copy
  }

  func with(_ name: StaticString, _ text: String) -> Refusal {
    var json = JSONWriter()
    json.string(text)
    return with(name, json: json.bytes.slice)
  }

  /// Writes the problem document (RFC 9457 §3), of at most `GatewayLimits.problemBytes` bytes.
  func write(instance: RequestID?, into json: inout JSONWriter) {
    let row = code.row
    let start = json.bytes.count
    json.beginObject()
    json.key("type")
    json.string("urn:problem:jodrell:\(code.rawValue)")
    json.key("title")
    json.string(row.title)
    json.key("status")
    json.integer(row.status)
    json.key("detail")
    json.string(
      JSONPointer.cut(ByteSlice(utf8: detail ?? row.advice), to: GatewayLimits.detailBytes))
    if let instance {
      json.key("instance")
      var id = ByteWriter(capacity: 32)
      instance.append(to: &id)
      json.string(id.slice)
    }
    json.key("code")
    json.string(code.rawValue)
    json.key("retryable")
    json.bool(row.retryable)
    for (name, value) in members {
      json.key(name)
      json.raw(value)
    }
    var isTruncated = faultsTruncated
    for (name, elements) in lists {
      json.key(name)
      json.beginArray()
      for element in elements {
        guard json.bytes.count - start + element.count <= GatewayLimits.problemBytes / 2 else {
          isTruncated = true
          break
        }
        json.raw(element)
      }
      json.endArray()
    }
    if let faults {
      isTruncated = !write(faults, from: start, into: &json) || isTruncated
    }
    if isTruncated {
      json.key("truncated")
      json.bool(true)
    }
    json.endObject()
  }

  /// Writes `errors` as far as the document has room for them; false if not all.
  private func write(_ faults: [ByteSlice], from start: Int, into json: inout JSONWriter) -> Bool {
    var event = ByteWriter(capacity: 24)
    if let index = self.event {
      event.append("{\"event\":")
      event.append(decimal: UInt64(index))
      event.append(",")
    } else {
      event.append("{")
    }
    var isWhole = true
    json.key("errors")
    json.beginArray()
    for fault in faults {
      // Room for the end of the document too.
      let room = GatewayLimits.problemBytes - 64 - (json.bytes.count - start)
      guard fault.count + event.count <= room else {
        isWhole = false
        break
      }
      json.raw(event.slice)
      json.bytes.append(fault.dropFirst(1))
    }
    json.endArray()
    return isWhole
  }

  /// The document alone: for batch results, the last event of a stream, and commands that say
  /// offline what the gateway would.
  public func document(instance: RequestID?) -> ByteSlice {
    var json = JSONWriter()
    write(instance: instance, into: &json)
    return json.bytes.slice
  }

  /// When to come again, in whole seconds, if it is worth while.
  func writeRetryAfter(_ answer: inout AnswerWriter) {
    guard let retryAfter else { return }
    let seconds = (retryAfter.nanoseconds + 999_999_999) / 1_000_000_000
    answer.field("Retry-After", decimal: Int(max(1, seconds)))
  }

  /// In whose words a body says it; status and fields are the same in both.
  enum Form { case problem, pulsar }

  /// Answers the request with this refusal, whatever had been started before.
  ///
  /// - Parameters:
  ///   - metadata: the URL of the protected-resource metadata for challenges (RFC 9728 §5.1).
  ///   - nonce: for a proof that lacks it.
  ///   - showedProof: the request came with the DPoP scheme, which the challenge is for then.
  func answer(
    id: RequestID, as form: Form = .problem, metadata: ByteSlice, nonce: ByteSlice? = nil,
    showedProof: Bool = false, with answer: inout AnswerWriter
  ) {
    answer.startOver()
    answer.start(form == .pulsar ? pulsarStatus : code.status)
    writeRetryAfter(&answer)
    rateLimit?.write(&answer)
    writeWhatIsTaken(&answer)
    if let challenge {
      answer.field(
        "WWW-Authenticate", challenge.field(metadata: metadata, showedProof: showedProof))
    }
    if code == .useNonce, let nonce { answer.field("DPoP-Nonce", nonce) }
    var json = JSONWriter()
    switch form {
    case .problem:
      write(instance: id, into: &json)
      answer.finish(contentType: "application/problem+json", body: json.bytes)
    case .pulsar:
      writePulsar(into: &json)
      answer.finish(contentType: "application/json", body: json.bytes)
    }
  }
}

extension Refusal.Challenge {
  /// One challenge for the scheme that the request came with. Who has shown no accepted token may
  /// come with either scheme, and is told of both (RFC 9449 §7.1).
  func field(metadata: ByteSlice, showedProof: Bool = false) -> ByteSlice {
    var isProof = showedProof
    var offersBoth = false
    switch self {
    case .proof: isProof = true
    case .bare, .invalidToken: offersBoth = !showedProof
    case .insufficientScope: break
    }
    var text = ByteWriter(capacity: 256)
    text.append(isProof ? "DPoP" : "Bearer")
    text.append(" realm=\"jodrell\"")
    switch self {
    case .proof(let error):
      text.append(", error=\"")
      text.append(error)
      text.append("\"")
    case .bare: break
    case .invalidToken(let description):
      text.append(", error=\"invalid_token\"")
      if let description {
        text.append(", error_description=\"")
        text.append(description)
        text.append("\"")
      }
    case .insufficientScope: text.append(", error=\"insufficient_scope\"")
    }
    if isProof { Self.appendAlgorithms(to: &text) }
    text.append(", resource_metadata=\"")
    text.append(metadata)
    text.append("\"")
    if offersBoth {
      text.append(", DPoP realm=\"jodrell\"")
      Self.appendAlgorithms(to: &text)
    }
    return text.slice
  }

  private static func appendAlgorithms(to text: inout ByteWriter) {
    text.append(", algs=\"")
    for (index, algorithm) in DPoPProof.algorithms.enumerated() {
      if index > 0 { text.append(ASCII.space) }
      text.append(algorithm.name)
    }
    text.append("\"")
  }
}

extension JSONWriter {
  /// One value as a text of its own.
  static func text(_ write: (inout JSONWriter) -> Void) -> ByteSlice {
    var json = JSONWriter()
    write(&json)
    return json.bytes.slice
  }
}
