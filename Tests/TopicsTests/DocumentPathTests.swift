import Bytes
import Tenancy
import Testing
import Topics

@Suite struct DocumentPathTests {
  @Test(arguments: [
    "/v1/schemas/acme/shop/common/address",
    "https://events.example/v1/schemas/acme/shop/common/address",
    "http://127.0.0.1:8080/v1/schemas/acme/shop/common/address",
    "urn:/v1/schemas/acme/shop/common/address", "/v1/schemas/acme/shop/common/%61ddress",
  ])
  func `a place in the API names a document, whatever the host`(uri: String) throws {
    let path = try #require(DocumentPath(uri: uri))
    #expect("\(path.tenant) \(path.namespace) \(path.name)" == "acme shop common/address")
    #expect(path.version == nil)
  }

  @Test func `one version of it can be meant`() {
    #expect(DocumentPath(uri: "/v1/schemas/acme/shop/a?version=12")?.version == 12)
  }

  @Test(arguments: [
    "", "a", "/v1/schemas/acme/shop", "/v1/schemas/acme/shop/", "/v1/schemas/acme//a",
    "/v1/topics/acme/shop/a", "https://events.example", "v1/schemas/acme/shop/a",
    "/x/v1/schemas/acme/shop/a", "/v1/schemas/acme/shop/a?version=0",
    "/v1/schemas/acme/shop/a?version=01", "/v1/schemas/acme/shop/a?version=",
    "/v1/schemas/acme/shop/a?version=4294967296", "/v1/schemas/acme/shop/a?x=1",
    "/v1/schemas/acme/shop/../yard/a", "urn:example:a",
  ])
  func `nothing else does`(uri: String) {
    #expect(DocumentPath(uri: uri) == nil)
  }
}
