import Bytes
import Settings
import Testing

@Suite struct SettingsMappingTests {
  @Test func `a key that nobody reads is unknown, at its place`() throws {
    let root = try settings("a: 1\nb:\n  foo: 2\n")
    var top = try SettingsMapping(root)
    _ = try top.required("a")
    var inner = try SettingsMapping(try top.required("b"))
    try top.finish()
    do throws(SettingsFault) {
      _ = inner.optional("bar")
      try inner.finish()
      Issue.record("accepted")
    } catch {
      #expect(error.text == "s.yaml:3:3: unknown key 'foo' in b")
    }
  }

  @Test func `a known key without its feature is refused by name`() throws {
    var top = try SettingsMapping(try settings("a: 1\nhttps: {}\n"))
    _ = top.optional("a")
    try top.notBuiltYet("clientCA", "client certificates")
    do throws(SettingsFault) {
      try top.notBuiltYet("https", "TLS")
      Issue.record("accepted")
    } catch {
      #expect(error.text == "s.yaml:2:1: 'https' (TLS) is not supported yet")
    }
  }

  @Test func `a missing key is reported at its mapping`() throws {
    var top = try SettingsMapping(try settings("a: {}\n"))
    var inner = try SettingsMapping(try top.required("a"))
    do throws(SettingsFault) {
      _ = try inner.text("id")
      Issue.record("accepted")
    } catch {
      #expect(error.text == "s.yaml:1:4: the key 'id' is missing in a")
    }
  }

  @Test(arguments: [
    ("audience", "is 'audiences' meant?"), ("Audiences", "is 'audiences' meant?"),
    ("audienceses", "is 'audiences' meant?"), ("aud", nil), ("audiencesList", nil), ("other", nil),
  ])
  func `a required key that is misspelt is told by what stands there`(
    key: String, hint: String?
  ) throws {
    var top = try SettingsMapping(try settings("\(key): [a]\n"))
    do throws(SettingsFault) {
      _ = try top.required("audiences")
      Issue.record("accepted")
    } catch {
      #expect(
        error.text
          == (hint.map { "s.yaml:1:1: unknown key '\(key)': \($0)" }
            ?? "s.yaml:1:1: the key 'audiences' is missing"))
    }
  }

  @Test(arguments: ["12", "true", "1.5", "[]", "{}"])
  func `a text must be a text`(value: String) throws {
    var top = try SettingsMapping(try settings("a: \(value)"))
    do throws(SettingsFault) {
      _ = try top.text("a")
      Issue.record("accepted")
    } catch {
      guard case .wrongKind(expected: "a text", _) = error.problem else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test(arguments: ["5", "5y", "-5s", "''", "[5s]", "61s"])
  func `a duration must have a unit and lie in its range`(value: String) throws {
    var top = try SettingsMapping(try settings("a: \(value)"))
    #expect(throws: SettingsFault.self) {
      try top.optionalDuration("a", in: .seconds(1) ... .seconds(60))
    }
  }

  @Test func `an empty list of texts and an integer out of range are refused`() throws {
    var top = try SettingsMapping(try settings("a: []\nb: 7"))
    #expect(throws: SettingsFault.self) { try top.optionalTexts("a") }
    #expect(throws: SettingsFault.self) { try top.required("b").integer(in: 0...6) }
  }
}
