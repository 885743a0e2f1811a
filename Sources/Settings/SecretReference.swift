public import Bytes

/// Where a secret is found: a configuration never holds the secret itself.
public enum SecretReference: Sendable, Hashable {
  /// An environment variable of the gateway.
  case environment(String)
  /// A file, relative to the configuration's; one line end at its end is not part of the secret.
  case file(String)
  /// What a command writes to its standard output, run by `/bin/sh -c`; likewise.
  case command(String)

  /// Reads `env:NAME`, `file:PATH` or `cmd:COMMAND`, or nil.
  public init?(parsing text: ByteSlice) {
    guard let colon = text.firstIndex(of: ASCII.colon), colon + 1 < text.count,
      text.firstIndex(of: ASCII.nul) == nil
    else { return nil }
    let kind = text.prefix(colon)
    let value = text.dropFirst(colon + 1).text
    if kind.equals("env") {
      self = .environment(value)
    } else if kind.equals("file") {
      self = .file(value)
    } else if kind.equals("cmd") {
      self = .command(value)
    } else {
      return nil
    }
  }

  /// Compiles one.
  public init(compiling node: SettingsNode) throws(SettingsFault) {
    guard let reference = SecretReference(parsing: try node.bytes()) else {
      throw node.fault(
        .invalid("secrets are given by reference: env:NAME, file:PATH or cmd:COMMAND"))
    }
    self = reference
  }
}
