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
  let http: ListenAddress?
  let certificates: CertificateKeeper?
  let management: ListenAddress?
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
    access = compiled.makeDesk()
    policy = options.file.map { [compiled, access] in PolicyKeeper($0, compiled, desk: access) }
    http = options.listen ?? compiled.settings.http
    certificates = try compiled.settings.https.map { [compiled] listener throws(CommandFault) in
      try CertificateKeeper(listener, in: compiled.directory, at: Clocks.system.wall())
    }
    management = options.management ?? compiled.settings.management
    self.schemas = schemas
    acceptedLoss = options.acceptedLoss
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
