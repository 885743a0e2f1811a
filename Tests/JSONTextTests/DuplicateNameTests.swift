import Bytes
import Testing

@testable import JSONText

/// Names that an object has twice, found whatever its size and however they are spelt.
@Suite struct DuplicateNameTests {
  /// Objects that are decided name by name, and ones that are searched as a whole.
  private static let sizes = [2, 3, 8, 23, 24, 25, 26, 60, 300]

  private func fault(_ text: String) -> JSONFault? {
    do throws(JSONFault) {
      _ = try JSONDocument(parsing: ByteSlice(utf8: text))
      return nil
    } catch {
      return error
    }
  }

  private func object(_ names: [String]) -> String {
    "{" + names.map { "\"\($0)\":[{\"a\":1},\"}\"]" }.joined(separator: ",") + "}"
  }

  @Test(arguments: sizes) func `any two equal names are found`(size: Int) {
    for stem in ["", "n", "a name of many bytes ", "é"] {
      let names = (0..<size).map { "\(stem)\($0)" }
      #expect(fault(object(names)) == nil)
      for (first, second) in [(0, size - 1), (size - 2, size - 1), (0, 1), (size / 2, size - 1)]
      where first < second {
        var twice = names
        twice[second] = names[first]
        let fault = fault("[1,\(object(twice))]")
        #expect(fault?.code == .duplicateMember, "\(size) \(stem) \(first) \(second)")
        #expect(fault?.pointer?.text == "/1/\(names[first])")
      }
    }
  }

  @Test(arguments: sizes) func `an escaped spelling is the same name`(size: Int) {
    let names = (0..<size).map { "nnnnnnnn\($0)" }
    for place in [0, size / 2, size - 1] {
      var spelt = names
      spelt[place] = "\\u006ennnnnnn\(place)"
      #expect(fault(object(spelt)) == nil)
      spelt[(place + 1) % size] = names[place]
      #expect(fault(object(spelt))?.code == .duplicateMember, "\(size) \(place)")
    }
    #expect(fault(#"{"a\u0000b":1,"a\u0000":2,"a":3}"#) == nil)
    #expect(fault(#"{"a\u0000b":1,"a\u0000b":2}"#)?.code == .duplicateMember)
  }

  @Test func `names are compared within their own object only`() {
    #expect(fault(#"{"a":{"a":{"a":1},"b":2},"b":{"a":1}}"#) == nil)
    #expect(fault(#"{"a":{"a":1,"c":{"a":1}},"b":1,"a":2}"#)?.pointer?.text == "/a")
    #expect(fault(#"{"a":{"x":1,"c":{"a":1},"x":2}}"#)?.pointer?.text == "/a/x")
    let many = (0..<40).map { "\"k\($0)\":{\"k0\":0}" }.joined(separator: ",")
    #expect(fault("{\(many)}") == nil)
    #expect(fault("{\(many),\"k7\":0}")?.code == .duplicateMember)
  }

  @Test func `names that differ late, or in length only, are not equal`() {
    let long = String(repeating: "x", count: 40)
    let names = (0..<30).map { long + String(repeating: "y", count: $0) } + [long + "z", "x", ""]
    for count in [3, 20, 33] { #expect(fault(object(Array(names.suffix(count)))) == nil) }
    #expect(fault(#"{"":1,"":2}"#)?.code == .duplicateMember)
  }
}
