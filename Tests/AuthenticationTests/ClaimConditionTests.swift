import Authentication
import Bytes
import JSONText
import Settings
import Testing

@Suite struct `Claim conditions` {
  let claims: JSONDocument

  init() throws {
    claims = try JSONDocument(
      parsing: ByteSlice(
        utf8: #"""
          {"sub":"system:pod:a","admin":true,"level":3,"ratio":1.0,"scope":"read write-all",
           "groups":["writers","a b",7,null],"nothing":null,"empty":[],
           "kubernetes.io":{"serviceaccount":{"name":"publisher"}},"a/b":{"m~n":"deep"},"":"root"}
          """#))
  }

  func holds(_ condition: String) throws -> Bool {
    let settings = try SettingsDocument(
      parsing: ByteSlice(utf8: "when: \(condition)"), named: "test.yaml")
    var root = try SettingsMapping(settings.root)
    let conditions = try ClaimCondition.compile(try root.required("when"))
    return conditions.allSatisfy { $0.holds(in: claims) }
  }

  @Test(arguments: [
    #"{"/sub": {eq: "system:pod:a"}}"#, #"{"/admin": {eq: true}}"#, #"{"/level": {eq: 3}}"#,
    #"{"/ratio": {eq: 1}}"#, #"{"/sub": {in: [x, "system:pod:a"]}}"#,
    #"{"/sub": {prefix: "system:pod:"}}"#, #"{"/groups": {contains: writers}}"#,
    #"{"/groups": {contains: 7}}"#, #"{"/groups": {contains: "a b"}}"#,
    #"{"/groups/0": {eq: writers}}"#, #"{"/scope": {contains: read}}"#,
    #"{"/scope": {contains: write-all}}"#, #"{"/groups": {containsAny: [x, writers]}}"#,
    #"{"/nothing": {exists: true}}"#, #"{"/absent": {exists: false}}"#,
    #"{"/sub": {not: {eq: x}}}"#, #"{"/absent": {not: {eq: x}}}"#,
    #"{"/sub": {exists: true, not: {prefix: "user:"}}}"#,
    #"{"/kubernetes.io/serviceaccount/name": {eq: publisher}}"#, #"{"/a~1b/m~0n": {eq: deep}}"#,
    #"{"/": {eq: root}}"#, #"{"/sub": {prefix: system}, "/admin": {eq: true}}"#,
  ])
  func `this holds`(condition: String) throws {
    #expect(try holds(condition))
  }

  @Test(arguments: [
    #"{"/sub": {eq: "system:pod:A"}}"#, #"{"/sub": {eq: "system:pod:"}}"#,
    #"{"/admin": {eq: "true"}}"#, #"{"/level": {eq: "3"}}"#, #"{"/level": {eq: true}}"#,
    #"{"/absent": {eq: x}}"#, #"{"/sub": {in: [x, y]}}"#, #"{"/absent": {in: [x]}}"#,
    #"{"/sub": {prefix: pod}}"#, #"{"/level": {prefix: "3"}}"#,
    #"{"/groups": {contains: writer}}"#, #"{"/groups": {contains: "7"}}"#,
    #"{"/sub": {contains: pod}}"#, #"{"/scope": {contains: write}}"#,
    #"{"/scope": {contains: "read write-all"}}"#, #"{"/empty": {contains: x}}"#,
    #"{"/absent": {contains: x}}"#, #"{"/groups": {containsAny: [x, y]}}"#,
    #"{"/sub": {exists: false}}"#, #"{"/absent": {exists: true}}"#,
    #"{"/groups/4": {exists: true}}"#, #"{"/groups/00": {exists: true}}"#,
    #"{"/sub": {not: {exists: true}}}"#, #"{"/sub": {eq: "system:pod:a", prefix: x}}"#,
    #"{"/sub": {prefix: system}, "/admin": {eq: false}}"#,
    #"{"/absent": {exists: true, not: {eq: x}}}"#,
  ])
  func `this does not hold`(condition: String) throws {
    #expect(try !holds(condition))
  }

  @Test(arguments: [
    "{}", "[]", "x", #"{"sub": {eq: x}}"#, #"{"": {eq: x}}"#, #"{"/a~2": {eq: x}}"#,
    #"{"/a": x}"#, #"{"/a": {}}"#, #"{"/a": {matches: x}}"#, #"{"/a": {eq: [x]}}"#,
    #"{"/a": {eq: 1.5}}"#, #"{"/a": {in: x}}"#, #"{"/a": {in: []}}"#, #"{"/a": {prefix: ""}}"#,
    #"{"/a": {prefix: 1}}"#, #"{"/a": {exists: 1}}"#, #"{"/a": {not: x}}"#, #"{"/a": {not: {}}}"#,
    #"{"/a": {containsAny: []}}"#,
  ])
  func `this is no condition`(condition: String) {
    #expect(throws: SettingsFault.self) { try holds(condition) }
  }
}
