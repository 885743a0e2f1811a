public import Bytes
public import JSONText
public import Settings

/// The tenants and mappings of one configuration file, compiled: an immutable snapshot that is
/// swapped whole on reload. Any thread may ask it.
public struct TenancyPolicy: Sendable {
  /// Tells snapshots of one process apart; scopes carry it, so that open streams notice a swap.
  public let generation: UInt64
  /// What bounds each client address.
  public let addressLimits: AddressBounds
  /// What in the file has no effect though it is no mistake of form, with its place.
  public let warnings: [String]
  private let tenants: [Name: TenantPolicy]
  /// By issuer id, in the order of the file.
  private let mappings: [ByteSlice: [Mapping]]

  /// The tenant that the gateway itself writes to: its audit log. Whoever the policy lets may read
  /// it; publishing, managing and administration are granted to nobody.
  public static let gatewaysOwn = Name(ByteSlice(utf8: "jodrell"))

  /// Compiles `tenants` and `mappings`; mappings must name declared issuers and tenants.
  ///
  /// - Parameter readOnly: a tenant of which nothing but `subscribe` is ever granted.
  public static func compile(
    _ settings: GatewaySettings, generation: UInt64, readOnly: Name? = gatewaysOwn
  ) throws(SettingsFault) -> TenancyPolicy {
    var tenants: [Name: TenantPolicy] = [:]
    for entry in settings.tenants {
      guard let name = Name(entry.key) else { throw entry.value.fault(.invalid(Name.rule)) }
      tenants[name] = try TenantPolicy(compiling: entry.value)
    }
    let issuers = try issuerIDs(settings.issuers)
    var mappings: [ByteSlice: [Mapping]] = [:]
    var seen: Set<ByteSlice> = []
    var warnings: [String] = []
    for node in settings.mappings {
      let mapping = try Mapping(compiling: node, readOnly: readOnly)
      guard seen.insert(mapping.id).inserted else {
        throw node.fault(.invalid("a second mapping with the id '\(mapping.id.text)'"))
      }
      guard issuers.contains(mapping.issuer) else {
        throw node.fault(.invalid("the issuer '\(mapping.issuer.text)' is not declared"))
      }
      for tenant in mapping.tenant.named where tenants[tenant] == nil {
        throw node.fault(.invalid("the tenant '\(tenant.text)' is not declared"))
      }
      mappings[mapping.issuer, default: []].append(mapping)
      warnings += try check(mapping, at: node, tenants)
    }
    return TenancyPolicy(
      generation: generation, addressLimits: try AddressBounds.compile(settings.limits),
      warnings: warnings, tenants: tenants, mappings: mappings)
  }

  /// Agreements between tenants have two sides, and either can end one alone: what is granted and
  /// not offered any more is no fault, and grants nothing. What the file alone can tell is said at
  /// once; the tenant that only a token names is held against the offers when it comes.
  ///
  /// - Returns: what has no effect.
  private static func check(
    _ mapping: Mapping, at node: SettingsNode, _ tenants: [Name: TenantPolicy]
  ) throws(SettingsFault) -> [String] {
    var warnings: [String] = []
    for owner in mapping.allow.compactMap(\.owner) {
      guard let policy = tenants[owner] else {
        throw node.fault(.invalid("the tenant '\(owner.text)' is not declared"))
      }
      for tenant in mapping.tenant.named {
        guard tenant != owner else {
          throw node.fault(
            .invalid("'of: \(owner.text)' is the mapping's own tenant: leave it out"))
        }
        guard !policy.offers.contains(where: { $0.partner == tenant }) else { continue }
        let fault = node.fault(
          .invalid(
            "'\(owner.text)' shares nothing with '\(tenant.text)': what is granted of it has no "
              + "effect"))
        if !warnings.contains(fault.text) { warnings.append(fault.text) }
      }
    }
    return warnings
  }

  /// The ids of the issuers; their other keys are Authentication's to judge.
  static func issuerIDs(_ nodes: [SettingsNode]) throws(SettingsFault) -> Set<ByteSlice> {
    var ids: Set<ByteSlice> = []
    for node in nodes {
      var issuer = try SettingsMapping(node)
      ids.insert(try issuer.required("id").bytes())
    }
    return ids
  }

