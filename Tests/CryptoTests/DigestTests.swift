import Bytes
import Crypto
import Testing

@Suite struct `Digests and secrets` {
  /// FIPS 180-4 examples (NIST CSRC, SHA256.pdf) and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 gives the published digests`(text: String, expected: String) {
    let digest = Digest.sha256(ByteSlice(utf8: text))
    #expect(digest.hexadecimal == expected)
    #expect(digest.bytes == ByteSlice(hexadecimal: expected))
    #expect(digest == Digest.sha256(ByteSlice(utf8: text).span))
    // A context that has made other digests before makes the same ones.
    let context = DigestContext()
    for other in ["", "before", text] { _ = context.sha256(ByteSlice(utf8: other)) }
    #expect(digest == context.sha256(ByteSlice(utf8: text)))
  }

  @Test func `digests of different bytes differ`() {
    #expect(Digest.sha256(ByteSlice(utf8: "a")) != Digest.sha256(ByteSlice(utf8: "b")))
  }

  /// RFC 4231 §4.7: a key longer than the hash's block.
  @Test func `HMAC-SHA256 gives the published code`() throws {
    let key = try SecretKey(ByteSlice([UInt8](repeating: 0xAA, count: 131)), for: .hs256)
    let message = ByteSlice(utf8: "Test Using Larger Than Block-Size Key - Hash Key First")
    let code = ByteSlice(
      hexadecimal: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    #expect(key.code(over: message) == code)
    #expect(key.verify(code, over: message))
    #expect(!key.verify(code.prefix(31), over: message))
    #expect(!key.verify(.empty, over: message))
    #expect(!key.verify(code, over: message.dropFirst(1)))
  }

  @Test func `a secret shorter than the hash is refused`() {
    #expect(throws: KeyFault.secretTooShort(31)) {
      try SecretKey(SecureRandom.bytes(31), for: .hs256)
    }
    #expect(throws: KeyFault.wrongType) { try SecretKey(SecureRandom.bytes(32), for: .rs256) }
  }

  @Test func `random bytes have the length asked for and do not repeat`() {
    #expect(SecureRandom.bytes(0).isEmpty)
    #expect(SecureRandom.bytes(33).count == 33)
    #expect(SecureRandom.bytes(16) != SecureRandom.bytes(16))
  }

  @Test func `constant-time comparison agrees with plain comparison`() {
    let secret = ByteSlice(utf8: "secret")
    #expect(ConstantTime.equals(secret, ByteSlice(utf8: "secret")))
    #expect(!ConstantTime.equals(secret, ByteSlice(utf8: "secreT")))
    #expect(!ConstantTime.equals(secret, ByteSlice(utf8: "secret ")))
    #expect(ConstantTime.equals(.empty, .empty))
  }
}
