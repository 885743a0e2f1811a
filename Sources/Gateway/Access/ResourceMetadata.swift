import Authentication
import Bytes
import Crypto
import JSONText

/// What clients learn about how to come in (RFC 9728).
enum ResourceMetadata {
  static let path: StaticString = "/.well-known/oauth-protected-resource"

  /// Where the document of a resource is: the well-known part stands between host and path (§3.1).
  static func url(of resource: ByteSlice) -> ByteSlice {
    let start = pathStart(of: resource)
    var url = ByteWriter(capacity: resource.count + 40)
    url.append(resource.prefix(start))
    url.append(path)
    url.append(resource.dropFirst(start))
    return url.slice
  }

  /// The path of a resource's URL; empty for a bare host.
  static func resourcePath(of resource: ByteSlice) -> ByteSlice {
    resource.dropFirst(pathStart(of: resource))
  }

  private static func pathStart(of url: ByteSlice) -> Int {
    let host = url.starts(with: "https://") ? 8 : 7
    return url.firstIndex(of: ASCII.slash, from: min(host, url.count)) ?? url.count
  }

  /// Writes the document (§2).
  static func write(resource: ByteSlice, issuers: [ByteSlice], into json: inout JSONWriter) {
    json.beginObject()
    json.key("resource")
    json.string(resource)
    json.key("authorization_servers")
    json.beginArray()
    for issuer in issuers { json.string(issuer) }
    json.endArray()
    json.key("bearer_methods_supported")
    json.beginArray()
    json.string("header" as StaticString)
    json.endArray()
    json.key("dpop_signing_alg_values_supported")
    json.beginArray()
    for algorithm in DPoPProof.algorithms { json.string(algorithm.name) }
    json.endArray()
    json.key("tls_client_certificate_bound_access_tokens")
    json.bool(true)
    json.endObject()
  }
}
