import Authentication
import Bytes
import Crypto
import Fetching
import Gateway
import Network
import Settings
import Tenancy

/// The files that a configuration text names, as they were just before they were read. Also of a
/// text that is refused: whoever mends such a file wants it tried again.
final class NamedFiles {
  private(set) var paths: [String] = []
  private(set) var facts: [FileFacts?] = []

  func note(_ path: String) {
    paths.append(path)
    facts.append(try? FileAccess.facts(of: path))
  }
}

/// A configuration text that every room has compiled: the only way to a verifier and a policy, for
/// `serve` with and without a file, for what it takes while it runs, and for `check`.
struct CompiledPolicy: Sendable {
  let settings: GatewaySettings
  let issuers: [IssuerProfile]
  let verifier: TokenVerifier
  let policy: TenancyPolicy
  let tests: [PolicyTest]
  /// What the text lists as revoked; in force once the configuration is taken.
  let revoked: [Revocation]
  /// What in the text has no effect though it is no mistake of form, with its place.
  let warnings: [String]
  /// The secrets that the text refers to.
  let secrets: SecretStore
  /// What paths in the text are relative to.
  let directory: String
  /// The key files that the text names, for whoever watches them.
  let files: [String]
  /// Names what was read, text and key files: the version of the policy.
  let version: Digest
  /// The same of `issuers` alone: while it stays, so do their verified tokens.
  let issuersVersion: Digest

  /// - Parameters:
  ///   - name: the file's name, for faults.
  ///   - directory: what paths in the text are relative to.
  ///   - generation: what verifier and policy are told apart by within a process.
  ///   - keeping: what issuers and revocations of the process are known already; nil for a look.
  ///   - isTrial: nothing is going to serve by it here: a variable of the environment that is
  ///     missing is a warning.
  ///   - files: gets the files that the text names, as far as it was read.
  init(
    _ text: ByteSlice, named name: String, in directory: String, generation: UInt64 = 1,
    keeping known: KnownIdentities? = nil, isTrial: Bool = false,
    noting files: NamedFiles = NamedFiles()
  ) throws(CommandFault) {
    do throws(SettingsFault) {
      let settings = try GatewaySettings(
        compiling: SettingsDocument(parsing: text, named: name))
      let secrets = SecretStore(directory: directory)
      var issuers: [IssuerProfile] = []
      var warnings: [String] = []
      var missing: [String] = []
      var read = ByteWriter()
      func note(_ bytes: ByteSlice) {
        read.append(decimal: bytes.count)
        read.append(ASCII.lineFeed)
        read.append(bytes)
      }
      func watch(_ reference: SecretReference) {
        guard case .file(let path) = reference else { return }
        files.note(FileAccess.resolve(path, from: directory))
      }
      let surroundings = IssuerProfile.Surroundings(
        file: { path in
          let path = FileAccess.resolve(path, from: directory)
          files.note(path)
          let bytes = try FileAccess.read(path, limit: 1 << 20)
          note(bytes)
          return bytes
        },
        secret: { reference in
          if isTrial, let name = SecretStore.missingVariable(of: reference) {
            missing.append(name)
            return SecureRandom.bytes(64)
          }
          watch(reference)
          let secret = try secrets.find(reference)
          note(Digest.sha256(secret).bytes)
          return secret
        })
      for node in settings.issuers {
        let profile = try IssuerProfile.compile(node, in: surroundings)
        warnings += missing.map { node.fault(.invalid(SecretStore.notLookedAt($0))).text }
        missing = []
        warnings += Self.hopeless(profile, node)
        if let terms = profile.introspection { watch(terms.clientSecret) }
        issuers.append(known?.keys?.carryingOver(profile) ?? profile)
        read.append(node.json)
        read.append(ASCII.lineFeed)
      }
      policy = try TenancyPolicy.compile(settings, generation: generation)
      tests = try PolicyTest.compile(settings)
      revoked = try Revocation.compile(
        settings.revoked, of: issuers.map(\.id), at: Clocks.system.wall())
      verifier = try Self.verifier(
        issuers, settings.issuers, known?.revocations ?? Revocations(), generation)
      self.warnings = warnings + policy.warnings
      self.secrets = secrets
      self.settings = settings
      self.directory = directory
      self.issuers = issuers
      self.files = files.paths
      issuersVersion = Digest.sha256(read.slice)
      read.append(text)
      version = Digest.sha256(read.slice)
    } catch {
      throw CommandFault(.badSettings, error.text)
    }
  }

