import Bytes

/// What ends an HTTP/2 connection besides errors of the protocol.
public enum HTTP2Flood: UInt8, CaseIterable, Sendable {
  /// PING, SETTINGS, PRIORITY, empty DATA and frames that break their stream.
  case controlFrames
  /// WINDOW_UPDATE, far more than DATA went out.
  case windowUpdates
  /// A list of fields many times as large as announced.
  case headerBomb
}

/// Counts what a peer makes a connection do without asking for anything. Frames that bring nothing
/// have an allowance that comes back with time; libnghttp2 itself holds against resets
/// (CVE-2023-44487) and CONTINUATION (VU#421644) with the numbers in `WireLimits`.
struct HTTP2Guard {
  private let limits: WireLimits
  private var allowance: Int
  private var earnedAt: MonotonicTime
  private var updates = 0
  private(set) var resets = 0
  private(set) var flood: HTTP2Flood?

  /// WINDOW_UPDATE frames that each DATA frame of ours, or each request, is worth: one for the
  /// stream and one for the connection, and as many again for those who give room bit by bit.
  private static let updatesPerFrame = 4

  init(limits: WireLimits, now: MonotonicTime) {
    self.limits = limits
    allowance = limits.controlFrames
    updates = limits.controlFrames
    earnedAt = now
  }

  mutating func earn(at now: MonotonicTime) {
    let nanoseconds = 1_000_000_000 / Int64(max(limits.controlFramesPerSecond, 1))
    let earned = (now - earnedAt).nanoseconds / nanoseconds
    guard earned > 0 else { return }
    earnedAt = earnedAt + .nanoseconds(earned * nanoseconds)
    allowance = Int(min(Int64(limits.controlFrames), Int64(allowance) + earned))
  }

  /// - Returns: whether the connection is to end now.
  mutating func controlFrame() -> Bool {
    allowance -= 1
    return allowance < 0 && begin(.controlFrames)
  }

  mutating func windowUpdate() -> Bool {
    updates -= 1
    return updates < 0 && begin(.windowUpdates)
  }

  mutating func headerBomb() -> Bool { begin(.headerBomb) }

  mutating func requestBegan() { earnUpdates() }
  mutating func dataSent() { earnUpdates() }
  mutating func resetReceived() { resets += 1 }

  private mutating func earnUpdates() {
    // Those who take large answers in small pieces do so for long: no bound from above but this.
    updates = min(updates + Self.updatesPerFrame, 1 << 20)
  }

  private mutating func begin(_ kind: HTTP2Flood) -> Bool {
    guard flood == nil else { return false }
    flood = kind
    return true
  }
}
