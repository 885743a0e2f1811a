import Authentication
import Bytes
import Crypto
import Gateway
import Network
import Schemas
import Tenancy
import Topics

/// Topic schemas in files, `<tenant>/<namespace>/<topic>.schema.json`; other files are not looked
/// at.
struct SchemaFolder: Sendable {
  struct File: Sendable {
    let path: String
    let tenant: Name
    let namespace: Name
    let topic: Name
    let text: ByteSlice
  }

  private static let suffix = ".schema.json"

  /// In byte order of their paths.
  let files: [File]

  init(reading directory: String) throws(CommandFault) {
    var files: [File] = []
    for tenant in try Self.folders(in: directory) {
      for namespace in try Self.folders(in: "\(directory)/\(tenant)") {
        let folder = "\(directory)/\(tenant)/\(namespace)"
        let names = try CommandFault.wrap(.badSettings) { () throws(FileFault) in
          try FileAccess.names(in: folder)
        }
        for name in names where name.hasSuffix(Self.suffix) {
          files.append(try Self.file("\(folder)/\(name)", [tenant, namespace, name]))
        }
      }
    }
    self.files = files
  }

  private static func file(_ path: String, _ parts: [String]) throws(CommandFault) -> File {
    let topic = String(parts[2].dropLast(suffix.utf8.count))
    guard let tenant = Name(ByteSlice(utf8: parts[0])),
      let namespace = Name(ByteSlice(utf8: parts[1])), let topic = Name(ByteSlice(utf8: topic))
    else { throw CommandFault(.badSettings, "\(path): \(Name.rule)") }
    let text = try CommandFault.wrap(.badSettings) { () throws(FileFault) in
      try FileAccess.read(path, limit: SchemaLimits.sourceBytes)
    }
    return File(path: path, tenant: tenant, namespace: namespace, topic: topic, text: text)
  }

  private static func folders(in path: String) throws(CommandFault) -> [String] {
    try CommandFault.wrap(.badSettings) { () throws(FileFault) in
      try FileAccess.names(in: path).filter { FileAccess.isDirectory("\(path)/\($0)") }
    }
  }

  /// Registers every schema that is not in force yet, each with a token of our own issuer that goes
  /// the way of everybody's: verified, mapped to its tenant, granted `manage`.
  ///
  /// - Returns: how many schemas are new.
  func register(
    with keys: DevelopmentKeys, under compiled: CompiledPolicy, in catalogue: some Catalogue
  ) async throws(CommandFault) -> Int {
    var registered = 0
    for file in files {
      let address = try Self.address(of: file, keys, compiled)
      if try await Self.register(file, at: address, in: catalogue) { registered += 1 }
    }
    return registered
  }

  private static func address(
    of file: File, _ keys: DevelopmentKeys, _ compiled: CompiledPolicy
  ) throws(CommandFault) -> TopicAddress {
    let text = try keys.token(
      subject: "jodrell-serve", tenant: file.tenant.text, actions: ["manage"],
      lifetime: .seconds(60))
    do {
      let now = Clocks.system.wall()
      let token = try compiled.verifier.verify(text, at: now)
      let scope = try compiled.policy.scope(of: token, selecting: .path(file.tenant), at: now)
      let reference = TopicReference(
        tenant: file.tenant, namespace: file.namespace, topic: file.topic)
      return try scope.address(of: reference, for: .manage).detached
    } catch {
      throw CommandFault(
        .badSettings,
        "\(file.path): the policy does not let our own issuer manage this topic "
          + "(\(error)); use PUT …/schema with a token that may")
    }
  }

