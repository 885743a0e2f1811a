import Bytes
import Tenancy
import Testing

@Suite struct NameTests {
  @Test(arguments: [
    "a", "Z", "0", "a.b_c-d", "orders.v1", "9-", "A..B", String(repeating: "x", count: 128),
  ])
  func `a name is letters, digits, dot, dash and underscore`(text: String) {
    #expect(Name(ByteSlice(utf8: text))?.text == text)
    #expect(Name(pathSegment: ByteSlice(utf8: text))?.text == text)
  }

  @Test(arguments: [
    "", ".", "..", "-a", "_a", ".a", "~", "a b", "a/b", "a*", "*", "ä", "aä", "a\u{0}", "a\n", "a%",
    "a:b", "a@b", String(repeating: "x", count: 129),
  ])
  func `anything else is no name`(text: String) {
    #expect(Name(ByteSlice(utf8: text)) == nil)
    #expect(Name(pathSegment: ByteSlice(utf8: text)) == nil)
  }

  @Test func `every byte that may stand in a name is known`() {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect((Name(ByteSlice([byte])) != nil) == letters.contains(byte))
      let continues = letters.contains(byte) || Array("._-".utf8).contains(byte)
      #expect((Name(ByteSlice([0x61, byte])) != nil) == continues)
    }
  }

  @Test func `names differ by case and by byte`() throws {
    #expect(try name("Orders") != name("orders"))
    #expect(try name("a.b") != name("a-b"))
    #expect(try name("a") < name("b"))
    #expect(try name("a").detached == name("a"))
  }

  @Test(arguments: [
    ("%61", "a"), ("a%2Db", "a-b"), ("a%2eb", "a.b"), ("%6F%72ders", "orders"),
  ])
  func `a segment is percent-decoded`(segment: String, text: String) {
    #expect(Name(pathSegment: ByteSlice(utf8: segment))?.text == text)
  }

  @Test(arguments: [
    "%", "%6", "a%6", "%zz", "a%2", "a%2F", "%2561", "%2e%2e", "%00", "a%0A", "%C3%A4", "%25",
    String(repeating: "%61", count: 129),
  ])
  func `it is decoded once, and what comes out must be a name`(segment: String) {
    #expect(Name(pathSegment: ByteSlice(utf8: segment)) == nil)
  }

  @Test func `the longest name may be written in escapes`() {
    let segment = String(repeating: "%61", count: 128)
    #expect(Name(pathSegment: ByteSlice(utf8: segment))?.bytes.count == 128)
  }
}

@Suite struct TopicReferenceTests {
  @Test(arguments: [
    ("acme/orders/created/events", "acme", "orders", "created", "/events"),
    ("acme/orders/created", "acme", "orders", "created", ""),
    ("acme/orders/created/", "acme", "orders", "created", "/"),
    ("a/%62/c/schemas/1", "a", "b", "c", "/schemas/1"),
  ])
  func `a full path names tenant, namespace and topic`(
    path: String, tenant: String, namespace: String, topic: String, rest: String
  ) throws {
    let read = try TopicReference.read(from: ByteSlice(utf8: path))
    #expect(
      read.reference
        == TopicReference(
          tenant: try name(tenant), namespace: try name(namespace), topic: try name(topic)))
    #expect(read.rest.text == rest)
  }

  @Test(arguments: ["~/created/events", "%7E/created/events", "%7e/created/events"])
  func `a tilde stands for tenant and namespace`(path: String) throws {
    let read = try TopicReference.read(from: ByteSlice(utf8: path))
    #expect(read.reference == TopicReference(ownTopic: try name("created")))
    #expect(read.rest.text == "/events")
  }

  @Test(arguments: [
    ("", PathPart.tenant), ("/", .tenant), ("/acme/orders/x", .tenant), ("a b/c/d", .tenant),
    ("~x/c/d", .tenant), ("acme", .namespace), ("acme/", .namespace), ("acme//x", .namespace),
    ("acme/~/x", .namespace), ("acme/%2Forders/x", .namespace), ("acme/orders", .topic),
    ("acme/orders/", .topic), ("acme/orders/..", .topic), ("acme/orders/~", .topic),
    ("~", .topic), ("~/", .topic), ("~//x", .topic), ("~/~", .topic),
  ])
  func `what does not spell a name is refused by part`(path: String, part: PathPart) {
    #expect(throws: TenancyRefusal.badName(part)) {
      try TopicReference.read(from: ByteSlice(utf8: path))
    }
  }

  @Test func `a namespace's path reads the same`() throws {
    let read = try NamespaceReference.read(from: ByteSlice(utf8: "acme/orders/x"))
    #expect(read.reference.tenant == (try name("acme")))
    #expect(read.reference.namespace == (try name("orders")))
    #expect(read.rest.text == "/x")
    #expect(try NamespaceReference.read(from: ByteSlice(utf8: "~")).reference == .own)
    #expect(throws: TenancyRefusal.badName(.namespace)) {
      try NamespaceReference.read(from: ByteSlice(utf8: "acme"))
    }
  }
}
