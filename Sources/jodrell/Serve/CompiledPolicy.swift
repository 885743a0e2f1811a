import Authentication
import Bytes
import Network
import Settings
import Tenancy

/// A configuration text that every room has compiled: the only way to a verifier and a policy, for
/// `serve` with and without a file, and for `check`.
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

  /// - Parameters:
  ///   - name: the file's name, for faults.
  ///   - directory: what paths in the text are relative to.
  ///   - revocations: what the verifier goes by.
  init(
    _ text: ByteSlice, named name: String, in directory: String,
    revocations: Revocations = Revocations()
  ) throws(CommandFault) {
    do throws(SettingsFault) {
      let settings = try GatewaySettings(
        compiling: SettingsDocument(parsing: text, named: name))
      let secrets = SecretStore(directory: directory)
      let surroundings = IssuerProfile.Surroundings(
        file: { path in
          try FileAccess.read(FileAccess.resolve(path, from: directory), limit: 1 << 20)
        }, secret: { reference in try secrets.find(reference) })
      var issuers: [IssuerProfile] = []
      for node in settings.issuers {
        issuers.append(try IssuerProfile.compile(node, in: surroundings))
      }
      let revoked = try Revocation.compile(
        settings.revoked, of: issuers.map(\.id), at: Clocks.system.wall())
      policy = try TenancyPolicy.compile(settings, generation: 1)
      tests = try PolicyTest.compile(settings)
      verifier = try Self.verifier(issuers, settings.issuers, revocations)
      self.revoked = revoked
      self.secrets = secrets
      self.settings = settings
      self.directory = directory
      self.issuers = issuers
    } catch {
      throw CommandFault(.badSettings, error.text)
    }
  }

  /// Reads and compiles a file. A missing or empty one is an error, never development mode.
  init(file path: String) throws(CommandFault) {
    let text: ByteSlice
    do throws(FileFault) {
      text = try FileAccess.read(path, limit: SettingsDocument.Limits.bytes + 1)
    } catch {
      throw CommandFault(.badSettings, error.description)
    }
    try self.init(text, named: path, in: FileAccess.parent(of: path))
  }

  private static func verifier(
    _ issuers: [IssuerProfile], _ nodes: [SettingsNode], _ revocations: Revocations
  ) throws(SettingsFault) -> TokenVerifier {
    do throws(IssuersFault) {
      return try TokenVerifier(issuers: issuers, revocations: revocations, generation: 1)
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
  func failedTests(in file: String) -> [String] {
    tests.compactMap { test in
      test.failure(on: policy).map { failure in
        "\(file):\(test.position.line):\(test.position.column): test '\(test.name)': \(failure)"
      }
    }
  }
}