  /// - Returns: false when the same schema is in force already.
  private static func register(
    _ file: File, at address: TopicAddress, in catalogue: some Catalogue
  ) async throws(CommandFault) -> Bool {
    let candidate = try candidate(file, at: address, in: catalogue)
    let book = catalogue.schemaBook(of: address)
    let outcome = SchemaRegistration.decide(
      candidate.program, fingerprint: candidate.fingerprint, references: candidate.references,
      against: try await versions(in: book, at: address, catalogue),
      terms: terms(address, catalogue))
    switch outcome {
    // A version that is softly deleted is in force nowhere.
    case .identical(let version) where book.defaults[.topic] == version: return false
    case .incompatible(let report), .undecided(let report):
      let reason = report.comparisons.flatMap(\.verdict.reasons).first
      throw CommandFault(
        .badSettings,
        "\(file.path): does not keep to \(report.terms.level.word): "
          + (reason.map { "\($0.reader.pointer) \($0.message)" } ?? "it is not decided"))
    case .identical, .register: break
    }
    try checkClassification(candidate, of: file, in: book, at: address, catalogue)
    do throws(CatalogueFailure) {
      _ = try await catalogue.createTopic(address, TopicConfiguration())
      _ = try await catalogue.registerSchema(candidate, for: address, at: book.revision)
    } catch {
      throw CommandFault(.failed, "\(file.path): not registered: \(error)")
    }
    return true
  }

  /// Refuses what would show readers more than the version in force, as the API does to everybody
  /// without an `admin` grant: who may write a file need not be one who may do that.
  private static func checkClassification(
    _ candidate: SchemaCandidate, of file: File, in book: SchemaBook, at address: TopicAddress,
    _ catalogue: some Catalogue
  ) throws(CommandFault) {
    guard let stored = book.defaultVersion(of: .topic) else { return }
    var program = book.program(of: stored.version)
    do throws(SchemaFault) {
      if program == nil { program = try catalogue.recompileSchema(stored, of: address) }
    } catch {
      throw CommandFault(
        .badSettings,
        "\(file.path): version \(stored.version), which is in force, does not compile any more: "
          + "nobody knows what it labels")
    }
    guard let standing = program?.classification,
      let found = ClassificationComparison.loosenings(
        from: standing, to: candidate.program.classification
      ).first
    else { return }
    throw CommandFault(
      .badSettings,
      "\(file.path): loosens a classification: "
        + [found.place, found.label?.description ?? "", found.message].filter { !$0.isEmpty }
        .joined(separator: " ") + "; use PUT …/schema with a token that has an admin grant")
  }

  private static func candidate(
    _ file: File, at address: TopicAddress, in catalogue: some Catalogue
  ) throws(CommandFault) -> SchemaCandidate {
    do throws(SchemaFault) {
      let (program, references) = try catalogue.compileSchema(
        file.text, dialect: nil, formats: nil, for: address)
      return SchemaCandidate(
        text: file.text, dialect: program.dialect, formats: program.formats,
        fingerprint: program.fingerprint { Digest.sha256($0).bytes }, references: references,
        program: program)
    } catch {
      let place = error.pointer.isEmpty ? "" : "\(error.pointer) "
      throw CommandFault(.badSettings, "\(file.path): \(place)\(error.reason.message)")
    }
  }

  /// What a candidate is held against, compiled again.
  private static func versions(
    in book: SchemaBook, at address: TopicAddress, _ catalogue: some Catalogue
  ) async throws(CommandFault) -> [SchemaRegistration.Version] {
    let retained: Set<UInt32>
    do throws(CatalogueFailure) {
      retained = try await catalogue.retainedSchemas(of: address)
    } catch {
      throw CommandFault(.failed, "\(address): its schemas cannot be read: \(error)")
    }
    return book.judged(.topic, retained: retained).map { stored in
      SchemaRegistration.Version(
        number: stored.version, fingerprint: stored.fingerprint, references: stored.references,
        isLive: stored.state.isLive, program: try? catalogue.recompileSchema(stored, of: address))
    }
  }

  private static func terms(
    _ address: TopicAddress, _ catalogue: some Catalogue
  ) -> SchemaRegistration.Terms {
    let rules = TopicRules(
      of: address.inNamespace, topic: catalogue.topic(address), in: catalogue)
    return SchemaRegistration.Terms(level: rules.compatibility, policy: rules.evolution)
  }
}