  /// What the file says about a tenant; nil for one that it does not declare.
  public func tenant(_ name: Name) -> TenantPolicy? { tenants[name] }

  /// How long each tenant's events are kept where neither topic nor namespace says; those that are
  /// not listed keep everything.
  public var retentions: [Name: TenantPolicy.Retention] {
    tenants.compactMapValues(\.defaults.retention)
  }

  /// The declared tenants in byte order.
  public var tenantNames: [Name] { tenants.keys.sorted() }

  /// What each mapping of the issuer makes of these claims, in the order of the file: for
  /// explanations. `tenant` is the one that the mapping is about; nil where claims have to say.
  public func outcomes(
    issuer: ByteSlice, claims: JSONDocument, at now: UnixTime
  ) -> [(rule: ByteSlice, tenant: Name?, outcome: MappingOutcome)] {
    (mappings[issuer] ?? []).map { mapping in
      let outcome = mapping.outcome(for: claims, at: now) { tenants[$0] != nil }
      if case .matched(let caller) = outcome { return (mapping.id, caller.tenant, outcome) }
      guard case .name(.fixed(let tenant)) = mapping.tenant else {
        return (mapping.id, nil, outcome)
      }
      return (mapping.id, tenant, outcome)
    }
  }

  /// What is left of a pattern of `owner`'s topics that a mapping grants to `partner`, after what
  /// the owner shares; nil when the text is no pattern.
  public func shared(
    _ action: Action, _ text: ByteSlice, of owner: Name, with partner: Name
  ) -> [ByteSlice]? {
    guard let pattern = GrantPattern(text), let namespace = pattern.namespace else { return nil }
    let offers = tenants[owner]?.offers.filter { $0.partner == partner } ?? []
    return offers.flatMap(\.patterns).compactMap { offered in
      offered.action == action ? offered.pattern.meet(namespace, pattern.topic) : nil
    }
  }

  /// Who these claims make the caller: all matching mappings of one tenant added up.
  ///
  /// `selecting` is the tenant the request names, if it names one. It chooses among several mapped
  /// tenants. In the path it has no say over a caller of one; in the field `Jodrell-Tenant` it must
  /// be that one, and among several one of a mapping with `select: header`. A decision is no proof:
  /// only `scope(of:selecting:)` turns a verified token into one.
  func decision(
    issuer: ByteSlice, claims: JSONDocument, selecting: TenantSelection?, at now: UnixTime
  ) throws(TenancyRefusal) -> Decision {
    var callers: [MappedCaller] = []
    for mapping in mappings[issuer] ?? [] {
      let outcome = mapping.outcome(for: claims, at: now) { tenants[$0] != nil }
      if case .matched(let caller) = outcome { callers.append(caller) }
    }
    guard let first = callers.first else { throw .noTenant }
    var tenant = first.tenant
    if callers.contains(where: { $0.tenant != tenant }) {
      guard let selecting else { throw .ambiguousTenant }
      guard callers.contains(where: { selecting.mayChoose($0) }) else { throw .notFound }
      tenant = selecting.tenant
    } else if let selecting, selecting.isByHeader, selecting.tenant != tenant {
      throw .notFound
    }
    guard let policy = tenants[tenant] else { throw .noTenant }
    return Decision(
      of: callers.filter { $0.tenant == tenant }, tenant: tenant, policy: policy, among: tenants)
  }
}

/// The tenant that a request names, and where.
public struct TenantSelection: Equatable, Sendable {
  public let tenant: Name
  /// In the field `Jodrell-Tenant`; otherwise in the path.
  public let isByHeader: Bool

  private init(tenant: Name, isByHeader: Bool) {
    self.tenant = tenant
    self.isByHeader = isByHeader
  }

  /// The tenant in a request's path; nil for `~`.
  public static func path(_ tenant: Name?) -> TenantSelection? {
    tenant.map { TenantSelection(tenant: $0, isByHeader: false) }
  }

  /// The tenant in the field `Jodrell-Tenant` of a request whose path names none.
  public static func header(_ tenant: Name) -> TenantSelection {
    TenantSelection(tenant: tenant, isByHeader: true)
  }

