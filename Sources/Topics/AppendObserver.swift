/// Somebody who waits for an append without a task, and is told on the loop that it belongs to.
///
/// A class to derive from and no protocol, so that a log can hold on to its address alone: counting
/// references to what loop and committer both touch would cost more than the hand-over itself.
/// Confined to one loop.
open class AppendObserver {
  public init() {}

  /// What became of the append; called once.
  open func appended(_ outcome: Result<Receipt, AppendFailure>) {
    preconditionFailure("an observer that does not look")
  }
}
