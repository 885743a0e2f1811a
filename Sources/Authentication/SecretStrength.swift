import Bytes

/// Whether a secret of HS256, HS384 or HS512 is one that anybody can guess. Its length is for
/// `SecretKey` to judge; this finds what is long enough and worthless all the same.
enum SecretStrength {
  /// Fewer different bytes than this are no chance: 32 random hexadecimal digits have so few once
  /// in 10¹².
  private static let fewestBytes = 6

  /// Why the secret is no secret, or nil.
  static func fault(of secret: ByteSlice) -> String? {
    let bytes = secret.array
    if published.contains(where: { secret.equals($0) }) || secret == exampleBytes {
      return "it is published as an example: make one with openssl rand -base64 48"
    }
    let different = Set(bytes).count
    if different < fewestBytes {
      return "it is made of \(different) different bytes: make one with openssl rand -base64 48"
    }
    if let period = (1...min(bytes.count / 2, 15)).first(where: { isRepetition(bytes, of: $0) }) {
      return "it repeats \(period) bytes: make one with openssl rand -base64 48"
    }
    return nil
  }

  /// Whether the bytes are their first `period` ones over and over.
  private static func isRepetition(_ bytes: [UInt8], of period: Int) -> Bool {
    (period..<bytes.count).allSatisfy { bytes[$0] == bytes[$0 - period] }
  }

  /// Long enough for HS256 and found in documentation: of jwt.io's editor, of RFC 7515 §A.1 as
  /// text, of frameworks' guides.
  private static let published: [StaticString] = [
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "this-is-a-very-long-secret-key-that-is-at-least-256-bits",
    "my-32-character-ultra-secure-and-ultra-long-secret",
  ]

  /// RFC 7515 §A.1's key, decoded.
  private static let exampleBytes =
    Base64.decode(ByteSlice(utf8: "\(published[3])"), as: .url) ?? .empty
}
