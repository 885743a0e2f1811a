import Bytes
import Foundation
import Settings
import Testing

@Suite struct SettingsMutationTests {
  private static let schemas = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "schemas")

  /// Bytes that mean something to one of the parsers.
  private static let alphabet =
    Array("{}[]:,-?&*!|>%@`#'\"\\\n\r\t ~.<=0eE/\u{0}\u{7F}é".utf8) + [
      0xFF, 0xC0, 0xED, 0xA0, 0x85,
    ]

  @Test(arguments: ["s.yaml", "s.json"])
  func `a damaged file is read or refused within the text, never a crash`(name: String) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededSteps(state: seed)
    let file = Self.schemas.appending(path: "jodrell.example.yaml")
    var whole = [UInt8](try Data(contentsOf: file))
    if name == "s.json" {
      let document = try SettingsDocument(parsing: ByteSlice(whole), named: "s.yaml")
      whole = document.root.json.array
    }
    var refused = 0
    for _ in 0..<1500 {
      var bytes = whole
      for _ in 0..<(1 + random.below(4)) {
        let place = random.below(bytes.count)
        let byte = Self.alphabet[random.below(Self.alphabet.count)]
        switch random.below(4) {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        case 2: bytes.remove(at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + random.below(60)))
        }
      }
      do throws(SettingsFault) {
        let document = try SettingsDocument(parsing: ByteSlice(bytes), named: name)
        _ = try GatewaySettings(compiling: document)
      } catch {
        refused += 1
        let lines = bytes.count { $0 == 0x0A || $0 == 0x0D || $0 == 0x85 } + 2
        #expect((1...lines).contains(error.position.line), "seed \(seed): \(error)")
        #expect(error.position.column >= 1, "seed \(seed): \(error)")
        #expect(error.text.hasPrefix("\(name):"), "seed \(seed)")
      }
    }
    #expect(refused > 100, "seed \(seed): the damage did nothing")
  }
}

/// SplitMix64.
private struct SeededSteps {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) % UInt64(max(bound, 1)))
  }
}
