import Authentication
import Bytes
import Testing

@Suite struct `The Authorization field` {
  func credential(_ field: String?, _ occurrences: Int? = nil) throws(CredentialFault) -> Credential
  {
    let credential = try Credential(
      field: field.map { ByteSlice(utf8: $0) }, occurrences: occurrences ?? (field == nil ? 0 : 1))
    if case .bearer(let token) = credential { try Credential.checkForm(token) }
    return credential
  }

  @Test func `no field, and other schemes, are no credential`() throws {
    #expect(try credential(nil) == .absent)
    for field in ["Basic YTpi", "Basic", "", "BearerX abc", "Bearer,", "DPoPX abc", " Bearer abc"] {
      #expect(try credential(field) == .absent, "\(field)")
    }
  }

  @Test(arguments: ["DPoP a.b.c", "dpop a.b.c"])
  func `a token that a proof goes with is told apart`(field: String) throws {
    #expect(try credential(field) == .dpop(ByteSlice(utf8: "a.b.c")))
  }

  @Test(arguments: ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"])
  func `the scheme is compared without case`(field: String) throws {
    #expect(try credential(field) == .bearer(ByteSlice(utf8: "a.b.c")))
  }

  @Test func `every b64token character is taken`() throws {
    let token = "azAZ09-._~+/=="
    #expect(try credential("Bearer \(token)") == .bearer(ByteSlice(utf8: token)))
  }

  @Test(arguments: [
    "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer =", "Bearer a=b", "Bearer a\t",
    "Bearer \"a\"", "Bearer ä", "Bearer a, Bearer b",
  ])
  func `a Bearer field without one well-formed token is malformed`(field: String) {
    #expect(throws: CredentialFault.malformed) { try credential(field) }
  }

  @Test func `two fields are refused whatever they hold`() {
    #expect(throws: CredentialFault.repeated(2)) { try credential("Bearer a", 2) }
    #expect(throws: CredentialFault.repeated(2)) { try credential("Basic a", 2) }
  }
}
