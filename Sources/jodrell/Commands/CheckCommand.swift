import Bytes
import Network
import Settings

/// `jodrell check`: compiles a configuration file as `serve` would, reads its certificates, and
/// runs the tests embedded in it.
enum CheckCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let file = try arguments.required("-c")
    let isQuiet = arguments.flag("--quiet")
    try arguments.finish()

    let compiled = try CompiledPolicy(file: file)
    let failures = compiled.failedTests(in: file, at: Clocks.system.wall())
    for failure in failures { Terminal.errors.line(failure.printable) }
    guard failures.isEmpty else {
      throw CommandFault(
        .failed, "\(failures.count) of \(compiled.tests.count) policy tests failed")
    }
    let until = try certificatesEnd(compiled, at: Clocks.system.wall())
    for warning in compiled.warnings {
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
