import Authentication
import Bytes
import Crypto
import Network
import Tenancy

/// The development issuer's files in a data directory: the private key, for its owner alone, and
/// the public one as the policy's key set.
struct DevelopmentKeys {
  private static let keyFile = "development-issuer.key"

  let issuer: DevelopmentIssuer

  /// The issuer of a data directory; made, with the directory, when there is none yet.
  init(loadingOrMakingIn data: String) throws(CommandFault) {
    if let found = try Self(loadingFrom: data) {
      self = found
    } else {
      let made = try Self.sound { () throws(KeyFault) in try DevelopmentIssuer.generate() }
      let key = try Self.sound { () throws(KeyFault) in try made.stored }
      try CommandFault.wrap(.storeUnavailable) { () throws(FileFault) in
        try FileAccess.makeDirectory(data)
        try FileAccess.write(key, to: "\(data)/\(Self.keyFile)", mode: 0o600)
      }
      issuer = made
    }
    try writeKeySet(in: data)
  }

  /// The issuer of a data directory; nil when there is none.
  init?(loadingFrom data: String) throws(CommandFault) {
    let path = "\(data)/\(Self.keyFile)"
    let stored: ByteSlice
    let facts: FileFacts
    do throws(FileFault) {
      facts = try FileAccess.facts(of: path)
      stored = try FileAccess.read(path, limit: 64 << 10)
    } catch {
      if error.isAbsent { return nil }
      throw CommandFault(.storeUnavailable, error.description)
    }
    // Whoever reads it can call as anybody.
    if let exposure = facts.exposure(through: 0o077) {
      throw CommandFault(
        .badSettings, "\(path): \(exposure); chmod 0600 it, or remove it to get a new one")
    }
    do throws(KeyFault) {
      issuer = try DevelopmentIssuer(stored: stored)
    } catch {
      throw CommandFault(.damagedStore, "\(path) is no ES256 key; remove it to get a new one")
    }
  }

  /// A token; `actions` are what its `allow` lists.
  func token(
    subject: String, tenant: String, actions: [String], lifetime: TimeSpan
  ) throws(CommandFault) -> ByteSlice {
    let grant = DevelopmentIssuer.Grant(
      subject: ByteSlice(utf8: subject), tenant: ByteSlice(utf8: tenant),
      actions: actions.map { ByteSlice(utf8: $0) })
    let id = ByteSlice(utf8: Base64.encode(SecureRandom.bytes(12), as: .url))
    return try Self.sound { () throws(KeyFault) in
      try issuer.mint(grant, at: Clocks.system.wall(), lifetime: lifetime, tokenID: id)
    }
  }

  private func writeKeySet(in data: String) throws(CommandFault) {
    let path = "\(data)/\(EmbeddedPolicy.keysFile)"
    let keys = try Self.sound { () throws(KeyFault) in try issuer.keySet }
    if (try? FileAccess.read(path, limit: 64 << 10)) == keys { return }
    try CommandFault.wrap(.storeUnavailable) { () throws(FileFault) in
      try FileAccess.write(keys, to: path, mode: 0o644)
    }
  }

  private static func sound<Value>(
    _ make: () throws(KeyFault) -> Value
  ) throws(CommandFault) -> Value {
    do throws(KeyFault) {
      return try make()
    } catch {
      throw CommandFault(.failed, "libcrypto makes no ES256 key or signature: \(error)")
    }
  }
}
