import Bytes
import JSONText
import Testing

/// One attempt at abuse and what it must meet; the number is that of docs/abuse.md.
struct AbuseCase: Sendable {
  let number: Int
  let name: String
  let attempt: Attempt
  let status: Int
  /// The problem's code; nil for a good answer.
  let code: String?
  /// What `WWW-Authenticate` must contain; nil where it must not be.
  let challenge: String?
  /// The audit line's reason for a denial; nil where the log must hold no denial.
  let reason: String?
  /// Whether the gateway must end the connection and look at nothing behind the request.
  let isFinal: Bool

  init(
    _ number: Int, _ name: String, _ attempt: Attempt, _ status: Int, _ code: String? = nil,
    challenge: String? = nil, reason: String? = nil, isFinal: Bool = false
  ) {
    self.number = number
    self.name = name
    self.attempt = attempt
    self.status = status
    self.code = code
    self.challenge = challenge
    self.reason = reason
    self.isFinal = isFinal
  }

  /// A token that is not accepted.
  static func refused(
    _ number: Int, _ name: String, _ token: String, reason: String
  ) -> AbuseCase {
    AbuseCase(
      number, name, .publish(token), 401, "invalid_token", challenge: "error=\"invalid_token\"",
      reason: reason)
  }

  /// Compares what came with what must come; all but the audit line.
  func check(_ answer: Answer, isClosed: Bool) {
    let place = "\(number) \(name)"
    #expect(answer.status == status, "\(place): \(answer.text.prefix(300))")
    if let code {
      #expect(answer.field("content-type") == "application/problem+json", "\(place)")
      #expect((try? answer.json["code"]?.text) == code, "\(place): \(answer.text.prefix(300))")
      #expect((try? answer.json["status"]?.integer) == Int64(status), "\(place)")
      #expect(
        (try? answer.json["instance"]?.text) == answer.field("request-id"), "\(place)")
    }
    if let challenge {
      #expect(answer.field("www-authenticate")?.contains(challenge) == true, "\(place)")
    } else {
      #expect(answer.field("www-authenticate") == nil, "\(place)")
    }
    if isFinal { #expect(isClosed, "\(place): the connection lives on") }
  }

  /// Compares the audit line about the request with what it must say.
  func check(_ line: JSONNode?) {
    let place = "\(number) \(name)"
    guard let reason else {
      #expect(line?["outcome"]?.text != "deny", "\(place): \(line?.raw.text ?? "")")
      return
    }
    #expect(line?["outcome"]?.text == "deny", "\(place): no denial")
    #expect(line?["status"]?.integer == Int64(status), "\(place)")
    #expect(line?["reason"]?.text == reason, "\(place): \(line?.raw.text ?? "")")
  }
}

/// A request as bytes: most kinds of abuse are nothing that a well-meaning client can send.
struct Attempt: Sendable {
  let bytes: ByteSlice

  /// A request of these lines, each to be ended, and a body as it is.
  static func raw(_ lines: [String], body: String = "") -> Attempt {
    Attempt(bytes: ByteSlice(utf8: lines.joined(separator: "\r\n") + "\r\n\r\n" + body))
  }

  /// A well-framed request; `fields` are whole lines.
  static func call(
    _ method: String, _ target: String, _ token: String? = nil, _ fields: [String] = [],
    body: String? = nil, type: String = "application/json"
  ) -> Attempt {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: events.example"]
    if let token { lines.append("Authorization: Bearer \(token)") }
    lines += fields
    if let body {
      lines += ["Content-Type: \(type)", "Content-Length: \(body.utf8.count)"]
    }
    return raw(lines, body: body ?? "")
  }

  /// One event to the caller's own topic.
  static func publish(
    _ token: String?, _ fields: [String] = [], body: String = "{}",
    type: String = "application/json", to topic: String = "~/orders"
  ) -> Attempt {
    call("POST", "/v1/topics/\(topic)/events", token, fields, body: body, type: type)
  }
}
