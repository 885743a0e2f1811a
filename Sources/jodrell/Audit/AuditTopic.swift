import Authentication
import Bytes
import Events
import Gateway
import Schemas
import Settings
import Tenancy
import Topics

/// The audit log as a topic: `jodrell/audit/decisions`, written by the gateway alone.
///
/// It goes everybody's way: an issuer that lives as long as the process signs a token, a policy
/// text maps it to the tenant, its scope gives the address. There is no door besides.
struct AuditTopic: Sendable {
  let address: TopicAddress
  private let envelope: EventRequest

  /// Makes the issuer and the address; `name` must be the tenant that operators' policies can only
  /// read.
  init(at now: UnixTime) throws {
    guard let tenant = TenancyPolicy.gatewaysOwn, let namespace = Name(ByteSlice(utf8: "audit")),
      let topic = Name(ByteSlice(utf8: "decisions"))
    else { preconditionFailure("these are names") }
    let issuer = try DevelopmentIssuer.generate()
    let settings = try GatewaySettings(
      compiling: SettingsDocument(
        parsing: EmbeddedPolicy.text(tenants: [tenant]), named: "audit"))
    let policy = try TenancyPolicy.compile(settings, generation: 1, readOnly: nil)
    let token = try TokenVerifier(issuers: [issuer.profile]).verify(
      issuer.mint(
        DevelopmentIssuer.Grant(
          subject: ByteSlice(utf8: "gateway"), tenant: tenant.bytes,
          actions: [ByteSlice(utf8: "publish")]), at: now, lifetime: .seconds(36_525 * 86_400),
        tokenID: ByteSlice(utf8: "audit")), at: now)
    address = try policy.scope(of: token, at: now).address(
      of: TopicReference(tenant: tenant, namespace: namespace, topic: topic), for: .publish)
    envelope = try EventRequest(
      fields: [
        (name: ByteSlice(utf8: "content-type"), value: ByteSlice(utf8: "application/json"))
      ],
      stamp: GatewayStamp(
        authid: ByteSlice(utf8: "gateway"), type: ByteSlice(utf8: "jodrell.audit.decision")))
  }

  /// Lines of the log as events of the topic.
  func events(_ lines: [ByteSlice], _ scratch: SchemaScratch) throws -> [ConformingEvent] {
    try lines.map { line in
      let text = line.count > 0 ? line.prefix(line.count - 1) : line
      return try SchemaGate.check(
        EventIntake.binary(envelope, body: text), against: address, binding: nil,
        requireSchema: false, scratch: scratch)
    }
  }
}
