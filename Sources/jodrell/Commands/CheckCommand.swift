import Settings

/// `jodrell check`: compiles a configuration file as `serve` would, and runs the tests embedded in
/// it.
enum CheckCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let file = try arguments.required("-c")
    let isQuiet = arguments.flag("--quiet")
    try arguments.finish()

    let compiled = try CompiledPolicy(file: file)
    let failures = compiled.failedTests(in: file)
    for failure in failures { Terminal.errors.line(failure.printable) }
    guard failures.isEmpty else {
      throw CommandFault(
        .failed, "\(failures.count) of \(compiled.tests.count) policy tests failed")
    }
    if !isQuiet {
      let settings = compiled.settings
      Terminal.output.line(
        "\(file): good · issuers \(compiled.issuers.count) · tenants \(settings.tenants.count) · "
          + "mappings \(settings.mappings.count) · policy tests passed \(compiled.tests.count)")
    }
    return .done
  }
}
