import Bytes
import Crypto
import Settings

/// A listener's certificates, keys and authorities as they lie in their files now, good to serve.
struct CertificateFiles: Sendable {
  /// A certificate in use.
  struct Certificate: Sendable {
    /// Its file, as the configuration writes it.
    let name: String
    let validity: ClosedRange<UnixTime>
    /// The key is at least as old as this: the certificate began, or the file was written.
    let keySince: UnixTime
  }

  /// With session tickets of its own.
  private(set) var server: TLSServer
  let certificates: [Certificate]
  /// What the server was made of.
  private let identities: [ServerIdentity]
  private let clients: ClientCertificates

  /// A certificate with its chain, a key, a bundle of authorities.
  private static let longestFile = 4 << 20

  /// Reads them all; the first fault is thrown, with its place in the configuration.
  ///
  /// - Parameters:
  ///   - directory: what paths are relative to.
  ///   - now: what a key's age is counted from.
  init(
    _ listener: SecureListener, in directory: String, at now: UnixTime
  ) throws(SettingsFault) {
    var identities: [ServerIdentity] = []
    var certificates: [Certificate] = []
    for pair in listener.pairs {
      let key = FileAccess.resolve(pair.key, from: directory)
      let facts = try Self.keyFacts(key, pair.node)
      let identity = try Self.made(pair.node, pair.certificate) { () throws(TLSFault) in
        try ServerIdentity(
          certificate: Self.read(FileAccess.resolve(pair.certificate, from: directory)),
          key: Self.read(key))
      }
      let since = min(identity.validity.lowerBound, UnixTime(nanoseconds: facts.modified))
      if let most = listener.maxKeyAge, now - since > most {
        throw pair.node.fault(
          .invalid("\(pair.key): the key is older than maxKeyAge; make a new one"))
      }
      identities.append(identity)
      certificates.append(
        Certificate(name: pair.certificate, validity: identity.validity, keySince: since))
    }
    let clients = try Self.clients(listener, directory)
    let first = listener.pairs[0]
    server = try Self.made(first.node, first.certificate) { () throws(TLSFault) in
      try TLSServer(identities, clients: clients)
    }
    self.certificates = certificates
    self.identities = identities
    self.clients = clients
  }

  /// The same certificates with new keys for session tickets. Nothing is read: what lies in the
  /// files by now may not be good.
  mutating func renewTickets() throws(TLSFault) {
    server = try TLSServer(identities, clients: clients)
  }

  private static func clients(
    _ listener: SecureListener, _ directory: String
  ) throws(SettingsFault) -> ClientCertificates {
    guard let (path, node) = listener.clientCA else { return .notAsked }
    let authorities = try made(node, path) { () throws(TLSFault) in
      try CertificateAuthorities(pem: read(FileAccess.resolve(path, from: directory)))
    }
    return listener.requiresClientCertificate ? .required(authorities) : .optional(authorities)
  }

  /// Whoever reads a key can be the gateway; whoever writes it can put in one of its own.
  private static func keyFacts(
    _ path: String, _ node: SettingsNode
  ) throws(SettingsFault) -> FileFacts {
    let facts: FileFacts
    do throws(FileFault) {
      facts = try FileAccess.facts(of: path)
    } catch {
      throw node.fault(.invalid(error.description))
    }
    if let exposure = facts.exposure(through: 0o027) {
      throw node.fault(.invalid("\(path): \(exposure); chmod 0600 it, or 0640 for a group"))
    }
    return facts
  }

  /// Bytes of a file; what cannot be read is refused in the system's words.
  private static func read(_ path: String) throws(TLSFault) -> ByteSlice {
    do throws(FileFault) {
      return try FileAccess.readFile(path, limit: longestFile)
    } catch {
      throw .refused(error.description)
    }
  }

  private static func made<Made>(
    _ node: SettingsNode, _ name: String, _ make: () throws(TLSFault) -> Made
  ) throws(SettingsFault) -> Made {
    do throws(TLSFault) {
      return try make()
    } catch {
      throw node.fault(.invalid("\(name): \(error.text)"))
    }
  }
}
