import Bytes
import Gateway
import Network
import Settings
import Tenancy

/// Everything that is known before a port or the store is touched.
struct ServePlan: Sendable {
  let compiled: CompiledPolicy
  /// What `compiled` says is in force there first.
  let access: AccessDesk
  /// Watches the file; nil in development mode.
  let policy: PolicyKeeper?
  let http: ListenerSettings?
  let certificates: CertificateKeeper?
  /// Where `certificates` are shown.
  let secure: ListenerSettings?
  let management: ListenerSettings?
  /// The data directory.
  let data: String
  /// The issuer of our own, for `--schemas` and the banner; with a file only if its directory has
  /// one.
  let keys: DevelopmentKeys?
  let isDevelopment: Bool
  let schemas: SchemaFolder?
  let acceptedLoss: UInt64?

  init(_ options: ServeOptions) throws(CommandFault) {
    let schemas = try options.schemas.map { path throws(CommandFault) in
      try SchemaFolder(reading: path)
    }
    if let file = options.file {
      compiled = try CompiledPolicy(file: file)
      let failures = compiled.failedTests(in: file, at: Clocks.system.wall())
      if let first = failures.first { throw CommandFault(.badSettings, first) }
      data =
        options.data
        ?? FileAccess.resolve(compiled.settings.data, from: FileAccess.parent(of: file))
      keys = try DevelopmentKeys(loadingFrom: data)
      if schemas != nil, keys == nil {
        throw CommandFault(
          .badSettings,
          "--schemas: the policy of \(file) trusts no issuer of our own, so nobody "
            + "here may register them; use PUT …/schema with a token that may manage")
      }
    } else {
      data = options.data ?? "data"
      keys = try DevelopmentKeys(loadingOrMakingIn: data)
      compiled = try CompiledPolicy(
        EmbeddedPolicy.text(tenants: Self.tenants(options, schemas)), named: "development mode",
        in: data)
    }
    isDevelopment = options.file == nil
    access = compiled.makeDesk(isDevelopment: isDevelopment)
    http = try Self.listener(
      options.listen, "--listen", compiled.settings.http, in: compiled.directory)
    certificates = try compiled.settings.https.map { [compiled] listener throws(CommandFault) in
      try CertificateKeeper(listener, in: compiled.directory, at: Clocks.system.wall())
    }
    policy = options.file.map { [compiled, access, certificates] in
      PolicyKeeper($0, compiled, desk: access, certificates: certificates)
    }
    secure = certificates?.address.resolved(from: compiled.directory)
    management = try Self.listener(
      options.management, "--management", compiled.settings.management, in: compiled.directory)
    try Self.refuseOverlaps(of: [http, secure, management].compactMap { $0?.address })
    self.schemas = schemas
    acceptedLoss = options.acceptedLoss
  }

  /// The address that the command line gives, on the terms of the file; or the file's, its path
  /// relative to it.
  private static func listener(
    _ given: ListenAddress?, _ option: String, _ settings: ListenerSettings?, in directory: String
  ) throws(CommandFault) -> ListenerSettings? {
    if let given {
      let listener = settings?.at(given) ?? ListenerSettings(given)
      if let obstacle = listener.obstacle {
        throw .usage("\(option): \(obstacle) in the file's proxyProtocol")
      }
      return listener
    }
    return settings.map { $0.resolved(from: directory) }
  }

  /// Who calls the public listener must never come to the operators'.
  private static func refuseOverlaps(of addresses: [ListenAddress]) throws(CommandFault) {
    for (index, address) in addresses.enumerated() {
      guard let other = addresses[..<index].first(where: address.overlaps) else { continue }
      throw .usage("two listeners have the same address: \(other.text) and \(address.text)")
    }
  }

  /// `public`, those that were named, and those that have a schema folder, each once.
  private static func tenants(_ options: ServeOptions, _ schemas: SchemaFolder?) -> [Name] {
    var names = [Name(ByteSlice(utf8: "\(EmbeddedPolicy.tenant)"))].compactMap(\.self)
    for name in options.tenants + (schemas?.files.map(\.tenant) ?? []) where !names.contains(name) {
      names.append(name)
    }
    return names
  }
}

extension ListenerSettings {
  /// Relative paths are relative to the file.
  func resolved(from directory: String) -> ListenerSettings {
    guard case .file(let path) = address.place else { return self }
    return at(ListenAddress(path: FileAccess.resolve(path, from: directory)))
  }
}
