public import Bytes

/// How the versions of one topic's schemas are named:
/// `<home>/v1/topics/<tenant>/<namespace>/<topic>/schemas/<version>`; names need no escapes.
public struct SchemaURI: Sendable {
  /// What stands before the version.
  public let prefix: ByteSlice
  /// Bytes of it that are the gateway's own URL.
  private let home: Int

  /// - Parameter home: how clients reach the gateway, without a trailing slash; empty for a path.
  public init(home: ByteSlice, tenant: ByteSlice, namespace: ByteSlice, topic: ByteSlice) {
    self.home = home.count
    var text = ByteWriter(capacity: home.count + 128)
    text.append(home)
    text.append("/v1/topics/")
    text.append(tenant)
    text.append(ASCII.slash)
    text.append(namespace)
    text.append(ASCII.slash)
    text.append(topic)
    text.append("/schemas/")
    prefix = text.slice
  }

  /// The name of one version.
  public func name(of version: UInt32) -> ByteSlice {
    var text = ByteWriter(capacity: prefix.count + 10)
    text.append(prefix)
    text.append(decimal: UInt64(version))
    return text.slice
  }

  /// The version that `uri` names, with the gateway's URL or without; nil where it names none of
  /// the topic.
  public func version(in uri: ByteSlice) -> UInt32? {
    for prefix in [prefix, prefix.dropFirst(home)]
    where uri.count > prefix.count && uri.prefix(prefix.count) == prefix {
      return UInt32(decimal: uri.dropFirst(prefix.count))
    }
    return nil
  }
}
