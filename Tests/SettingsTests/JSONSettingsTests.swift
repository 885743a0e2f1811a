import Bytes
import Settings
import Testing

@Suite struct JSONSettingsTests {
  @Test func `a JSON file reads like its YAML twin`() throws {
    let text = """
      {"a": {"ü": 1, "b": [true, null, "x", 1.5e3]},
       "c": -7}
      """
    let json = try settings(text, named: "s.json")
    let yaml = try settings(text)
    #expect(json.json == yaml.json)
    for root in [json, yaml] {
      var top = try SettingsMapping(root)
      let inner = try top.required("a").entries()
      #expect(inner[1].keyPosition == SettingsPosition(line: 1, column: 16))
      #expect(inner[1].value.position == SettingsPosition(line: 1, column: 21))
      #expect(inner[1].value.keyPath == "a.b")
      let last = try top.required("c")
      #expect(last.position == SettingsPosition(line: 2, column: 7))
      #expect(try last.integer(in: -10...0) == -7)
    }
  }

  @Test(arguments: [
    ("", SettingsProblem.empty, 1, 1),
    (" \n", .empty, 2, 1),
    ("null", .empty, 1, 1),
    ("[]", .wrongKind(expected: "a mapping", found: "a list"), 1, 1),
    ("{\"a\": 1, \"a\": 2}", .duplicateKey("a"), 1, 10),
    ("{\"a\": 1, \"\\u0061\": 2}", .duplicateKey("a"), 1, 10),
    ("{\"a\":\n 9223372036854775808}", .quoteIt("9223372036854775808"), 2, 2),
  ])
  func `a fault of a JSON file has its place`(
    text: String, problem: SettingsProblem, line: Int, column: Int
  ) throws {
    let found = faultOf(text, named: "s.json")
    let fault = try #require(found)
    #expect(fault.problem == problem)
    #expect(fault.position == SettingsPosition(line: line, column: column))
  }

  @Test(arguments: ["{a: 1}", "{\"a\": 1,}", "{\"a\": 01}", "{\"a\": 1} #", "{\"a\": 'x'}", "a: 1"])
  func `what only YAML accepts is no JSON`(text: String) throws {
    let found = faultOf(text, named: "s.json")
    guard case .syntax = try #require(found).problem else {
      Issue.record("not a syntax fault")
      return
    }
  }

  @Test func `size, depth and number of values are bounded as in YAML`() {
    let limits = SettingsDocument.Limits.self
    func nested(_ levels: Int) -> String {
      "{\"a\": " + String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        + "}"
    }
    #expect(faultOf(nested(limits.depth - 1), named: "s.json") == nil)
    #expect(
      faultOf(nested(limits.depth), named: "s.json")?.problem == .tooDeep(limit: limits.depth))
    let many = "{\"a\": [1" + String(repeating: ",1", count: limits.values) + "]}"
    #expect(faultOf(many, named: "s.json")?.problem == .tooManyValues(limit: limits.values))
    let long = String(repeating: "k", count: limits.keyBytes + 1)
    guard case .badKey = faultOf("{\"\(long)\": 1}", named: "s.json")?.problem else {
      Issue.record("a long key was accepted")
      return
    }
  }

  @Test func `a value written as JSON reads back as itself`() throws {
    let root = try settings(
      "{a: \"q\\\" b\\\\ n\\n t\\t z\\0 ü\", b: [1, -2.50, 1e9, true, null, {}], \"c d\": []}")
    let again = try settings(root.json.text, named: "s.json")
    #expect(again.json == root.json)
  }
}
