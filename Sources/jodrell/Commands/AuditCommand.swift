import Bytes
import Crypto
import Gateway
import JSONText

/// `jodrell audit verify`: walks the chain of an audit log's files, and holds its signatures
/// against a key.
enum AuditCommand {
  static func run(_ arguments: Arguments) throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let isQuiet = arguments.flag("--quiet")
    let isPartial = arguments.flag("--partial")
    let expected = try arguments.text("--head")
    let key = try key(&arguments)
    let words = try arguments.rest(2...(1 + mostFiles), called: "audit verify FILE…")
    guard words[0] == "verify" else { throw .usage("audit has one verb: verify") }

    let paths = Array(words.dropFirst())
    for (index, path) in paths.enumerated() {
      let isLast = index == paths.count - 1
      let next = isLast ? nil : paths[index + 1]
      let walk = try walk(path, before: next, key, head: isLast ? expected : nil)
      let isFollowing = index > 0
      // Whoever empties a log makes one that follows what is no longer there.
      if let after = walk.after, key != nil, !isFollowing, !isPartial {
        throw CommandFault(
          .damagedStore,
          "\(path):1: follows entry \(after.sequence) of a file that was not given: name the older "
            + "files first, or say --partial where they are left out")
      }
      if !isQuiet {
        let summary = walk.summary(isSigned: key != nil, isFollowing: isFollowing)
        Terminal.output.line("\(path): good · \(summary)")
      }
    }
    return .done
  }

  /// Files of one log, oldest first.
  private static let mostFiles = 10_000

  private static func key(_ arguments: inout Arguments) throws(CommandFault) -> PublicKey? {
    guard let path = try arguments.text("--key") else { return nil }
    let pem = try CommandFault.wrap(.failed) { () throws(FileFault) in
      try FileAccess.read(path, limit: AuditSigning.longestKey)
    }
    do throws(KeyFault) {
      return try PublicKey(pem: pem)
    } catch {
      throw CommandFault(
        .failed, "\(path): no public key in PEM; 'openssl pkey -pubout' makes one of a private key")
    }
  }

  /// Walks one file.
  ///
  /// - Parameters:
  ///   - next: the file that follows it and says where it ended.
  ///   - head: the hash that it must end with.
  private static func walk(
    _ path: String, before next: String?, _ key: PublicKey?, head: String?
  ) throws(CommandFault) -> AuditWalk {
    var walk = AuditWalk(key: key)
    if let next {
      walk.expect(try end(before: next, key))
    } else if let key {
      guard let signed = try AuditSigning.head(of: path) else {
        guard head != nil else {
          throw CommandFault(
            .damagedStore,
            "\(AuditSigning.headPath(of: path)) is missing: without it, the file that follows or "
              + "--head nobody can tell whether this is the log's end")
        }
        return try read(path, &walk, head)
      }
      guard signed.isSigned(by: key) else {
        throw CommandFault(
          .damagedStore, "\(AuditSigning.headPath(of: path)): the signature is not this key's")
      }
      walk.expect(AuditWalk.End(signed))
    }
    return try read(path, &walk, head)
  }

  private static func read(
    _ path: String, _ walk: inout AuditWalk, _ head: String?
  ) throws(CommandFault) -> AuditWalk {
    do throws(FileFault) {
      try walk.read(path)
    } catch {
      throw CommandFault(.failed, error.description)
    }
    if let fault = walk.fault {
      throw CommandFault(.damagedStore, "\(path):\(fault.line): \(fault.text)")
    }
    if let head, head != walk.head {
      throw CommandFault(
        .damagedStore, "\(path): the head is \(walk.head), not the one given: its end is missing")
    }
    return walk
  }

  /// Where a file says that the one before it ended.
  private static func end(
    before next: String, _ key: PublicKey?
  ) throws(CommandFault) -> AuditWalk.End {
    let first = try CommandFault.wrap(.failed) { () throws(FileFault) in
      try AuditFile.firstLine(of: next)
    }
    guard let after = first?.after else {
      throw CommandFault(.damagedStore, "\(next):1: does not say which file it follows")
    }
    let end = AuditWalk.End(after)
    guard let key else { return end }
    guard let signed = after.signed, signed.isSigned(by: key), signed.sequence == after.sequence,
      signed.hash == after.hash
    else {
      throw CommandFault(
        .damagedStore, "\(next):1: where the file before it ended is not signed by this key")
    }
    return end
  }
}
