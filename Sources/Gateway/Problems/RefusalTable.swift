import Authentication
import Bytes
import Delivery
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
  ///
  /// - Parameter place: where the fault's event stands in a body of several.
  public init(_ error: any Error, at place: EventPlace? = nil) {
    let origin = place?.origin ?? TextPlace()
    switch error {
    case let refusal as Refusal: self = refusal
    case let refused as RefusedPayload: self.init(refused, from: origin)
    case let refusal as SchemaRefusal: self.init(refusal, from: origin)
    case let fault as JSONFault: self.init(fault, from: origin)
    case let refusal as TenancyRefusal: self.init(refusal)
    case let failure as AppendFailure: self.init(failure)
    case let refusal as TokenRefusal: self.init(refusal)
    case let refusal as DPoPRefusal: self.init(refusal)
    case let fault as CredentialFault: self.init(fault)
    case let pending as PendingAdmission: self.init(pending.told)
    case let hidden as HiddenDenial: self.init(ProblemCode.notFound, hidden.detail)
    case let fault as EventFault: self.init(fault)
    case let failure as ReadFailure: self.init(failure)
    case let failure as CatalogueFailure: self.init(failure)
    case let fault as SchemaFault: self.init(fault)
    case let failure as BodyFailure: self.init(failure)
    case let failure as DispatchFailure: self.init(failure)
    case WorkersBusy.full: self.init(.overloaded, "too much waits to be read, compiled or compared")
    case WorkersBusy.stopping: self.init(ProblemCode.draining)
    default: self.init(ProblemCode.internalError)
    }
    if let place { self = at(place) }
  }

  private init(_ refusal: TenancyRefusal) {
    switch refusal {
    case .badName(let part):
      self.init(.badName, "the \(part.rawValue) in the path is not a name")
    case .noTenant: self.init(ProblemCode.noTenant)
    case .ambiguousTenant: self.init(ProblemCode.ambiguousTenant)
    case .noNamespace: self.init(ProblemCode.noNamespace)
    case .notFound: self.init(ProblemCode.notFound)
    case .forbidden(let action):
      self.init(.forbidden, "your token does not grant '\(action.word)' here")
    case .tenantMismatch: self.init(ProblemCode.tenantMismatch)
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

  /// One text for every reason here, too; a nonce that is missing is no secret.
  private init(_ refusal: DPoPRefusal) {
    switch refusal {
    case .nonce: self.init(.useNonce, "the proof lacks the nonce that is asked for")
    case .overloaded: self.init(.overloaded, "too many proofs are remembered")
    case .tenantOverloaded:
      self.init(.overloaded, "too many proofs of this tenant are remembered")
    default: self.init(.invalidProof, "the proof of possession was not accepted")
    }
  }

  private init(_ fault: CredentialFault) {
    switch fault {
    case .repeated: self.init(.badHeader, "the Authorization field stands more than once")
    case .malformed: self.init(.badHeader, "the Authorization field holds no well-formed token")
    }
  }

  private init(_ failure: AppendFailure) {
    switch failure {
    case .unknownTopic: self.init(ProblemCode.notFound)
    case .notGranted(let action):
      self.init(.forbidden, "an address granted for '\(action.word)' cannot publish")
    case .mixedBatch: self.init(ProblemCode.internalError)
    case .tooLarge(let limit): self.init(.tooLarge, "one commit takes at most \(limit) bytes")
    case .storageFull(let span):
      self.init(ProblemCode.storageFull)
      retryAfter = span
    case .overloaded(let span):
      self.init(.overloaded, "the commit queue is full")
      retryAfter = span
    case .closing: self.init(ProblemCode.draining)
    case .outcomeUnknown: self.init(ProblemCode.storageFailed)
    }
  }

  private init(_ failure: ReadFailure) {
    switch failure {
    case .unknownTopic: self.init(ProblemCode.notFound)
    case .notGranted(let action):
      self.init(.forbidden, "an address granted for '\(action.word)' cannot read")
    case .positionAhead(let end):
      self.init(.positionAhead, "the topic ends at \(end.text)")
      self = with("latest", end.text)
    case .corrupt(let ledger, let first, let last):
      self.init(.dataCorrupt, "events \(ledger):\(first) to \(ledger):\(last) cannot be read")
    case .unavailable(let span):
      self.init(ProblemCode.overloaded)
      retryAfter = span
    case .closing: self.init(ProblemCode.draining)
    }
  }

  private init(_ failure: CatalogueFailure) {
    switch failure {
    case .unknownTopic, .unknownSubscription, .unknownDocument: self.init(ProblemCode.notFound)
    case .changed, .documentChanged, .identifierTaken, .documentInUse:
      self = Refusal(changing: failure)
    case .notGranted(let action):
      self.init(.forbidden, "your token grants '\(action.word)' here, which is not enough")
    case .referencesChanged:
      self.init(.schemaConflict, "a document that the schema refers to was deleted meanwhile")
    case .schemaBookChanged(let revision):
      self.init(.schemaConflict, "the topic's schemas are at revision \(revision) now")
    case .unknownSchema: self.init(ProblemCode.notFound)
    case .schemaInUse(let use): self.init(.schemaInUse, use.message)
    case .schemaAbsent(let absence): self.init(.schemaAbsent, absence.message)
    case .positionAhead(let end):
      self.init(.positionAhead, "the topic ends at \(end.text)")
    case .tooMany(let what, let limit):
      let things =
        switch what {
        case .topics: "topics"
        case .namespaces: "namespaces of one tenant; they stay when their topics go"
        case .subscriptions: "subscriptions"
        case .partnerSubscriptions: "subscriptions of your tenant on another tenant's topic"
        case .schemaVersions: "schema versions of one topic"
        case .schemaSubjects: "lines of schema versions of one topic"
        case .schemaBytes: "bytes of schema versions of one topic"
        case .namespaceSchemaBytes: "bytes of schema versions of all topics of the namespace"
        case .documents: "schema documents in one namespace"
        case .documentVersions: "versions of one schema document"
        case .documentBytes: "bytes of schema documents in one namespace"
        }
      self.init(.tooMany, "at most \(limit) \(things)")
    case .storageFull(let span):
      self.init(ProblemCode.storageFull)
      retryAfter = span
    case .overloaded(let span):
      self.init(ProblemCode.overloaded)
      retryAfter = span
    case .closing: self.init(ProblemCode.draining)
    case .outcomeUnknown: self.init(ProblemCode.storageFailed)
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

  private init(_ fault: EventFault) {
    switch fault {
    case .tooManyEvents(let limit): self.init(.tooLarge, "a batch has at most \(limit) events")
    case .unsupportedFormat:
      self.init(.mediaType, "of the CloudEvents formats only JSON is supported")
    default: self.init(.malformedEvent, fault.text)
    }
    let (code, attribute) = fault.place
    faults = [code.element(at: attribute, fault.text)]
  }

  private init(_ failure: DispatchFailure) {
    switch failure {
    case .refused(let refusal): self.init(refusal)
    case .cumulative(.notCumulative):
      self.init(.badParameter, "'/upTo' is for exclusive and failover subscriptions")
    case .cumulative(.gone): self.init(.badCursor, "'/upTo' is of an earlier topic of this name")
    case .cumulative(.positionAhead): self.init(ProblemCode.positionAhead)
    case .read(let failure): self.init(failure as any Error)
    case .store(let failure): self.init(failure as any Error)
    case .gone: self.init(ProblemCode.notFound)
    case .withdrawn: self.init(.forbidden, "your token no longer grants 'subscribe' here")
    case .notSupported(let kind):
      self.init(.notSupported, "subscriptions of type \(kind.word) are not supported yet")
    case .corrupt: self.init(.dataCorrupt, "what is stored of the subscription cannot be read")
    case .tooManyInUse(let limit):
      self.init(.overloaded, "at most \(limit) subscriptions can be in use at once")
    case .tooManyOfTenantInUse(let limit):
      self.init(.overloaded, "a tenant's share is \(limit) subscriptions in use at once")
    case .overloaded(let span):
      self.init(ProblemCode.overloaded)
      retryAfter = span
    }
  }

  private init(_ refusal: ReceiveRefusal) {
    switch refusal {
    case .busy: self.init(ProblemCode.subscriptionBusy)
    case .tooManyConsumers(let limit):
      self.init(.tooMany, "at most \(limit) consumers of one subscription")
    }
  }

  /// The wire's own noes.
  init(_ refusal: WireRefusal) {
    switch refusal {
    case .badRequest(let rule): self.init(.badRequest, "\(rule.text)")
    case .headersTooLarge: self.init(ProblemCode.headersTooLarge)
    case .uriTooLong: self.init(ProblemCode.uriTooLong)
    case .bodyTooLarge: self.init(ProblemCode.tooLarge)
    case .timeout: self.init(ProblemCode.timeout)
    case .expectationFailed: self.init(ProblemCode.expectationFailed)
    case .notImplemented(.method): self.init(.notSupported, "the method is not supported")
    case .notImplemented(.transferCoding):
      self.init(.notSupported, "of the transfer codings only 'chunked' is supported")
    case .versionNotSupported: self.init(ProblemCode.versionNotSupported)
    case .tooManyConnections: self.init(ProblemCode.tooManyConnections)
    case .draining: self.init(ProblemCode.draining)
    }
  }
}

extension CatalogueFailure.SchemaUse {
  /// A sentence for the one who asked for the change.
  fileprivate var message: String {
    switch self {
    case .isDefault(let version):
      "version \(version) is the default of its line: make another one the default first"
    case .retainedEvents(let version):
      "events that are still kept may have been checked against version \(version)"
    case .isLive(let version):
      "version \(version) is not deleted: delete it without 'permanent' first"
    case .boundSubject(let subject):
      "a rule of the topic's binding names '\(subject)'"
    }
  }
}

extension CatalogueFailure.SchemaAbsence {
  /// A sentence for the one who asked for the change.
  fileprivate var message: String {
    switch self {
    case .isDeleted(let version):
      "version \(version) is deleted: bring it back first, by PATCH with \"state\":\"active\""
    case .subject(let subject):
      "the topic has no schema '\(subject)': register one with ?subject=\(subject) first"
    }
  }
}
