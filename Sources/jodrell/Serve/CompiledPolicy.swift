import Authentication
import Bytes
import Crypto
import Fetching
import Gateway
import Network
import Settings
import Tenancy

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
  init(
    _ text: ByteSlice, named name: String, in directory: String, generation: UInt64 = 1,
    keeping known: KnownIdentities? = nil
  ) throws(CommandFault) {
    do throws(SettingsFault) {
      let settings = try GatewaySettings(
        compiling: SettingsDocument(parsing: text, named: name))
      let secrets = SecretStore(directory: directory)
      var issuers: [IssuerProfile] = []
      var files: [String] = []
      var read = ByteWriter()
      func note(_ bytes: ByteSlice) {
        read.append(decimal: bytes.count)
        read.append(ASCII.lineFeed)
        read.append(bytes)
      }
      let surroundings = IssuerProfile.Surroundings(
        file: { path in
          let path = FileAccess.resolve(path, from: directory)
          files.append(path)
          let bytes = try FileAccess.read(path, limit: 1 << 20)
          note(bytes)
          return bytes
        },
        secret: { reference in
          let secret = try secrets.find(reference)
          note(Digest.sha256(secret).bytes)
          return secret
        })
      for node in settings.issuers {
        let profile = try IssuerProfile.compile(node, in: surroundings)
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
      self.secrets = secrets
      self.settings = settings
      self.directory = directory
      self.issuers = issuers
      self.files = files
      issuersVersion = Digest.sha256(read.slice)
      read.append(text)
      version = Digest.sha256(read.slice)
    } catch {
      throw CommandFault(.badSettings, error.text)
    }
  }

  /// Reads and compiles a file. A missing or empty one is an error, never development mode.
  init(
    file path: String, generation: UInt64 = 1, keeping known: KnownIdentities? = nil
  ) throws(CommandFault) {
    let text: ByteSlice
    do throws(FileFault) {
      text = try FileAccess.read(path, limit: SettingsDocument.Limits.bytes + 1)
    } catch {
      throw CommandFault(.badSettings, error.description)
    }
    try self.init(
      text, named: path, in: FileAccess.parent(of: path), generation: generation, keeping: known)
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
      case .duplicateAPIKey(let index):
        throw nodes[index].fault(.invalid("one of its API keys stands twice"))
      case .secondIntrospection(let index):
        throw nodes[index].fault(
          .invalid("a second issuer with introspection: nobody could say which one to ask"))
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

  /// The `iss` of each issuer of tokens.
  var authorizationServers: [ByteSlice] {
    issuers.filter(\.apiKeys.isEmpty).map(\.issuer)
  }

  /// A desk on which this is the first snapshot.
  func makeDesk() -> AccessDesk {
    AccessDesk(verifier: verifier, policy: policy, issuers: authorizationServers)
  }
}
