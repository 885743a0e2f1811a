public import Bytes

/// Who receives: a principal, and the name by which it tells its workers apart. Two principals are
/// two consumers whatever they call themselves; a principal's calls under one name, on whatever
/// connections, are one.
public struct ConsumerID: Sendable, Hashable {
  /// The caller's, as the policy has mapped it.
  public let principal: ByteSlice
  /// The caller's own choice; any bytes.
  public let name: ByteSlice

  /// - Parameters:
  ///   - principal: kept, as the name is: with storage of its own where it outlives a request.
  public init(principal: ByteSlice, name: ByteSlice) {
    self.principal = principal
    self.name = name
  }

  /// The same in storage of its own.
  public var detached: ConsumerID {
    ConsumerID(
      principal: ByteSlice(copying: principal.span), name: ByteSlice(copying: name.span))
  }
}
