import Bytes

/// Short waits of a command.
enum Pause {
  /// Between two looks at something that will be there soon.
  static func brief() async { await wait(.milliseconds(5)) }

  static func wait(_ span: TimeSpan) async {
    // Cancellation only makes the waiting shorter.
    try? await Task.sleep(for: .nanoseconds(span.nanoseconds))
  }
}
