public import Bytes

/// What a consumer hands back to settle one delivery. Opaque to clients.
///
/// Base64url of: version (1), then varints ledger, subscription number, epoch, entry, serial, then
/// CRC-32C of all that. The check catches mangled tokens, not forgers: whoever may subscribe may
/// acknowledge.
public struct AckToken: Sendable, Hashable {
  /// The topic's incarnation.
  public let ledger: UInt64
  /// The subscription's number: a successor of the same name has another.
  public let subscription: UInt64
  /// The subscription's epoch: a seek makes the tokens before it void.
  public let epoch: UInt64
  public let entry: UInt64
  /// The delivery's number, rising over the life of the subscription.
  public let serial: UInt64

  /// No text is longer than this.
  public static let longestText = 74

  public init(
    ledger: UInt64, subscription: UInt64, epoch: UInt64, entry: UInt64, serial: UInt64
  ) {
    self.ledger = ledger
    self.subscription = subscription
    self.epoch = epoch
    self.entry = entry
    self.serial = serial
  }

  /// Reads what `append(to:)` writes; nil for anything else.
  public init?(parsing text: ByteSlice) {
    guard text.count <= Self.longestText, let bytes = Base64.decode(text, as: .url),
      bytes.count > 5
    else { return nil }
    let body = bytes.prefix(bytes.count - 4)
    var cursor = ByteCursor(bytes)
    do {
      guard try cursor.readByte() == Self.version else { return nil }
      ledger = try cursor.readVarint()
      subscription = try cursor.readVarint()
      epoch = try cursor.readVarint()
      entry = try cursor.readVarint()
      serial = try cursor.readVarint()
      guard try cursor.readUInt32() == CRC32C.checksum(body), cursor.isAtEnd else { return nil }
    } catch {
      return nil
    }
  }

  /// Appends the token's text: letters, digits, `-` and `_` only.
  public func append(to writer: inout ByteWriter) {
    var bytes = ByteWriter(capacity: 56)
    bytes.append(Self.version)
    bytes.append(varint: ledger)
    bytes.append(varint: subscription)
    bytes.append(varint: epoch)
    bytes.append(varint: entry)
    bytes.append(varint: serial)
    bytes.append(bigEndian: CRC32C.checksum(bytes.slice))
    Base64.encode(bytes.slice, as: .url, into: &writer)
  }

  public var text: ByteSlice {
    var writer = ByteWriter(capacity: Self.longestText)
    append(to: &writer)
    return writer.slice
  }

  private static let version: UInt8 = 1
}

/// Why a token settles nothing.
public enum TokenFault: Error, Hashable, Sendable {
  case malformed
  /// It was given out by another subscription, or by one of the same name that is gone.
  case otherSubscription
  /// The event has been delivered again since, or is none that the token can have been given out
  /// for.
  case superseded
  /// The subscription was sought since: what was out then is nobody's.
  case sought
  /// The event is acknowledged already (told to `release` and `extend` only: acknowledging twice is
  /// acknowledging).
  case alreadyAcknowledged
  /// The lease has run out or ended with the run that gave it, and the event will be delivered
  /// again (told to `release` and `extend` only).
  case leaseEnded
}
