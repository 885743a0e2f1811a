public import Bytes
import Crypto
import JSONText

/// A proof of possession as it came, read and not verified: it says which key it is about, so that
/// the token beside it can be asked first whether that key is its own.
///
/// Anybody can sign with a key of their own making, and to examine one takes up to a hundred
/// milliseconds; to read one takes microseconds.
public struct ShownProof {
  /// The thumbprint of the key inside it (RFC 7638), in base64url.
  public let key: ByteSlice
  fileprivate let algorithm: SignatureAlgorithm
  fileprivate let material: PublicKeyMaterial
  fileprivate let signature: ByteSlice
  fileprivate let signingInput: ByteSlice
  let claims: JSONNode

  /// Reads a proof's text: `form` for what is no `dpop+jwt`, `key` for one without a public key of
  /// a permitted algorithm.
  public init(parsing text: ByteSlice) throws(DPoPRefusal) {
    let reader = TokenReader()
    guard let token = try? CompactToken(parsing: text, by: reader),
      let claims = try? StrictObject.parse(token.claims, .claims, by: reader.parser)
    else { throw .form }
    let header = token.header
    guard let type = header.type, type.equalsIgnoringCase("dpop+jwt") else { throw .form }
    guard let algorithm = header.algorithm,
      DPoPProof.algorithms.contains(algorithm), let node = header.proofKey
    else { throw .key }
    guard let webKey = try? JSONWebKey(node, at: 0),
      (try? webKey.algorithm(among: [algorithm])) == algorithm,
      let material = try? webKey.material(for: algorithm)
    else { throw .key }
    self.algorithm = algorithm
    self.material = material
    signature = token.signature
    signingInput = token.signingInput
    self.claims = claims.root
    key = material.thumbprint
  }
}

/// The keys of proofs that were examined lately and found sound: clients sign all their proofs with
/// one. Owned by one loop.
public final class ProofKeys {
  private struct Name: Hashable {
    let thumbprint: ByteSlice
    let algorithm: SignatureAlgorithm
  }

  /// Keys kept: some 2 KB each.
  public static let most = 1_024

  private var keys: [Name: PublicKey] = [:]

  public init() {}

  /// Refuses a proof whose key is not sound, or has not signed it.
  func verify(_ proof: ShownProof) throws(DPoPRefusal) {
    let key = try key(of: proof)
    guard key.verify(proof.signature, over: proof.signingInput) else {
      throw .signature
    }
  }

  private func key(of proof: ShownProof) throws(DPoPRefusal) -> PublicKey {
    let name = Name(thumbprint: proof.key, algorithm: proof.algorithm)
    if let known = keys[name] { return known }
    guard let key = try? PublicKey(proof.material, for: proof.algorithm) else { throw .key }
    // Any one makes room: where it lies is random, and it only has to be examined again.
    if keys.count >= Self.most { keys.remove(at: keys.startIndex) }
    keys[name] = key
    return key
  }
}
