import Bytes
import Settings
import Testing

/// Reads a text as if it stood in a file `s.yaml`.
func settings(_ text: String, named name: String = "s.yaml") throws(SettingsFault) -> SettingsNode {
  try SettingsDocument(parsing: ByteSlice(utf8: text), named: name).root
}

/// The fault of a text, or nil if it is fine.
func faultOf(_ text: String, named name: String = "s.yaml") -> SettingsFault? {
  do throws(SettingsFault) {
    _ = try settings(text, named: name)
    return nil
  } catch {
    return error
  }
}

@Suite struct SettingsDocumentTests {
  @Test func `values keep their kind, place and key path`() throws {
    let root = try settings(
      """
      # a comment
      listen: {http: "0.0.0.0:8080"}
      issuers:
        - id: keycloak
          audiences: [a, b]
          skew: 30s
          on: yes
          count: 12
          share: .5
          strict: true
          nothing:
      """)
    var top = try SettingsMapping(root)
    let listen = try top.required("listen")
    #expect(listen.position == SettingsPosition(line: 2, column: 9))
    let issuer = try top.required("issuers").elements()[0]
    #expect(issuer.keyPath == "issuers[0]")
    #expect(issuer.position == SettingsPosition(line: 4, column: 5))
    try top.finish()
    var reader = try SettingsMapping(issuer)
    #expect(try reader.text("id") == "keycloak")
    #expect(try reader.optionalTexts("audiences") == ["a", "b"])
    #expect(
      try reader.optionalDuration("skew", in: .zero ... .seconds(60)) == .seconds(30))
    #expect(try reader.text("on") == "yes", "the core schema knows no yes and no")
    #expect(try reader.required("count").integer(in: 0...20) == 12)
    #expect(try reader.bool("strict", absent: false))
    guard case .number(let share) = try reader.required("share").value else {
      Issue.record("not a number")
      return
    }
    #expect(share.text == "0.5")
    #expect(reader.optional("nothing") == nil)
    try reader.finish()
  }

  @Test(arguments: [
    ("a: &x 1", SettingsProblem.outsideSubset("an anchor"), 1, 4),
    ("a: 1\nb: *x", .outsideSubset("an alias"), 2, 4),
    ("a: !!str 1", .outsideSubset("a tag"), 1, 4),
    ("a: !mine {}", .outsideSubset("a tag"), 1, 4),
    ("<<: {b: 1}", .outsideSubset("a merge key"), 1, 1),
    ("*x : 1", .outsideSubset("an alias"), 1, 1),
    ("%YAML 1.2\n---\na: 1", .outsideSubset("a % directive"), 1, 1),
    ("a: 1\n---\nb: 1", .outsideSubset("a second document"), 2, 1),
    ("a: 1\nb: 2\na: 3", .duplicateKey("a"), 3, 1),
    ("a: 1\n\"\\u0061\": 3", .duplicateKey("a"), 2, 1),
    ("x: {true: 1}", .badKey("the key 'true' is not a text: put it in quotes"), 1, 5),
    ("? [a]\n: 1", .badKey("a list or mapping cannot be a key"), 1, 3),
    ("a: .inf", .quoteIt(".inf"), 1, 4),
    ("a: 9223372036854775808", .quoteIt("9223372036854775808"), 1, 4),
    ("", .empty, 1, 1),
    ("# nothing here\n", .empty, 2, 1),
    ("~", .empty, 1, 1),
    ("- a", .wrongKind(expected: "a mapping", found: "a list"), 1, 1),
  ])
  func `what the subset leaves out is refused where it stands`(
    text: String, problem: SettingsProblem, line: Int, column: Int
  ) throws {
    let fault = try #require(faultOf(text))
    #expect(fault.problem == problem)
    #expect(fault.position == SettingsPosition(line: line, column: column))
  }

  @Test func `a fault names file, place, problem and path`() throws {
    let fault = try #require(faultOf("tenants:\n  acme: {a: 1, a: 2}\n", named: "j.yaml"))
    #expect(fault.text == "j.yaml:2:16: the key 'a' stands twice in tenants.acme")
  }

  @Test(arguments: ["a: [1, 2", "a: 'open", "a:\n\t- b", "{a: 1}}", "a: b: c", "\u{1}a: 1"])
  func `broken text is a syntax fault`(text: String) throws {
    guard case .syntax = try #require(faultOf(text)).problem else {
      Issue.record("not a syntax fault")
      return
    }
  }

  @Test func `bytes that are not UTF-8 are a syntax fault at their line`() throws {
    let bytes = ByteSlice(Array("a: 1\nb: ".utf8) + [0xFF, 0x0A])
    do throws(SettingsFault) {
      _ = try SettingsDocument(parsing: bytes, named: "s.yaml")
      Issue.record("accepted")
    } catch {
      guard case .syntax = error.problem else {
        Issue.record("not a syntax fault")
        return
      }
      #expect(error.position.line == 2)
    }
  }

  @Test func `size, depth and number of values are bounded`() throws {
    let limits = SettingsDocument.Limits.self
    let large = "a: '" + String(repeating: "x", count: limits.bytes) + "'"
    #expect(faultOf(large)?.problem == .tooLarge(limit: limits.bytes))
    func nested(_ levels: Int) -> String {
      "a: " + String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    #expect(faultOf(nested(limits.depth - 1)) == nil)
    #expect(faultOf(nested(limits.depth))?.problem == .tooDeep(limit: limits.depth))
    let many = "a: [" + String(repeating: "1,", count: limits.values) + "]"
    #expect(faultOf(many)?.problem == .tooManyValues(limit: limits.values))
    let long = String(repeating: "k", count: limits.keyBytes + 1)
    guard case .badKey = faultOf("? \(long)\n: 1")?.problem else {
      Issue.record("a long key was accepted")
      return
    }
  }

  @Test(arguments: [
    ("1", "1"), ("-0", "0"), ("+7", "7"), ("007", "7"), ("0x1F", "31"), ("0o17", "15"),
    ("1.", "1.0"), ("-.5", "-0.5"), ("1e3", "1e3"), ("01.50E+2", "1.50e+2"),
  ])
  func `numbers of the core schema become JSON numbers`(text: String, json: String) throws {
    var reader = try SettingsMapping(try settings("a: \(text)"))
    switch try reader.required("a").value {
    case .integer(let integer): #expect("\(integer)" == json)
    case .number(let number): #expect(number.text == json)
    default: Issue.record("\(text) is not a number")
    }
  }

  @Test(arguments: ["1e", "e3", ".", "-x", "+", "1.2.3", "0x", "0o8", "12h", "1_000", "No", "tRue"])
  func `what only looks like a number or a truth value is text`(text: String) throws {
    var reader = try SettingsMapping(try settings("a: \(text)"))
    #expect(try reader.text("a") == text)
  }

  @Test func `every cut of a text is read or refused, never a crash`() {
    let text = Array("a: {b: [1, 'x', \"\\u00e4\"], c: |\n  block ü\n}\nd: &a *b !t\n".utf8)
    for end in 0...text.count {
      _ = try? SettingsDocument(parsing: ByteSlice(text[0..<end]), named: "s.yaml")
    }
  }
}
