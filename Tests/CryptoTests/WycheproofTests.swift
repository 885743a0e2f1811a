import Bytes
import Crypto
import Foundation
import TestSupport
import Testing

/// Project Wycheproof's vectors for the algorithms spoken here.
@Suite(.enabled(if: ConformanceData.isThere)) struct `Wycheproof signatures` {
  struct Vector {
    let name: String
    let message: ByteSlice
    let signature: ByteSlice
    let isValid: Bool
  }

  static func groups(_ file: String) throws -> [([String: Any], [Vector])] {
    let groups = try ConformanceData.object("wycheproof/\(file)")["testGroups"]
    return (groups as? [[String: Any]] ?? []).map { group in
      let tests = group["tests"] as? [[String: Any]] ?? []
      return (
        group,
        tests.map { test in
          Vector(
            name: "\(test["tcId"] ?? "") \(test["comment"] ?? "")",
            message: ByteSlice(hexadecimal: test["msg"] as? String ?? ""),
            signature: ByteSlice(hexadecimal: (test["sig"] ?? test["tag"]) as? String ?? ""),
            // The one vector marked "acceptable" per RSA file leaves the hash's NULL out.
            isValid: test["result"] as? String == "valid")
        }
      )
    }
  }

  static func key(_ group: [String: Any], _ algorithm: SignatureAlgorithm) -> PublicKey? {
    let jwk = (group["publicKeyJwk"] ?? group["keyJwk"]) as? [String: String] ?? [:]
    func number(_ name: String) -> ByteSlice { ByteSlice(base64url: jwk[name] ?? "") }
    let key = group["publicKey"] as? [String: Any] ?? [:]
    let material: PublicKeyMaterial
    switch jwk["kty"] {
    case "OKP": material = .ed25519(number("x"))
    case _ where key["uncompressed"] != nil:
      // Not from the JWK: a few of the file's groups lack it.
      let point = ByteSlice(hexadecimal: key["uncompressed"] as? String ?? "").dropFirst(1)
      guard case .elliptic(let curve) = algorithm.keyType else { return nil }
      material = .elliptic(
        curve, x: point.prefix(curve.byteCount), y: point.dropFirst(curve.byteCount))
    default:
      func integer(_ name: String) -> ByteSlice {
        var bytes = ByteSlice(hexadecimal: key[name] as? String ?? "")
        while bytes.count > 1, bytes[0] == 0 { bytes = bytes.dropFirst(1) }
        return bytes
      }
      material = .rsa(modulus: integer("modulus"), exponent: integer("publicExponent"))
    }
    return try? PublicKey(material, for: algorithm)
  }

  @Test(arguments: [
    ("ecdsa_secp256r1_sha256_p1363_test.json", SignatureAlgorithm.es256, 262),
    ("ed25519_test.json", .edDSA, 150),
    ("rsa_signature_2048_sha256_test.json", .rs256, 240),
    ("rsa_signature_3072_sha256_test.json", .rs256, 240),
    ("rsa_signature_4096_sha256_test.json", .rs256, 240),
    ("ecdsa_secp384r1_sha384_p1363_test.json", .es384, 280),
    ("ecdsa_secp521r1_sha512_p1363_test.json", .es512, 318),
    ("rsa_signature_2048_sha384_test.json", .rs384, 240),
    ("rsa_signature_2048_sha512_test.json", .rs512, 240),
    ("rsa_signature_4096_sha512_test.json", .rs512, 240),
    ("rsa_pss_2048_sha256_mgf1_32_test.json", .ps256, 108),
    ("rsa_pss_4096_sha256_mgf1_32_test.json", .ps256, 108),
    ("rsa_pss_2048_sha384_mgf1_48_test.json", .ps384, 141),
    ("rsa_pss_4096_sha384_mgf1_48_test.json", .ps384, 141),
    ("rsa_pss_4096_sha512_mgf1_64_test.json", .ps512, 179),
  ])
  func `public-key vectors`(file: String, algorithm: SignatureAlgorithm, atLeast: Int) throws {
    var run = 0
    for (group, vectors) in try Self.groups(file) {
      let key = Self.key(group, algorithm)
      for vector in vectors {
        let accepted = key?.verify(vector.signature, over: vector.message) ?? false
        #expect(accepted == vector.isValid, "\(file) \(vector.name)")
        run += 1
      }
    }
    #expect(run >= atLeast)
  }

  @Test func `a salt that is not as long as the hash is refused`() throws {
    for (group, vectors) in try Self.groups("rsa_pss_2048_sha256_mgf1_0_test.json") {
      let key = Self.key(group, .ps256)
      for vector in vectors {
        // The file's one vector with a salt of the hash's length is invalid to the file.
        let isOurs = vector.name.hasPrefix("69 ")
        #expect(
          key?.verify(vector.signature, over: vector.message) == isOurs, "\(vector.name)")
      }
    }
  }

  @Test func `signatures in DER are never taken for raw ones`() throws {
    for (group, vectors) in try Self.groups("ecdsa_secp256r1_sha256_test.json") {
      let key = Self.key(group, .es256)
      for vector in vectors where vector.isValid {
        #expect(key?.verify(vector.signature, over: vector.message) != true, "\(vector.name)")
      }
    }
  }

  @Test(arguments: [
    ("hmac_sha256_test.json", SignatureAlgorithm.hs256, 32),
    ("hmac_sha384_test.json", .hs384, 48), ("hmac_sha512_test.json", .hs512, 64),
  ])
  func `HMAC vectors: truncated tags and short keys are refused`(
    file: String, algorithm: SignatureAlgorithm, length: Int
  ) throws {
    var valid = 0
    for (group, _) in try Self.groups(file) {
      let isWhole = group["tagSize"] as? Int == length * 8
      for test in group["tests"] as? [[String: Any]] ?? [] {
        func bytes(_ name: String) -> ByteSlice {
          ByteSlice(hexadecimal: test[name] as? String ?? "")
        }
        let key = try? SecretKey(bytes("key"), for: algorithm)
        #expect((key == nil) == (bytes("key").count < length))
        let accepted = key?.verify(bytes("tag"), over: bytes("msg")) ?? false
        let expected = test["result"] as? String == "valid" && isWhole && key != nil
        #expect(accepted == expected, "\(test["tcId"] ?? "")")
        valid += expected ? 1 : 0
      }
    }
    #expect(valid == 30)
  }
}
