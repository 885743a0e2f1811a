import Bytes
import Client
import JSONText

/// A refusal in words: the problem document that the gateway sent, for a person.
struct ProblemText {
  /// One line: status, title, detail.
  let summary: String
  /// One line per fault of the input, with its place.
  let faults: [String]

  init(status: Int, body: ByteSlice) {
    if let document = try? JSONDocument(parsing: body) {
      self.init(document.root, status: status)
    } else {
      self.init(summary: "\(status)", faults: [])
    }
  }

  private init(summary: String, faults: [String]) {
    self.summary = summary
    self.faults = faults
  }

  /// One element of `errors`: where, what, what was probably meant, and which rule says so.
  private static func fault(_ error: JSONNode) -> String {
    let pointer = error["pointer"]?.text ?? ""
    var text = (pointer.isEmpty ? "(whole)" : pointer) + " " + (error["message"]?.text ?? "")
    if let suggestion = error["suggestion"]?.text { text += " (did you mean '\(suggestion)'?)" }
    if let reason = error["branch"]?["reason"]?.text { text += ", since \(reason)" }
    var facts: [String] = []
    if let line = error["line"]?.integer, let column = error["column"]?.integer {
      facts.append("line \(line), column \(column)")
    }
    if let rule = error["schemaPointer"]?.text { facts.append(rule) }
    return facts.isEmpty ? text : text + "  [" + facts.joined(separator: "; ") + "]"
  }

  /// - Parameter status: for a document that does not say.
  init(_ problem: JSONNode, status: Int = 0) {
    let code = problem["status"]?.integer.map(Int.init) ?? status
    let title = problem["title"]?.text ?? "refused"
    let detail = problem["detail"]?.text.map { ": \($0)" } ?? ""
    self.init(summary: "\(code) \(title)\(detail)", faults: Self.faults(of: problem))
  }

  /// What is said of a line that is not sent, since the gateway would refuse it with all behind it.
  init(tooLong limit: Int) {
    self.init(summary: "not sent: an event has at most \(limit) bytes", faults: [])
  }

  /// What is said of an event that went into a quarantine topic instead.
  init(quarantined event: JSONNode) {
    let place = [event["topic"]?.text, event["messageId"]?.text].compactMap { $0 }
    self.init(
      summary: "202 quarantined: \(place.joined(separator: ", "))", faults: Self.faults(of: event))
  }

  private static func faults(of node: JSONNode) -> [String] {
    guard let errors = node["errors"], errors.kind == .array else { return [] }
    return errors.elements.map { fault($0) }
  }
}

extension CommandFault {
  /// What a request that got no usable answer means.
  init(_ fault: ClientFault, at endpoint: Endpoint) {
    let words =
      switch fault {
      case .badURL(let url): "'\(url)' is no http:// or https:// URL, nor unix: with a path"
      case .badAuthorities(let words): words
      case .badRequest(let part): "cannot be sent: \(part)"
      case .unreachable(let reason): "no gateway answers at \(endpoint.origin): \(reason)"
      case .untrusted(let host): "\(host) shows no certificate that we trust for it (--ca)"
      case .connectionLost: "the connection to \(endpoint.socket ?? endpoint.authority) was lost"
      case .timedOut: "\(endpoint.socket ?? endpoint.authority) did not answer in time"
      case .malformedAnswer: "\(endpoint.socket ?? endpoint.authority) does not speak HTTP/1.1"
      case .tooLarge(let limit): "the answer exceeds \(limit) bytes"
      case .refused(let status, let body): ProblemText(status: status, body: body).summary
      }
    self.init(.failed, words)
  }

  /// A refusal that ends the command.
  init(_ answer: ClientAnswer) {
    self.init(.failed, ProblemText(status: answer.status, body: answer.body).summary)
  }
}

/// Runs a command's requests on a loop made for them.
enum ClientSession {
  static func run<Outcome: Sendable>(
    _ body: @Sendable (isolated ClientLoop) async throws(CommandFault) -> Outcome
  ) async throws(CommandFault) -> Outcome {
    switch try await ClientLoop.once(body) {
    case .success(let outcome): return outcome
    case .failure: throw CommandFault(.failed, "the system has no threads or descriptors left")
    }
  }
}

extension GatewayClient {
  /// `send` with the faults of a command.
  func ask(
    _ request: ClientRequest, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> ClientAnswer {
    do throws(ClientFault) {
      return try await send(request, on: loop)
    } catch {
      throw CommandFault(error, at: endpoint)
    }
  }
}
