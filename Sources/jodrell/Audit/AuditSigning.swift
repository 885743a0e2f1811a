import Bytes
import Crypto
import Gateway
import Network
import Settings

/// When and where the head of the audit log's chain is signed: by a line of the log itself, so that
/// nobody without the key can write it anew, and in a file beside it, so that nobody can cut off
/// its end. Owned by the keeper.
struct AuditSigning {
  let signer: AuditSigner
  private let publicKey: PublicKey
  private let interval: TimeSpan
  /// Since when there are entries that no line has signed.
  private var unsignedSince: MonotonicTime?
  /// Whether something was written since the file beside the log was.
  private var isBehind = false
  private var nextHead = MonotonicTime(nanoseconds: 0)

  /// The file beside the log is written this often at most: it takes syncs of its own.
  private static let headPause = TimeSpan.seconds(1)
  /// The longest key, in bytes of PEM.
  static let longestKey = 64 << 10

  init(_ settings: AuditSettings.Signature, in directory: String) throws(CommandFault) {
    interval = settings.interval
    let pem: ByteSlice
    do throws(SecretFault) {
      pem = try SecretStore(directory: directory).find(settings.key)
    } catch {
      throw CommandFault(.badSettings, "audit.signature.key: \(error)")
    }
    do throws(KeyFault) {
      let key = try PrivateKey(pem: pem)
      signer = try AuditSigner(key)
      publicKey = try key.publicKey
    } catch {
      throw CommandFault(
        .badSettings,
        "audit.signature.key: no private key in PEM without a passphrase (Ed25519, P-256, P-384, "
          + "P-521 or RSA of 2,048 bits and more)")
    }
  }

  /// The file that holds the last signed head of a log.
  static func headPath(of path: String) -> String { "\(path).head" }

  /// Reads the signed head beside a log; nil when there is none.
  static func head(of path: String) throws(CommandFault) -> SignedHead? {
    let head = headPath(of: path)
    let text: ByteSlice
    do throws(FileFault) {
      text = try FileAccess.readFile(head, limit: 4096)
    } catch {
      if error.isAbsent { return nil }
      throw CommandFault(.failed, error.description)
    }
    guard let read = SignedHead(parsing: text) else {
      throw CommandFault(.damagedStore, "\(head): no signed head of an audit log")
    }
    return read
  }

  /// Holds a log's end against the signed head beside it, before anything is added.
  ///
  /// - Returns: where the log ended before it was moved away, if it was; nil if it was not.
  func end(of path: String, at chain: AuditChain) throws(CommandFault) -> AuditChain? {
    guard let head = try Self.head(of: path), head.isSigned(by: publicKey) else { return nil }
    if chain.sequence == 0 { return AuditChain(endingAt: head) }
    if head.sequence > chain.sequence
      || head.sequence == chain.sequence && head.hash != chain.head
    {
      throw CommandFault(
        .damagedStore,
        "\(path): entry \(head.sequence) was signed at \(head.time), and the log's last one is "
          + "\(chain.sequence): it was shortened or replaced. Move it and "
          + "\(Self.headPath(of: path)) away to begin a new one")
    }
    return nil
  }

  mutating func noteEntries(at now: MonotonicTime) {
    unsignedSince = unsignedSince ?? now
    isBehind = true
  }

  mutating func noteLine() {
    unsignedSince = nil
    isBehind = true
  }

  /// What is to be signed now.
  func due(at now: MonotonicTime, isEnd: Bool) -> (line: Bool, head: Bool) {
    let line = unsignedSince.map { isEnd || now >= $0 + interval } ?? false
    return (line, line || isBehind && (isEnd || now >= nextHead))
  }

  mutating func writeHead(_ chain: AuditChain, of path: String, at clocks: Clocks) throws {
    let head = try signer.sign(chain, at: clocks.wall())
    try FileAccess.write(head.line, to: Self.headPath(of: path), mode: 0o640)
    isBehind = false
    nextHead = clocks.monotonic() + Self.headPause
  }
}