  /// Reads and compiles a file. A missing or empty one is an error, never development mode.
  init(
    file path: String, generation: UInt64 = 1, keeping known: KnownIdentities? = nil,
    isTrial: Bool = false, noting files: NamedFiles = NamedFiles()
  ) throws(CommandFault) {
    let text: ByteSlice
    do throws(FileFault) {
      text = try FileAccess.read(path, limit: SettingsDocument.Limits.bytes + 1)
    } catch {
      throw CommandFault(.badSettings, error.description)
    }
    try self.init(
      text, named: path, in: FileAccess.parent(of: path), generation: generation, keeping: known,
      isTrial: isTrial, noting: files)
  }

  /// What would never be connected to is better told at once.
  private static func hopeless(_ issuer: IssuerProfile, _ node: SettingsNode) -> [String] {
    var asked: [(url: ByteSlice, rules: FetchRules, key: String)] = []
    if case .remote(let remote) = issuer.source {
      switch remote.location {
      case .url(let url), .discovery(let url): asked.append((url, remote.rules, "keys"))
      }
    }
    if let terms = issuer.introspection {
      asked.append((terms.url, terms.rules, "introspection"))
    }
    return asked.filter { Fetch.isHopeless($0.url, under: $0.rules) }.map { asked in
      node.fault(
        .invalid(
          "\(asked.url.text): the address is private and not listed in \(asked.key).addresses: it "
            + "is never connected to")
      ).text
    }
  }

  private static func verifier(
    _ issuers: [IssuerProfile], _ nodes: [SettingsNode], _ revocations: Revocations,
    _ generation: UInt64
  ) throws(SettingsFault) -> TokenVerifier {
    do throws(IssuersFault) {
      return try TokenVerifier(
        issuers: issuers, revocations: revocations, generation: generation)
    } catch {
      switch error {
      case .duplicateID(let index):
        throw nodes[index].fault(.invalid("a second issuer with the same id"))
      case .duplicateIssuer(let index):
        throw nodes[index].fault(.invalid("a second issuer with the same iss"))
      case .duplicateTrustDomain(let index):
        throw nodes[index].fault(.invalid("a second issuer with the same trustDomain"))
      case .duplicateAPIKey(let index):
        throw nodes[index].fault(.invalid("one of its API keys stands twice"))
      case .secondIntrospection(let index):
        throw nodes[index].fault(
          .invalid(
            "a second issuer with introspection for the same tokens: say in 'prefix' how those of "
              + "each begin"))
      }
    }
  }

  /// Runs the embedded tests; the faults of those that fail, with their places.
  ///
  /// - Parameter now: when those are asked that do not say when.
  func failedTests(in file: String, at now: UnixTime) -> [String] {
    tests.compactMap { test in
      test.failure(on: policy, at: now).map { failure in
        "\(file):\(test.position.line):\(test.position.column): test '\(test.name)': \(failure)"
      }
    }
  }

  /// The `iss` of each issuer of tokens that has one.
  var authorizationServers: [ByteSlice] {
    issuers.filter { $0.apiKeys.isEmpty && $0.issuer != $0.trustDomain?.id }.map(\.issuer)
  }

  /// A desk on which this is the first snapshot.
  ///
  /// - Parameter isDevelopment: pages of this machine may call, too.
  func makeDesk(isDevelopment: Bool) -> AccessDesk {
    AccessDesk(
      verifier: verifier, policy: policy, issuers: authorizationServers,
      crossOrigin: crossOrigin(isDevelopment: isDevelopment))
  }

  /// Pages of other origins that may call.
  func crossOrigin(isDevelopment: Bool = false) -> CrossOrigin {
    let terms = settings.crossOrigin
    return CrossOrigin(
      origins: terms.origins, credentials: terms.credentials, allowsLoopback: isDevelopment)
  }
}
