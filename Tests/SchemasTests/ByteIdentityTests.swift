import Bytes
import Testing

@testable import Schemas

/// Texts that Unicode takes for equal, `é` in one code point and in two, are two texts here.
@Suite struct ByteIdentityTests {
  @Test func `two patterns are two, however alike`() throws {
    let schema = try Sample.schema(
      #"{"properties":{"a":{"pattern":"^\u00e9$"},"b":{"pattern":"^e\u0301$"}}}"#)
    #expect(try Sample.check(#"{"a":"\u00e9","b":"e\u0301"}"#, schema) == .valid)
    #expect(try Sample.check(#"{"a":"e\u0301"}"#, schema) == .invalid)
    #expect(try Sample.check(#"{"b":"\u00e9"}"#, schema) == .invalid)
  }

  @Test func `two definitions are two`() throws {
    let schema = try Sample.schema(
      ##"{"$defs":{"\u00e9":{"type":"integer"},"e\u0301":{"type":"string"}},"##
        + ##""properties":{"a":{"$ref":"#/$defs/\u00e9"},"b":{"$ref":"#/$defs/e\u0301"}}}"##)
    #expect(try Sample.check(#"{"a":1,"b":"x"}"#, schema) == .valid)
    #expect(try Sample.check(#"{"a":"x"}"#, schema) == .invalid)
    #expect(try Sample.check(#"{"b":1}"#, schema) == .invalid)
  }

  @Test(arguments: [
    // The sign for kelvin is a K to Unicode.
    ##"{"$ref":"#\u212a","$defs":{"a":{"$anchor":"K"}}}"##,
    ##"{"$dynamicRef":"#\u212a","$defs":{"a":{"$dynamicAnchor":"K"}}}"##,
    ##"{"$ref":"urn:\u212a","$defs":{"a":{"$id":"urn:K"}}}"##,
  ])
  func `a name is found by its own bytes`(text: String) throws {
    let fault = try #require(throws: SchemaFault.self) { try Sample.schema(text) }
    #expect(fault.reason.code == "schema_reference_unresolved")
    _ = try Sample.schema(text.replacing(#"\u212a"#, with: "K"))
  }

  @Test func `a step of a pointer may begin with a combining mark`() throws {
    let schema = try Sample.schema(
      ##"{"$defs":{"\u0301x":{"type":"integer"}},"$ref":"#/$defs/\u0301x"}"##)
    #expect(try Sample.check("1", schema) == .valid)
    #expect(try Sample.check(#""x""#, schema) == .invalid)
  }

  @Test func `a dynamic reference is one below a name that joins with the slash`() throws {
    let schema = try Sample.schema(
      ##"{"$id":"http://a.example/outer","$ref":"inner","$defs":{"##
        + ##""own":{"$dynamicAnchor":"T","type":"string"},"inner":{"$id":"inner","##
        + ##""$defs":{"default":{"$dynamicAnchor":"T","type":"integer"}},"##
        + ##""properties":{"a\u0600":{"$dynamicRef":"#T"}}}}}"##)
    #expect(try Sample.check(#"{"a\u0600":"x"}"#, schema) == .valid)
    #expect(try Sample.check(#"{"a\u0600":1}"#, schema) == .invalid)
  }

  @Test(arguments: [EvolutionPolicy.strict, .evolution])
  func `a pattern is not followed by one that only looks the same`(
    policy: EvolutionPolicy
  ) throws {
    let composed = try Sample.schema(#"{"type":"string","pattern":"^\u00e9$"}"#)
    let decomposed = try Sample.schema(#"{"type":"string","pattern":"^e\u0301$"}"#)
    for (writer, reader) in [(composed, decomposed), (decomposed, composed)] {
      let verdict = SchemaInclusion.compare(writer: writer, reader: reader, policy: policy)
      #expect(verdict.isIncluded == false)
    }
    let names = try [#"^\u00e9$"#, #"^e\u0301$"#].map {
      try Sample.schema(
        #"{"type":"object","patternProperties":{"\#($0)":{"type":"integer"}},"#
          + #""additionalProperties":false}"#)
    }
    let verdict = SchemaInclusion.compare(writer: names[0], reader: names[1], policy: policy)
    #expect(verdict.isIncluded != true)
  }

  @Test func `URIs are split at bytes, and escapes are digits of ASCII`() {
    #expect(URIReference("#\u{301}a").fragment?.utf8.count == 3)
    let base = URIReference("http://a.example/b/c")
    let target = base.resolving(URIReference("./\u{301}x"))
    #expect(target.resource == "http://a.example/b/\u{301}x")
    #expect(URIReference("#%e2%82%AC/a").decodedFragment == "€/a")
    for bad in ["#%+4", "#%-0", "#%4", "#%", "#%\u{FF14}\u{FF11}", "#%ff"] {
      #expect(URIReference(bad).decodedFragment == nil, "\(bad)")
    }
  }
}