  /// The same with a name in storage of its own.
  var detached: TenantSelection {
    TenantSelection(tenant: tenant.detached, isByHeader: isByHeader)
  }

  fileprivate func mayChoose(_ caller: MappedCaller) -> Bool {
    caller.tenant == tenant && (!isByHeader || caller.isChosenByHeader)
  }
}

/// What the policy says about a caller in one tenant. Names, service and source come from the first
/// matching mapping that states them; grants and denials from all.
struct Decision: Sendable {
  private(set) var tenant: Name
  let policy: TenantPolicy
  private(set) var namespace: Name?
  private(set) var principal: ByteSlice
  private(set) var service: ByteSlice?
  private(set) var source: ByteSlice?
  /// What it may do in its own tenant.
  let grants: GrantTable
  /// What it may do with topics of other tenants, by their names; usually nothing.
  let shared: [Name: SharedTopics]
  /// From when on the policy may say something else, because a grant begins or ends.
  let changes: UnixTime

  fileprivate init(
    of callers: [MappedCaller], tenant: Name, policy: TenantPolicy,
    among tenants: [Name: TenantPolicy]
  ) {
    self.tenant = tenant
    self.policy = policy
    namespace = callers.lazy.compactMap(\.namespace).first
    principal = callers.first?.principal ?? .empty
    service = callers.lazy.compactMap(\.service).first
    source = callers.lazy.compactMap(\.source).first
    changes = callers.map(\.changes).min() ?? .distantFuture
    let (allow, deny) = (callers.flatMap(\.allow), callers.flatMap(\.deny))
    grants = GrantTable(
      allow: allow.filter { $0.owner == nil }, deny: deny.filter { $0.owner == nil })
    var shared: [Name: SharedTopics] = [:]
    for owner in Set(allow.compactMap(\.owner)) {
      guard owner != tenant, let ownerPolicy = tenants[owner] else { continue }
      shared[owner] = SharedTopics(
        owner: owner, policy: ownerPolicy, partner: tenant,
        grants: GrantTable(
          allow: allow.filter { $0.owner == owner }, deny: deny.filter { $0.owner == owner }))
    }
    self.shared = shared
  }

  /// The same with names in one storage of their own: each loop has its own decision about a
  /// caller, and loops that count references to the same bytes with every event wait for each
  /// other.
  var detached: Decision {
    let parts = [tenant.bytes, namespace?.bytes, principal, service, source]
    let own = ByteSlice.joined(parts.map { $0 ?? .empty })
    var decision = self
    decision.tenant = tenant.moved(to: own[0])
    decision.namespace = namespace?.moved(to: own[1])
    decision.principal = own[2]
    decision.service = service.map { _ in own[3] }
    decision.source = source.map { _ in own[4] }
    return decision
  }

  private var shares: [SharedTopics] { shared.values.sorted { $0.owner < $1.owner } }

  /// Every grant held; those on other tenants' topics come last, as far as these share them.
  var effectiveGrants: [EffectiveGrant] {
    grants.all.map { EffectiveGrant(grant: $0, pattern: $0.patternText, classes: $0.classes) }
      + shares.flatMap(\.effective)
  }

  /// Every denial.
  var allDenials: [Grant] { grants.allDenied + shares.flatMap(\.grants.allDenied) }

  /// The namespace and topic that a reference means for this caller, if the tenant is theirs.
  func resolve(tenant: Name?, namespace: Name?) throws(TenancyRefusal) -> Name {
    if let tenant, tenant != self.tenant { throw .notFound }
    guard let resolved = namespace ?? self.namespace else { throw .noNamespace }
    return resolved
  }

  /// The agreement under which the caller may do `action` on another tenant's topic. Without one,
  /// or with one that does not go so far, the topic is not there.
  func share(
    _ action: Action, of tenant: Name, namespace: Name, topic: Name
  ) throws(TenancyRefusal) -> SharedTopics {
    guard let share = shared[tenant],
      share.allows(action, namespace: namespace, topic: topic)
    else { throw .notFound }
    return share
  }
}
