public import Bytes
public import Crypto
public import JSONText

/// The head of an audit log's chain under a signature: who holds the public key knows that the log
/// had this many entries, and these, at that time.
///
/// Signed are the bytes `jodrell audit head`, the number, the hash and the time, each with a line
/// feed behind it.
public struct SignedHead: Sendable, Equatable {
  /// The entry that was the last one, and its hash in hexadecimal.
  public let sequence: UInt64
  public let hash: String
  /// When, in RFC 3339.
  public let time: String
  /// The first 16 hexadecimal digits of the key's fingerprint.
  public let key: String
  /// In base64url.
  public let signature: String

  /// Reads the members that `write` writes; nil when they are not all there.
  public init?(_ node: JSONNode) {
    guard let number = node["seq"]?.integer, number >= 0, let hash = node["hash"]?.text,
      let time = node["time"]?.text, let key = node["key"]?.text,
      let signature = node["signature"]?.text
    else { return nil }
    sequence = UInt64(number)
    self.hash = hash
    self.time = time
    self.key = key
    self.signature = signature
  }

  /// Reads the text of `line`.
  public init?(parsing text: ByteSlice) {
    guard let root = try? JSONDocument(parsing: text).root else { return nil }
    self.init(root)
  }

  fileprivate init(_ chain: AuditChain, at time: String, key: String, signature: String) {
    sequence = chain.sequence
    hash = chain.head
    self.time = time
    self.key = key
    self.signature = signature
  }

  /// Whether it is this key's.
  public func isSigned(by key: PublicKey) -> Bool {
    guard let bytes = Base64.decode(ByteSlice(utf8: signature), as: .url) else { return false }
    return key.verify(bytes, over: Self.message(sequence, hash, time))
  }

  fileprivate static func message(_ sequence: UInt64, _ hash: String, _ time: String) -> ByteSlice {
    ByteSlice(utf8: "jodrell audit head\n\(sequence)\n\(hash)\n\(time)\n")
  }

  /// The object on a line of its own.
  public var line: ByteSlice {
    var json = JSONWriter()
    write(to: &json)
    var line = ByteWriter(capacity: 512)
    line.append(json.slice)
    line.append(ASCII.lineFeed)
    return line.slice
  }

  /// Writes it as an object.
  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("seq")
    json.integer(Int(clamping: sequence))
    json.key("hash")
    json.string(hash)
    json.key("time")
    json.string(time)
    json.key("key")
    json.string(key)
    json.key("signature")
    json.string(signature)
    json.endObject()
  }
}

/// Signs heads of an audit log's chain. Immutable; any thread may use it.
public struct AuditSigner: Sendable {
  private let key: PrivateKey
  /// The first 16 digits of the key's fingerprint, as in `SignedHead.key`.
  public let name: String

  public init(_ key: PrivateKey) throws(KeyFault) {
    self.key = key
    name = String(try key.publicKey.fingerprint.prefix(16))
  }

  /// The chain's head under a signature.
  public func sign(_ chain: AuditChain, at now: UnixTime) throws(KeyFault) -> SignedHead {
    let time = now.rfc3339
    let signature = try key.sign(SignedHead.message(chain.sequence, chain.head, time))
    return SignedHead(
      chain, at: time, key: name, signature: Base64.encode(signature, as: .url))
  }
}
