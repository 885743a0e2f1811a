import Topics

/// The changes that a consumer makes to its subscription one after the other: each follows from its
/// number and the position, so that the check knows the state after any of them.
enum Progress {
  /// Most of them move the mark and write one of three chunks, some delete another one as well;
  /// every fifth is a seek, which voids all chunks but the one that it brings. What is in a chunk
  /// is the `Subscriptions` room's; a store keeps it unread, so that any bytes are as good.
  static func change(_ number: Int, to next: Int, ledger: UInt64) -> SubscriptionChange {
    let chunk = UInt64(number % 3)
    var change = SubscriptionChange(
      markDelete: Cursor(ledger: ledger, next: UInt64(next)), epoch: UInt64(number / 5),
      chunks: [chunk: Workload.payload(800_000 + number)], replacesAll: isSeek(number))
    if number % 4 == 3 { change.chunks[(chunk + 1) % 3] = .some(nil) }
    return change
  }

  static func isSeek(_ number: Int) -> Bool { number % 5 == 4 }

  /// The state of a subscription that was just made.
  static func start(ledger: UInt64) -> SubscriptionState {
    SubscriptionState(markDelete: Cursor(ledger: ledger, next: 0))
  }
}
