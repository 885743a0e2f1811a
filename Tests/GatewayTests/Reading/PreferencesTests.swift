import Bytes
import Testing

@testable import Gateway

@Suite struct PreferencesTests {
  private func preferences(_ fields: String...) -> Preferences {
    var preferences = Preferences()
    for field in fields { preferences.take(ByteSlice(utf8: field)) }
    return preferences
  }

  @Test("names in any case, values as tokens or quoted")
  func forms() {
    for field in [
      "wait=10", "Wait=10", "WAIT = \"10\"", "wait=\"10\"; x=1", " wait=\"1\\0\" ", "a,\twait=10;",
      "x=\",wait=1,\", wait=10", "x=\"\\\",wait=1\", wait=10", "wait=10, wait=20", ",,wait=10",
    ] {
      #expect(preferences(field)["wait"] == "10", "\(field)")
    }
    #expect(preferences("wait=10", "wait=20")["wait"] == "10")
    #expect(preferences("respond-async", "RETURN=minimal")["return"] == "minimal")
  }

  @Test("one without a value is there, one that is malformed is not")
  func bare() {
    for field in ["Respond-Async", "respond-async=\"\"", "respond-async="] {
      #expect(preferences(field)["respond-async"]?.isEmpty == true, "\(field)")
    }
    for field in [
      "", "waiting=1", "wait=\"10", "wait=\"1\"0", "wait=1\"0\"", "x=\"wait=10\"", "=1",
    ] {
      #expect(preferences(field)["wait"] == nil, "\(field)")
    }
  }

  @Test("what nobody knows is not kept, and a field beyond the bound says nothing")
  func bounds() {
    var many = preferences((0..<150).map { "p\($0)" }.joined(separator: ","), "wait=3")
    #expect(many["p1"] == nil)
    #expect(many["wait"] == "3")
    many.take(ByteSlice(utf8: "return=minimal, x=" + String(repeating: "y", count: 1 << 10)))
    #expect(many["return"] == nil)
  }
}
