public import Bytes

/// How long a live stream may go on. Whoever opened it keeps the permit too: to end the stream when
/// its right is gone, or to let it go on with a renewed token. Loop-confined.
public final class StreamPermit {
  /// When the caller's token ends: so does the stream.
  public private(set) var expires: UnixTime
  /// When the client is asked for a renewed token; nil when it is not asked, or has been.
  public private(set) var challenge: UnixTime?
  /// Why the stream ends now.
  public private(set) var end: LiveEnd?
  /// The stream that waits; nil while it does not.
  weak var holder: (any PermitHolder)?
  /// The next instant at which the permit changes by itself.
  private(set) var deadline: UnixTime

  /// - Parameter challenge: when to ask for a renewed token; nil never.
  public init(expires: UnixTime, challenge: UnixTime? = nil) {
    self.expires = expires
    self.challenge = challenge
    deadline = min(expires, challenge ?? .distantFuture)
  }

  /// The stream goes on until `expires`. Too late once it has ended.
  public func renew(expires: UnixTime, challenge: UnixTime?) {
    self.expires = expires
    self.challenge = challenge
    settle()
    holder?.permitChanged()
  }

  /// The stream ends, at once even while it waits.
  public func withdraw(_ end: LiveEnd) {
    guard self.end == nil else { return }
    self.end = end
    settle()
    holder?.permitChanged()
  }

  /// The client has been asked for a renewed token.
  func challenged() {
    challenge = nil
    settle()
  }

  private func settle() {
    deadline = end == nil ? min(expires, challenge ?? .distantFuture) : UnixTime(nanoseconds: .min)
  }
}

/// A stream under a permit. Loop-confined.
protocol PermitHolder: AnyObject {
  func permitChanged()
}
