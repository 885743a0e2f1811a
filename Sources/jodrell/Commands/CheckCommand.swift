import Authentication
import Bytes
import Network
import Settings

/// `jodrell check`: compiles a configuration file as `serve` would, reads its certificates and
/// finds its secrets, and runs the tests embedded in it. It may run on another machine than the one
/// that serves: what only that one has to have is warned of.
enum CheckCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let file = try arguments.required("-c")
    let isQuiet = arguments.flag("--quiet")
    try arguments.finish()

    let compiled = try CompiledPolicy(file: file, isTrial: true)
    let failures = compiled.failedTests(in: file, at: Clocks.system.wall())
    for failure in failures { Terminal.errors.line(failure.printable) }
    guard failures.isEmpty else {
      throw CommandFault(
        .failed, "\(failures.count) of \(compiled.tests.count) policy tests failed")
    }
    let until = try certificatesEnd(compiled, at: Clocks.system.wall())
    for warning in try compiled.warnings + secrets(of: compiled) + audit(of: compiled) {
      Terminal.errors.line("warning: \(warning)".printable)
    }
    if !isQuiet {
      let settings = compiled.settings
      Terminal.output.line(
        "\(file): good · issuers \(compiled.issuers.count) · tenants \(settings.tenants.count) · "
          + "mappings \(settings.mappings.count) · policy tests passed \(compiled.tests.count)"
          + (until.map { " · certificates good until \($0.rfc3339)" } ?? ""))
    }
    return .done
  }

  /// Finds what issuers are asked with.
  ///
  /// - Returns: what could not be looked at here.
  private static func secrets(of compiled: CompiledPolicy) throws(CommandFault) -> [String] {
    var warnings: [String] = []
    for issuer in compiled.issuers {
      let missing = issuer.introspection.flatMap {
        SecretStore.missingVariable(of: $0.clientSecret)
      }
      if let missing {
        warnings.append(
          "the client secret of issuer \(issuer.id.text): \(SecretStore.notLookedAt(missing))")
      } else {
        try IssuerService.checkClientSecret(of: issuer, in: compiled)
      }
    }
    return warnings
  }

  /// Finds the audit log's key and folder. Nothing is made or opened to be written.
  ///
  /// - Returns: what could not be looked at here.
  private static func audit(of compiled: CompiledPolicy) throws(CommandFault) -> [String] {
    guard let settings = compiled.settings.audit else { return [] }
    var warnings: [String] = []
    if let signature = settings.signature {
      if let missing = SecretStore.missingVariable(of: signature.key) {
        warnings.append("audit.signature.key: \(SecretStore.notLookedAt(missing))")
      } else {
        _ = try AuditSigning(signature, in: compiled.directory)
      }
    }
    if let file = settings.file {
      let folder = FileAccess.parent(of: FileAccess.resolve(file, from: compiled.directory))
      if let fault = FileAccess.obstacle(toWritingIn: folder) {
        warnings.append("audit.file: \(fault): `serve` would not start here")
      }
    }
    return warnings
  }

  /// When the first certificate ends; nil where none are used.
  private static func certificatesEnd(
    _ compiled: CompiledPolicy, at now: UnixTime
  ) throws(CommandFault) -> UnixTime? {
    guard let listener = compiled.settings.https else { return nil }
    let keeper = try CertificateKeeper(listener, in: compiled.directory, at: now)
    for certificate in keeper.certificates where !certificate.validity.contains(now) {
      throw CommandFault(
        .failed,
        "\(certificate.name) is valid from \(certificate.validity.lowerBound.rfc3339) until "
          + "\(certificate.validity.upperBound.rfc3339), which is not now")
    }
    return keeper.certificates.map(\.validity.upperBound).min()
  }
}
