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

  /// Holds a log's end against the signed head beside it, before anything is added. Nothing is
  /// signed over a log that is not behind a head of this key.
  ///
  /// - Parameter chain: where the log's file ends; `start` when it is empty.
  /// - Returns: where the log ended before it was moved away, if it was; nil if it was not.
  func end(of path: String, at chain: AuditChain) throws(CommandFault) -> AuditChain? {
    guard let head = try Self.head(of: path) else {
      guard chain.sequence == 0 else {
        throw refused(
          path,
          "it has entries, and no signed head is beside it: it was not signed so far, or the "
            + "head was taken away")
      }
      return nil
    }
    guard head.key == signer.name else {
      throw refused(
        path, "its head was signed by another key (\(head.key), and not \(signer.name))")
    }
    guard head.isSigned(by: publicKey) else {
      throw refused(path, "the signature of its head is wrong")
    }
    let known = AuditChain(endingAt: head)
    if head.sequence == 0 || chain == known { return nil }
    if chain.sequence == 0 { return known }
    do throws(FileFault) {
      if try isBegun(path, behind: head) { return nil }
      if chain.sequence > head.sequence {
        var walk = AuditWalk()
        walk.expect(AuditWalk.End(head))
        try walk.read(path)
        if walk.hasMetEnd { return nil }
      }
    } catch {
      throw CommandFault(.failed, error.description)
    }
    throw refused(
      path,
      "entry \(head.sequence) was signed at \(head.time), and the log's last one is "
        + "\(chain.sequence): it was shortened or replaced")
  }

  /// Whether a file was begun behind the head and none of its own was signed yet: a process that is
  /// killed in the second after the log was moved away leaves one.
  private func isBegun(_ path: String, behind head: SignedHead) throws(FileFault) -> Bool {
    guard let after = try AuditFile.firstLine(of: path)?.after else { return false }
    return after.sequence == head.sequence && after.hash == head.hash
  }

  private func refused(_ path: String, _ reason: String) -> CommandFault {
    CommandFault(
      .damagedStore,
      "\(path): \(reason). Move it and \(Self.headPath(of: path)) away to begin a new one")
  }

  mutating func noteEntries(at now: MonotonicTime) {
    unsignedSince = unsignedSince ?? now
    isBehind = true
  }

  mutating func noteLine() {
    unsignedSince = nil
    isBehind = true
  }

  /// Whether a line that signs is due.
  func isLineDue(at now: MonotonicTime, isEnd: Bool) -> Bool {
    unsignedSince.map { isEnd || now >= $0 + interval } ?? false
  }

  /// Whether the file beside the log is.
  func isHeadDue(at now: MonotonicTime, isEnd: Bool) -> Bool {
    isBehind && (isEnd || unsignedSince == nil || now >= nextHead)
  }

  mutating func writeHead(_ chain: AuditChain, of path: String, at clocks: Clocks) throws {
    let head = try signer.sign(chain, at: clocks.wall())
    try FileAccess.write(head.line, to: Self.headPath(of: path), mode: 0o640)
    isBehind = false
    nextHead = clocks.monotonic() + Self.headPause
  }
}
