import Bytes
import Testing

@Suite struct PercentEncodingTests {
  @Test(
    "escapes are undone once; broken ones spell nothing",
    arguments: [
      ("", ""), ("plain", "plain"), ("a%2Fb", "a/b"), ("%61%62", "ab"), ("%2525", "%25"),
      ("%", nil), ("%4", nil), ("a%4g", nil), ("%%41", nil), ("x%e2%82%ac", "x€"),
    ] as [(String, String?)])
  func decode(_ text: String, _ expected: String?) {
    #expect(PercentEncoding.decode(ByteSlice(utf8: text))?.text == expected)
  }
}
