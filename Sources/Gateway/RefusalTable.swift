import Authentication
import Bytes
import Events
import HTTPWire
import JSONText
import Schemas
import Subscriptions
import Tenancy
import Topics

// Where every room's no becomes a refusal. A test walks all cases: none ends as `internal_error`.
extension Refusal {
  /// The refusal that an error of any room means to a client.
  package init(_ error: any Error) {
    switch error {
    case let refusal as Refusal: self = refusal
    case let refusal as TenancyRefusal: self.init(refusal)
    case let refusal as SchemaRefusal: self.init(refusal)
    case let failure as AppendFailure: self.init(failure)
    case let refusal as TokenRefusal: self.init(refusal)
    case let fault as CredentialFault: self.init(fault)
    case let fault as JSONFault: self.init(fault)
    case let fault as EventFault: self.init(fault)
    case let failure as ReadFailure: self.init(failure)
    case let failure as CatalogueFailure: self.init(failure)
    case let fault as SchemaFault: self.init(fault)
    case let failure as BodyFailure: self.init(failure)
    case let refusal as ReceiveRefusal: self.init(refusal)
    case is WorkersBusy: self.init(.overloaded, "the queue for disk reads is full")
    default: self.init(.internalError)
    }
  }

  private init(_ refusal: TenancyRefusal) {
    switch refusal {
    case .badName(let part):
      self.init(.badName, "the \(part.rawValue) in the path is not a name")
    case .noTenant: self.init(.noTenant)
    case .ambiguousTenant: self.init(.ambiguousTenant)
    case .noNamespace: self.init(.noNamespace)
    case .notFound: self.init(.notFound)
    case .forbidden(let action):
      self.init(.forbidden, "your token does not grant '\(action.word)' here")
    }
  }

  /// One text for every reason but expiry: what exactly is wrong is for the log.
  private init(_ refusal: TokenRefusal) {
    self.init(
      .invalidToken,
      refusal.isExpired ? "the token has expired" : "the token was not accepted")
    challenge = .invalidToken(
      description: refusal.isExpired ? "the token has expired" : "the token was not accepted")
  }

  private init(_ fault: CredentialFault) {
    switch fault {
    case .repeated: self.init(.badHeader, "the Authorization field stands more than once")
    case .malformed: self.init(.badHeader, "the Authorization field holds no well-formed token")
    }
  }

  private init(_ fault: JSONFault) {
    self.init(
      .malformedJSON,
      "\(fault.code.text) in line \(fault.line), column \(fault.column) (byte \(fault.offset))")
    var json = JSONWriter()
    json.beginObject()
    json.key("pointer")
    json.string(fault.pointer?.text ?? "")
    json.key("code")
    json.string("json")
    json.key("message")
    json.string(fault.code.text)
    json.key("line")
    json.integer(fault.line)
    json.key("column")
    json.integer(fault.column)
    json.key("offset")
    json.integer(fault.offset)
    json.endObject()
    faults = json.slice
  }

  private init(_ failure: AppendFailure) {
    switch failure {
    case .unknownTopic: self.init(.notFound)
    case .notGranted(let action):
      self.init(.forbidden, "an address granted for '\(action.word)' cannot publish")
    case .mixedBatch: self.init(.internalError)
    case .tooLarge(let limit): self.init(.tooLarge, "one commit takes at most \(limit) bytes")
    case .storageFull(let span):
      self.init(.storageFull)
      retryAfter = span
    case .overloaded(let span):
      self.init(.overloaded, "the commit queue is full")
      retryAfter = span
    case .closing: self.init(.draining)
    case .outcomeUnknown: self.init(.storageFailed)
    }
  }

  private init(_ failure: ReadFailure) {
    switch failure {
    case .unknownTopic: self.init(.notFound)
    case .notGranted(let action):
      self.init(.forbidden, "an address granted for '\(action.word)' cannot read")
    case .positionAhead(let end):
      self.init(.positionAhead, "the topic ends at \(end.text)")
      self = with("latest", end.text)
    case .corrupt(let ledger, let first, let last):
      self.init(.dataCorrupt, "events \(ledger):\(first) to \(ledger):\(last) cannot be read")
    case .unavailable(let span):
      self.init(.overloaded)
      retryAfter = span
    case .closing: self.init(.draining)
    }
  }

  private init(_ failure: CatalogueFailure) {
    switch failure {
    case .unknownTopic, .unknownSubscription: self.init(.notFound)
    case .notGranted(let action):
      self.init(.forbidden, "your token grants '\(action.word)' here, which is not enough")
    case .schemaConflict(let current):
      self.init(.schemaConflict, "version \(current) is in force now")
    case .positionAhead(let end):
      self.init(.positionAhead, "the topic ends at \(end.text)")
    case .tooMany(let what, let limit):
      let things =
        switch what {
        case .topics: "topics"
        case .subscriptions: "subscriptions"
        case .schemaVersions: "schema versions"
        }
      self.init(.tooMany, "at most \(limit) \(things)")
    case .storageFull(let span):
      self.init(.storageFull)
      retryAfter = span
    case .overloaded(let span):
      self.init(.overloaded)
      retryAfter = span
    case .closing: self.init(.draining)
    case .outcomeUnknown: self.init(.storageFailed)
    }
  }

  private init(_ failure: BodyFailure) {
    switch failure {
    case .tooLarge(let limit): self.init(.tooLarge, "the body exceeds \(limit) bytes")
    case .timedOut: self.init(.timeout, "the body did not arrive in time")
    case .malformed(let rule): self.init(.badRequest, "\(rule.text)")
    case .closed: self.init(.timeout, "the connection ended before the body")
    }
  }

  private init(_ refusal: ReceiveRefusal) {
    switch refusal {
    case .busy: self.init(.subscriptionBusy)
    case .tooManyConsumers(let limit):
      self.init(.tooMany, "at most \(limit) consumers of one subscription")
    }
  }

  /// The wire's own noes.
  package init(_ refusal: WireRefusal) {
    switch refusal {
    case .badRequest(let rule): self.init(.badRequest, "\(rule.text)")
    case .headersTooLarge: self.init(.headersTooLarge)
    case .uriTooLong: self.init(.uriTooLong)
    case .bodyTooLarge: self.init(.tooLarge)
    case .timeout: self.init(.timeout)
    case .expectationFailed: self.init(.expectationFailed)
    case .notImplemented(.method): self.init(.notSupported, "the method is not supported")
    case .notImplemented(.transferCoding):
      self.init(.notSupported, "of the transfer codings only 'chunked' is supported")
    case .versionNotSupported: self.init(.versionNotSupported)
    case .tooManyConnections: self.init(.tooManyConnections)
    case .draining: self.init(.draining)
    }
  }
}
