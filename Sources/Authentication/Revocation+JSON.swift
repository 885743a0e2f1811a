public import Bytes
public import JSONText
public import Settings

/// Revocations as JSON objects: `{"issuer", "jti" | "kid" | "sub" with "before", "expires"}`; how
/// operators send and see them, and how they are kept.
extension Revocation {
  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("issuer")
    json.string(issuer)
    switch target {
    case .token(let id):
      json.key("jti")
      json.string(id)
    case .key(let id):
      json.key("kid")
      json.string(id)
    case .subject(let subject, let before):
      json.key("sub")
      json.string(subject)
      json.key("before")
      json.instant(before)
    }
    if let expires {
      json.key("expires")
      json.instant(expires)
    }
    json.endObject()
  }

  /// A list of them as one JSON array.
  public static func list(_ revocations: [Revocation]) -> ByteSlice {
    var json = JSONWriter(capacity: 128 * revocations.count + 2)
    json.beginArray()
    for revocation in revocations { revocation.write(to: &json) }
    json.endArray()
    return json.slice
  }

  /// Reads one; the fault is a sentence for whoever has sent it. A `before` that is left out is
  /// `now`.
  public init(reading node: JSONNode, at now: UnixTime) throws(RevocationFault) {
    guard node.kind == .object else { throw .shape }
    var texts: [(ByteSlice, ByteSlice)] = []
    for (name, value) in node.members {
      guard let text = value.string, !text.isEmpty, text.count <= Self.longest else {
        throw .value(name.text)
      }
      texts.append((name, text))
    }
    func take(_ name: StaticString) -> ByteSlice? {
      guard let index = texts.firstIndex(where: { $0.0.equals(name) }) else { return nil }
      let value = texts.remove(at: index).1
      return ByteSlice(copying: value.span)
    }
    guard let issuer = take("issuer") else { throw .missing("issuer") }
    let (token, key, subject) = (take("jti"), take("kid"), take("sub"))
    let before = try Self.instant(take("before"), "before")
    let expires = try Self.instant(take("expires"), "expires")
    if let stranger = texts.first { throw .unknown(stranger.0.text) }
    let target: Target
    switch (token, key, subject) {
    case (let token?, nil, nil): target = .token(token)
    case (nil, let key?, nil): target = .key(key)
    case (nil, nil, let subject?): target = .subject(subject, before: before ?? now)
    default: throw .target
    }
    guard before == nil || subject != nil else { throw .unknown("before") }
    self.init(issuer: issuer, target: target, expires: expires)
  }

  /// Reads a list of at most `Revocations.most`.
  public static func read(
    list text: ByteSlice, at now: UnixTime
  ) throws(RevocationFault) -> [Revocation] {
    guard let document = try? JSONDocument(parsing: text, limits: .settings),
      document.root.kind == .array, document.root.count <= Revocations.most
    else { throw .shape }
    var revocations: [Revocation] = []
    for node in document.root.elements {
      revocations.append(try Revocation(reading: node, at: now))
    }
    return revocations
  }

  /// A `jti`, `kid`, `sub` or issuer of so many bytes.
  public static let longest = 1024

  private static func instant(
    _ text: ByteSlice?, _ name: String
  ) throws(RevocationFault) -> UnixTime? {
    guard let text else { return nil }
    guard let instant = UnixTime(rfc3339: text) else { throw .value(name) }
    return instant
  }

  /// Compiles `revoked`, a list of such objects.
  ///
  /// - Parameter issuers: the ids of those that may be named.
  public static func compile(
    _ node: SettingsNode?, of issuers: [ByteSlice], at now: UnixTime
  ) throws(SettingsFault) -> [Revocation] {
    var revocations: [Revocation] = []
    for element in try node?.elements() ?? [] {
      do {
        let document = try JSONDocument(parsing: element.json, limits: .settings)
        revocations.append(try Revocation(reading: document.root, at: now))
      } catch {
        let fault = error as? RevocationFault ?? .shape
        throw element.fault(.invalid(fault.text))
      }
      guard let issuer = revocations.last?.issuer, issuers.contains(issuer) else {
        throw element.fault(.invalid("its issuer is not declared"))
      }
    }
    return revocations
  }
}

/// Why something is no revocation.
public enum RevocationFault: Error, Equatable, Sendable {
  case shape
  case missing(String)
  case unknown(String)
  case value(String)
  case target

  public var text: String {
    switch self {
    case .shape: "not an object such as {\"issuer\": \"keycloak\", \"jti\": \"…\"}"
    case .missing(let name): "'\(name)' is missing"
    case .unknown(let name): "no member '\(name)' here"
    case .value(let name): "'\(name)' is no text of 1 to \(Revocation.longest) bytes, or no instant"
    case .target: "exactly one of 'jti', 'kid' and 'sub' says what is revoked"
    }
  }
}
