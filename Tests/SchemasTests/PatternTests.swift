import Bytes
import JSONText
import Testing

@testable import Schemas

/// Patterns of ECMA-262: what they match, which of them need no engine, and what is refused.
@Suite struct PatternTests {
  /// The verdict of a schema that is nothing but the pattern, through the whole room.
  private func matches(_ pattern: String, _ text: String) throws -> Bool {
    let schema = try Sample.schema(
      "{\"pattern\":\(SchemaText.quoted(pattern).text)}")
    return try Sample.check(SchemaText.quoted(text).text, schema) == .valid
  }

  struct Row: Sendable {
    let pattern: String
    let matching: [String]
    let others: [String]
  }

  static let rows = [
    Row(pattern: "", matching: ["", "a"], others: []),
    Row(pattern: "b", matching: ["abc"], others: ["", "ac"]),
    Row(pattern: "^$", matching: [""], others: ["a", "\n"]),
    Row(pattern: "a$", matching: ["ba"], others: ["a\n", "ab"]),
    Row(pattern: "^.$", matching: ["a", "é", "😀"], others: ["\n", "\r", "\u{2028}", "", "ab"]),
    Row(pattern: "^[^]$", matching: ["\n", "😀"], others: ["", "ab"]),
    Row(pattern: "[]", matching: [], others: ["", "a"]),
    Row(pattern: #"^\d+$"#, matching: ["0123456789"], others: ["٣", ""]),
    Row(pattern: #"^\w$"#, matching: ["_", "Z"], others: ["é", "-"]),
    Row(pattern: #"^\W$"#, matching: ["é", "-", "😀"], others: ["a"]),
    Row(
      pattern: #"^\s$"#, matching: [" ", "\u{a0}", "\u{feff}", "\u{2029}"], others: ["\u{180e}"]),
    Row(pattern: #"^[\S]$"#, matching: ["a", "\u{180e}"], others: ["\u{3000}", "\t"]),
    Row(pattern: #"^\v\f\cA\x41\u00e9\0$"#, matching: ["\u{b}\u{c}\u{1}Aé\0"], others: ["hfAAé0"]),
    Row(pattern: #"^\ud83d\ude00\u{1F600}$"#, matching: ["😀😀"], others: ["😀"]),
    Row(pattern: #"^\p{Letter}+$"#, matching: ["aéж"], others: ["1"]),
    Row(pattern: #"^\p{Script=Greek}$"#, matching: ["α"], others: ["a"]),
    Row(pattern: #"^\P{L}$"#, matching: ["1"], others: ["é"]),
    Row(pattern: #"^[\p{Lu}\d]$"#, matching: ["É", "7"], others: ["é"]),
    Row(pattern: #"^(?<year>\d{4})-\k<year>$"#, matching: ["2026-2026"], others: ["2026-2025"]),
    Row(pattern: #"^(a)|\1b$"#, matching: ["a", "b"], others: ["c"]),
    Row(pattern: #"^(?!foo)(?=b)[a-z]+(?<=r)$"#, matching: ["bar"], others: ["foo", "baz"]),
    Row(pattern: #"^a{2,}?$"#, matching: ["aaa"], others: ["a"]),
    Row(pattern: "^a{,2}$", matching: ["a{,2}"], others: ["a"]),
    Row(pattern: "^x{y}]$", matching: ["x{y}]"], others: []),
    Row(pattern: #"^[[:alpha:]]$"#, matching: [":]", "a]"], others: ["b]"]),
    Row(pattern: #"^[\w-.]$"#, matching: ["-", ".", "a"], others: [","]),
    Row(pattern: #"^[a\-z\]^]$"#, matching: ["-", "]", "^"], others: ["b"]),
    Row(pattern: #"^[\b]$"#, matching: ["\u{8}"], others: ["b"]),
    Row(pattern: #"\bfoo\b"#, matching: ["a foo b"], others: ["afoo"]),
    Row(
      pattern: "^ord_[a-z0-9]{2,3}$", matching: ["ord_a1", "ord_a1b"],
      others: ["ord_a", "ord_a1b2"]),
    Row(pattern: "^x-", matching: ["x-", "x-y"], others: ["y-x-", "x"]),
    Row(pattern: "^[^a]{2}$", matching: ["bé", "😀😀"], others: ["ab", "b"]),
    Row(pattern: #"^[a-z][a-z0-9]*(-[a-z]+)?$"#, matching: ["a", "a1-b"], others: ["1", "a-"]),
    Row(pattern: "^a*a$", matching: ["a", "aaa"], others: ["", "b"]),
    Row(pattern: "^(a|b)$", matching: ["a"], others: ["ab"]),
  ]

  @Test(arguments: rows)
  func `matches what ECMA-262 says`(row: Row) throws {
    for text in row.matching { #expect(try matches(row.pattern, text), "\(row.pattern) \(text)") }
    for text in row.others { #expect(try !matches(row.pattern, text), "\(row.pattern) \(text)") }
  }

  @Test func `a group keeps what it has matched in an earlier round`() throws {
    // By ECMA-262 each round forgets it, which takes the second text and not the first.
    #expect(try matches(#"^(?:(a)|b)*\1$"#, "aba"))
    #expect(try !matches(#"^(?:(a)|b)*\1$"#, "ab"))
  }

  @Test(arguments: [
    ("^ord_[a-z0-9]{8,32}$", true), ("^[A-Z]{3}$", true), ("^x-", true), ("^$", true),
    ("^[a-z][a-z0-9_]*$", true), (#"^\d+\.\d+$"#, true), ("^[^a]+$", true),
    ("^[A-Z]{2,4}-[0-9]{3,6}(-[A-Z])?$", true), ("^[a-z]+(-[a-z]+)*$", true), ("^(ab)+$", true),
    ("^a*(ab)?$", false), ("^a(b*)*$", false), ("^a(b)?", false), ("^a(b|c)?$", false),
    ("^a(b){2}$", false), ("^(a+)+$", false), ("^(a)?b$", false),
    // Needs to step back, or is not anchored, or splits the code points beyond ASCII.
    ("^a*a$", false), ("^a?ab$", false), ("abc", false), ("^.*$", false), ("^[é]$", false),
    ("^(a)$", false), ("^a|b$", false), (#"^\p{L}$"#, false),
  ])
  func `chains need no engine`(pattern: String, isChain: Bool) throws {
    #expect((try Pattern(pattern).shape != nil) == isChain)
  }

  /// A chain and the engine must agree; each pattern is a chain, wrapped in a group it is none.
  @Test func `chains agree with the engine`() throws {
    let patterns = [
      "^a{1,2}b*c?$", "^[ab]{2}c*", "^a?b?c?$", "^[^b]{0,2}b", "^a{2}$", "^[a-b]*$", "^a(b)?$",
      "^a(bc)*$", "^a+(ba+)*$", "^a{1,2}(bc?)+$", "^aa(b{1,2}a)?$", "^(ab)*$", "^(ab)+$",
      "^(?:ab?)?$", "^ab", "^[^a]+(a[^a])*$",
    ]
    let letters = ["a", "b", "c", "é"]
    var texts = [""]
    for _ in 0..<5 { texts += texts.flatMap { text in letters.map { text + $0 } } }
    let unique = Set(texts)
    for pattern in patterns {
      #expect(try Pattern(pattern).shape != nil, "\(pattern)")
      let chain = try Sample.schema("{\"pattern\":\"\(pattern)\"}")
      let engine = try Sample.schema("{\"pattern\":\"(?:\(pattern))\"}")
      let scratch = SchemaScratch()
      for text in unique {
        let payload = "\"\(text)\""
        let expected = try Sample.check(payload, engine, scratch)
        #expect(try Sample.check(payload, chain, scratch) == expected, "\(pattern) on \(text)")
      }
    }
  }

  /// A table and the engine must agree about whatever text.
  @Test func `tables agree with the engine`() throws {
    let patterns = [
      "abc", "a|b$", "^a|b$", "(a|ab)(c|bcd)*", "^(a+)+$", "^(?:a|b)*c{1,2}$", "a{2,}b?$", "^$|a$",
      "$^", "^(?:^a|b)*$", "(?:a$|b)c?", "[^a]b", "^.b", "^[é-ü]?b$", "^(a?b?)*c$", "", "()", "[]",
      "^[]|b", "a.c", "^(?!ab)", "^(?=.*b)(?!c)[^]*$", "^(?!)a", "^(?=a|$)", "^((?!ab).)*$",
      "^((?!a$)[^c])+$", "^(?:(?!bé)[^]){2,4}$", "^(?!b)((?!cc).)*$", "^(?:a{0,2}?b)*$",
      "[a-c]{3}$", "é|b{2}", #"(?:^\w)\W"#, #"\s|^\d"#, "^(?:ab|é)+?c", "(?:^|b)a", "a(?:$|b)",
    ]
    let letters = ["a", "b", "c", "é", "\n"]
    var texts = [""]
    for _ in 0..<4 { texts += texts.flatMap { text in letters.map { text + $0 } } }
    let unique = Set(texts)
    let matcher = PatternMatcher()
    for source in patterns {
      let pattern = try Pattern(source)
      let table = try #require(pattern.table, "\(source)")
      var none = 0
      let engine = try Pattern("(?:\(source))", effort: &none)
      #expect(engine.table == nil && engine.shape == nil)
      for text in unique {
        let bytes = ByteSlice(utf8: text)
        var (fuel, other) = (10_000, 10_000)
        let found = table.matches(bytes.span, fuel: &fuel)
        let expected = matcher.verdict(engine, on: bytes.span, fuel: &other)
        #expect(found == (expected == .match), "\(source) on \(text.debugDescription)")
      }
    }
  }

  /// Long runs are skipped, texts are read in pieces, and characters of all lengths are told apart.
  @Test func `a table reads every length of run and of character`() throws {
    let pattern = try Pattern("^(?:[a-y]*z|[α-ω]|[一-龥]é|😀)*(?:a|é)$")
    let table = try #require(pattern.table)
    var none = 0
    let engine = try Pattern("^(?:[a-y]*z|[α-ω]|[一-龥]é|😀)*(?:a|é)$", effort: &none)
    let matcher = PatternMatcher()
    for length in [0, 1, 7, 8, 9, 1_015, 1_023, 1_024, 1_025, 2_060] {
      let run = String(repeating: "b", count: length)
      for middle in ["z", "", "zλ😀", "z日é", "z日", "zλω", "zж", "z😁"] {
        for end in ["a", "é", ""] {
          let bytes = ByteSlice(utf8: run + middle + run + "z" + end)
          var (fuel, other) = (100_000, 100_000)
          let found = table.matches(bytes.span, fuel: &fuel)
          let expected = matcher.verdict(engine, on: bytes.span, fuel: &other)
          #expect(found == (expected == .match), "\(length) \(middle) \(end)")
        }
      }
    }
  }

  @Test(
    "what is not regular, or would be a large table, is for the engine",
    arguments: [
      #"^(a)\1$"#, #"\bb"#, "a(?=b)", "(?<=a)b", #"^\p{L}+( \p{L}+)*$"#, "^((?!)a)*b",
      "^[ab]*a[ab]{14}$", "^(?:a{0,40}b){0,40}$",
      "[" + (0..<70).map { String(UnicodeScalar(0x4E00 + 2 * $0)!) }.joined() + "]b",
    ])
  func engine(_ pattern: String) throws {
    let compiled = try Pattern(pattern)
    #expect(compiled.table == nil && compiled.shape == nil)
  }

  @Test(arguments: [
    "(", ")", "[a", #"\"#, "*a", "a**", "a++", "(?>a)", "(?i)a", "(?#x)", "(*UTF)a", #"\A"#, #"\Z"#,
    #"\h"#, #"\K"#, #"\Qa\E"#, #"\C"#, #"\R"#, #"\N"#, #"\e"#, #"\a"#, #"\x4"#, #"\u12"#,
    #"\ud800"#, #"\udc00\ud800"#, #"\u{110000}"#, #"\u{}"#, #"\c1"#, #"\01"#, #"\1"#, #"(a)\2"#,
    #"\k<a>"#, #"(?<a>x)(?<a>y)"#, "[z-a]", "a{2,1}", "a{70000}", #"\pL"#, #"\p{Foo}"#,
    #"\p{^L}"#, #"\p{Xan}"#, #"\p{Greek}"#, #"(?<=a+)b"#, "^*", #"\b+"#, #"(?<=a)*"#,
    // Digits of other scripts are none.
    "\\x\u{FF14}\u{FF11}", "\\u\u{FF10}\u{FF10}\u{FF14}\u{FF11}", "\\u{\u{FF14}\u{FF11}}",
    String(repeating: "(", count: 51) + String(repeating: ")", count: 51),
    String(repeating: "a", count: 1025),
  ])
  func `what is not ECMA-262 is refused`(pattern: String) {
    #expect(throws: PatternFault.self) { try Pattern(pattern) }
  }

  @Test func `a hostile pattern ends in a refusal, not in a verdict`() throws {
    let schema = try Sample.schema(#"{"pattern":"^(a+)+(?!b)$"}"#)
    let payload = "\"\(String(repeating: "a", count: 40))b\""
    #expect(try Sample.check(payload, schema) == .patternLimit)
    let negated = try Sample.schema(#"{"not":{"pattern":"^(a+)+(?!b)$"}}"#)
    #expect(try Sample.check(payload, negated) == .patternLimit)
    let long = "\"\(String(repeating: "a", count: SchemaLimits.patternSubjectBytes + 1))\""
    #expect(try Sample.check(long, schema) == .patternLimit)
  }
}
