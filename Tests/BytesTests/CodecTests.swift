import Bytes
import Testing

@Suite struct `Base64 in both alphabets` {
  static let vectors: [(String, String)] = [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ]

  @Test(arguments: vectors)
  func `the vectors of RFC 4648 go both ways`(plain: String, encoded: String) {
    let bytes = ByteSlice(utf8: plain)
    #expect(Base64.encode(bytes, as: .standard) == encoded)
    #expect(Base64.decode(ByteSlice(utf8: encoded), as: .standard) == bytes)
    let unpadded = String(encoded.prefix { $0 != "=" })
    #expect(Base64.encode(bytes, as: .url) == unpadded)
    #expect(Base64.decode(ByteSlice(utf8: unpadded), as: .url) == bytes)
  }

  @Test func `each alphabet has its own last two digits`() {
    let bytes = ByteSlice([0xFB, 0xFF, 0xBF])
    #expect(Base64.encode(bytes, as: .standard) == "+/+/")
    #expect(Base64.encode(bytes, as: .url) == "-_-_")
    #expect(Base64.decode(ByteSlice(utf8: "-_-_"), as: .standard) == nil)
    #expect(Base64.decode(ByteSlice(utf8: "+/+/"), as: .url) == nil)
  }

  @Test(arguments: [
    "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm8", "Zm9v=", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v",
    "Zm9vYg==Zm9v", "Zg==\u{0}", "Zm9vé",
  ])
  func `what is not the one canonical padded encoding is refused`(text: String) {
    #expect(Base64.decode(ByteSlice(utf8: text), as: .standard) == nil)
  }

  @Test(arguments: ["Zg==", "Z", "Zh", "Zm9", "Zm9vY", "Zm9v=", "Zm9v "])
  func `what is not the one canonical unpadded encoding is refused`(text: String) {
    #expect(Base64.decode(ByteSlice(utf8: text), as: .url) == nil)
  }

  @Test func `a digit of the alphabet is one wherever it stands, and nothing else is`() {
    let length = 39
    for alphabet in [Base64.Alphabet.standard, .url] {
      let own = Set(
        (0..<64).map { digit -> UInt8 in
          Base64.encode(ByteSlice([digit << 2]), as: alphabet).utf8.first ?? 0
        })
      #expect(own.count == 64)
      for place in 0..<length {
        for byte in UInt8.min...UInt8.max {
          var digits = [UInt8](repeating: 0x51, count: length)
          // Nothing may be left over behind the last whole byte.
          digits[length - 1] = 0x45
          digits[place] = byte
          let padding: [UInt8] = alphabet == .standard ? [ASCII.equals] : []
          let text = ByteSlice(digits + padding)
          let decoded = Base64.decode(text, as: alphabet)
          if let decoded {
            #expect(Base64.encode(decoded, as: alphabet) == text.text)
          }
          if place < length - 1 { #expect((decoded != nil) == own.contains(byte)) }
        }
      }
    }
  }

  @Test func `every short text decodes to bytes that encode to it, or not at all`() {
    let digits = Array("AQgw/_-+=Zz09 ".utf8)
    for first in digits {
      for second in digits {
        for third in digits {
          for fourth in digits {
            let text = ByteSlice([first, second, third, fourth])
            for alphabet in [Base64.Alphabet.standard, .url] {
              for length in 2...4 {
                let part = text.prefix(length)
                if let bytes = Base64.decode(part, as: alphabet) {
                  #expect(Base64.encode(bytes, as: alphabet) == part.text)
                }
              }
            }
          }
        }
      }
    }
  }
}

@Suite struct `CRC-32C` {
  @Test func `the check values of RFC 3720 hold`() {
    #expect(CRC32C.checksum(ByteSlice(utf8: "123456789")) == 0xE306_9283)
    #expect(CRC32C.checksum(ByteSlice(Array(repeating: 0, count: 32))) == 0x8A91_36AA)
    #expect(CRC32C.checksum(ByteSlice(Array(repeating: 0xFF, count: 32))) == 0x62A8_AB43)
    #expect(CRC32C.checksum(ByteSlice((0..<32).map { UInt8($0) })) == 0x46DD_794E)
    #expect(CRC32C.checksum(ByteSlice((0..<32).map { UInt8(31 - $0) })) == 0x113F_DB5C)
    #expect(CRC32C.checksum(.empty) == 0)
  }

  @Test func `pieces give the same value as the whole, split anywhere`() {
    let bytes = ByteSlice((0..<100).map { UInt8($0 * 37 & 0xFF) })
    let whole = CRC32C.checksum(bytes)
    for split in 0...bytes.count {
      var crc = CRC32C()
      crc.update(bytes.prefix(split).span)
      crc.update(bytes.dropFirst(split).span)
      #expect(crc.value == whole)
    }
  }
}
