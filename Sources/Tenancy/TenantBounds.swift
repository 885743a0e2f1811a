public import Bytes
import Settings

/// So much per span of time. Compiled from `20000/s`, `600/m`, `50MiB/s`.
public struct Rate: Sendable, Equatable {
  /// How much, at least 1.
  public let count: Int64
  /// In how long: a second, a minute, an hour or a day.
  public let span: TimeSpan
  /// How much of it may come at once: one second's worth unless `burst` says otherwise, at least 1.
  public let burst: Int64

  init(count: Int64, span: TimeSpan, burst: TimeSpan) {
    self.count = count
    self.span = span
    let product = UInt64(count).multipliedFullWidth(by: UInt64(burst.nanoseconds))
    // At most an hour's worth of 2⁴⁰ a second: it fits.
    let worth = UInt64(span.nanoseconds).dividingFullWidth(product).quotient
    self.burst = max(Int64(clamping: worth), 1)
  }

  /// The largest rate and the largest size that are understood.
  static let most: Int64 = 1 << 40
}

/// What bounds one bearer: a tenant, a principal, a namespace, a topic, an address. Nil: nothing.
public struct BearerBounds: Sendable, Equatable {
  public let requests: Rate?
  /// Events published.
  public let events: Rate?
  /// Bytes published, payloads as sent.
  public let bytes: Rate?
  /// Live streams open at once.
  public let streams: Int?

  static let bursts: ClosedRange<TimeSpan> = .milliseconds(10) ... .seconds(3600)
  static let none = BearerBounds(requests: nil, events: nil, bytes: nil, streams: nil)

  private init(requests: Rate?, events: Rate?, bytes: Rate?, streams: Int?) {
    self.requests = requests
    self.events = events
    self.bytes = bytes
    self.streams = streams
  }

  /// Takes `requests`, `publishRate`, `publishBytes`, `streams` and `burst` out of a mapping.
  init(readingFrom limits: inout SettingsMapping) throws(SettingsFault) {
    let burst = try limits.optionalDuration("burst", in: Self.bursts)
    func rate(_ node: SettingsNode?, _ unit: Rate.Unit) throws(SettingsFault) -> Rate? {
      try node.map { node throws(SettingsFault) in
        try Rate(compiling: node, unit, burst: burst ?? .seconds(1))
      }
    }
    requests = try rate(limits.optional("requests"), .things)
    events = try rate(limits.optional("publishRate"), .things)
    bytes = try rate(limits.optional("publishBytes"), .bytes)
    streams = try limits.optional("streams").map { node throws(SettingsFault) in
      Int(try node.integer(in: 0...10_000_000))
    }
  }

  /// Compiles a mapping of nothing else.
  static func compile(_ node: SettingsNode?) throws(SettingsFault) -> BearerBounds {
    guard let node else { return .none }
    var limits = try SettingsMapping(node)
    let compiled = try BearerBounds(readingFrom: &limits)
    try limits.finish()
    return compiled
  }
}

/// What bounds a tenant, and each principal, namespace and topic of it.
public struct TenantBounds: Sendable, Equatable {
  /// All of the tenant together.
  public let tenant: BearerBounds
  public let perPrincipal: BearerBounds
  public let perTopic: BearerBounds
  /// Of all topics of a namespace together.
  public let perNamespace: BearerBounds
  /// Bytes that the tenant's events may take, and those of each of its namespaces; nil unlimited.
  public let storage: Int64?
  public let storagePerNamespace: Int64?
  /// Its share beside the other tenants' when the gateway is saturated.
  public let weight: Int

  /// Nothing is bounded.
  public static let none = TenantBounds()
  /// What a tenant weighs of which the file says nothing.
  public static let usualWeight = 100

  /// Whether no rate bounds its callers wherever they go: storage and streams are asked elsewhere,
  /// and what bounds a namespace is asked of the one that a request is about.
  public var hasNoRates: Bool {
    tenant.hasNoRates && perPrincipal.hasNoRates && perTopic.hasNoRates
  }

  var hasNoRatesAnywhere: Bool { hasNoRates && perNamespace.hasNoRates }

  private init() {
    tenant = .none
    perPrincipal = .none
    perTopic = .none
    perNamespace = .none
    storage = nil
    storagePerNamespace = nil
    weight = Self.usualWeight
  }

  /// Compiles `tenants.<name>.limits`.
  ///
  /// - Parameter namespaces: `namespaceDefaults.limits`, which is `perNamespace` in another place.
  static func compile(
    _ node: SettingsNode?, ofNamespaces namespaces: SettingsNode?
  ) throws(SettingsFault) -> TenantBounds {
    if let node { return try TenantBounds(compiling: node, ofNamespaces: namespaces) }
    guard let namespaces else { return .none }
    return TenantBounds(ofNamespaces: try namespaceBounds(namespaces))
  }

  private init(ofNamespaces bounds: (all: BearerBounds, storage: Int64?)) {
    tenant = .none
    perPrincipal = .none
    perTopic = .none
    perNamespace = bounds.all
    storage = nil
    storagePerNamespace = bounds.storage
    weight = Self.usualWeight
  }

  private init(
    compiling node: SettingsNode, ofNamespaces namespaces: SettingsNode?
  ) throws(SettingsFault) {
    var limits = try SettingsMapping(node)
    tenant = try BearerBounds(readingFrom: &limits)
    perPrincipal = try BearerBounds.compile(limits.optional("perPrincipal"))
    perTopic = try BearerBounds.compile(limits.optional("perTopic"))
    storage = try limits.optional("storage").map { node throws(SettingsFault) in
      try node.byteSize()
    }
    let own = limits.optional("perNamespace")
    if own != nil, let namespaces {
      throw namespaces.fault(.invalid("limits.perNamespace of the tenant says the same: give one"))
    }
    let bounds = try Self.namespaceBounds(own ?? namespaces)
    perNamespace = bounds.all
    storagePerNamespace = bounds.storage
    weight =
      try limits.optional("weight").map { node throws(SettingsFault) in
        Int(try node.integer(in: 1...10_000))
      } ?? Self.usualWeight
    try limits.finish()
  }

  /// The keys of a bearer and `storage`.
  private static func namespaceBounds(
    _ node: SettingsNode?
  ) throws(SettingsFault) -> (all: BearerBounds, storage: Int64?) {
    guard let node else { return (.none, nil) }
    var limits = try SettingsMapping(node)
    let all = try BearerBounds(readingFrom: &limits)
    let storage = try limits.optional("storage").map { node throws(SettingsFault) in
      try node.byteSize()
    }
    try limits.finish()
    return (all, storage)
  }
}

extension BearerBounds {
  /// Whether nothing but streams is bounded.
  public var hasNoRates: Bool { requests == nil && events == nil && bytes == nil }
}

/// What bounds each client address, whoever calls from it.
public struct AddressBounds: Sendable, Equatable {
  /// Requests, events, bytes and streams of all who call from there.
  public let all: BearerBounds
  /// Tokens that turned out not to be accepted: each has cost a verification.
  public let refusedTokens: Rate

  public var requests: Rate? { all.requests }
  public var streams: Int? { all.streams }

  /// Where the file says nothing: a thousand bad tokens a second cost at most a tenth of one core,
  /// and no client that is merely out of date sends so many.
  public static let usualRefusedTokens = Rate(count: 1_000, span: .seconds(1), burst: .seconds(1))

  /// What holds where the file says nothing.
  public static let usual = AddressBounds(all: .none, refusedTokens: usualRefusedTokens)

  private init(all: BearerBounds, refusedTokens: Rate) {
    self.all = all
    self.refusedTokens = refusedTokens
  }

  /// Compiles the file's `limits`:
  /// `{perAddress: {requests, publishRate, publishBytes, refusedTokens, streams, burst}}`.
  static func compile(_ node: SettingsNode?) throws(SettingsFault) -> AddressBounds {
    guard let node else { return .usual }
    var limits = try SettingsMapping(node)
    let address = limits.optional("perAddress")
    try limits.finish()
    guard let address else { return .usual }
    var reader = try SettingsMapping(address)
    let refused = reader.optional("refusedTokens")
    let burst = try reader.optionalDuration("burst", in: BearerBounds.bursts)
    let all = try BearerBounds(readingFrom: &reader)
    try reader.finish()
    return AddressBounds(
      all: all,
      refusedTokens: try refused.map { node throws(SettingsFault) in
        try Rate(compiling: node, .things, burst: burst ?? .seconds(1))
      } ?? usualRefusedTokens)
  }
}

extension Rate {
  enum Unit {
    case things, bytes
  }

  /// Compiles `20000/s`; of bytes, `50MiB/s`.
  init(compiling node: SettingsNode, _ unit: Unit, burst: TimeSpan) throws(SettingsFault) {
    let text = try node.bytes()
    let example = unit == .bytes ? "50MiB/s" : "20000/s"
    guard let slash = text.firstIndex(of: ASCII.slash),
      let span = Self.span(text.dropFirst(slash + 1)),
      let count = ByteSize.read(text.prefix(slash), allowsUnits: unit == .bytes),
      count >= 1, count <= Self.most
    else {
      throw node.fault(.invalid("not a rate such as \(example), per s, m, h or d"))
    }
    self.init(count: count, span: span, burst: burst)
  }

  private static func span(_ text: ByteSlice) -> TimeSpan? {
    if text.equals("s") { return .seconds(1) }
    if text.equals("m") { return .seconds(60) }
    if text.equals("h") { return .seconds(3600) }
    if text.equals("d") { return .seconds(86_400) }
    return nil
  }
}

/// Numbers of bytes as the file writes them.
enum ByteSize {
  private static let units: [(StaticString, Int64)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1_000),
    ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
  ]

  /// Reads digits, behind which a unit may stand; nil for anything else.
  static func read(_ text: ByteSlice, allowsUnits: Bool) -> Int64? {
    var digits = 0
    while digits < text.count, ASCII.isDigit(text[digits]) { digits += 1 }
    guard digits > 0, digits <= 15, let number = Int64(text.prefix(digits).text) else { return nil }
    let unit = text.dropFirst(digits)
    if unit.isEmpty { return number }
    guard allowsUnits, let factor = units.first(where: { unit.equals($0.0) })?.1 else { return nil }
    let (bytes, overflows) = number.multipliedReportingOverflow(by: factor)
    return overflows ? nil : bytes
  }
}

extension SettingsNode {
  /// A size such as `200GiB`.
  func byteSize(atLeast least: Int64 = 1) throws(SettingsFault) -> Int64 {
    guard let size = ByteSize.read(try bytes(), allowsUnits: true), size >= least else {
      throw fault(.invalid("not a size such as 200GiB"))
    }
    return size
  }
}
