import Bytes
import Subscriptions
import Topics

// Who waits for what, and who is woken.
extension Dispatcher.State {
  /// Takes or keeps a place in the line; the head watches the topic's growth.
  ///
  /// - Parameter again: when the head wakes although nothing of this subscription has changed.
  mutating func wait(
    _ ticket: UInt64, until deadline: MonotonicTime, lookingAgain again: MonotonicTime
  ) -> Dispatcher.Step {
    let due = min(machine.nextDue ?? .distantFuture, again)
    return .init(
      line.stand(ticket, due: due), beyond: machine.end, due: due, until: deadline)
  }

  /// Takes or keeps a place in the second line; the head watches whether the topic is still there.
  mutating func standBy(_ ticket: UInt64, until deadline: MonotonicTime) -> Dispatcher.Step {
    let due = machine.nextDue
    return .init(standby.stand(ticket, due: due), beyond: .max, due: due, until: deadline)
  }

  /// A call has what it waited for, or waits no longer; the call to be woken for it.
  mutating func leave(_ ticket: UInt64) -> Waiter? {
    line.stepOut(ticket) ? line.head ?? concerned : concerned
  }

  /// A call stands by no longer; the call to be woken for it.
  mutating func standDown(_ ticket: UInt64) -> Waiter? {
    standby.stepOut(ticket) ? standby.head ?? concerned : concerned
  }

  /// The waiting call for which there is something to do, or whose timer is set too late. While
  /// calls wait for events their consumer is there, and nobody who stands by is concerned.
  var concerned: Waiter? {
    if let head = line.head {
      return line.sleeps(beyond: machine.nextDue) || machine.hasDeliverable ? head : nil
    }
    guard let head = standby.head else { return nil }
    return standby.sleeps(beyond: machine.nextDue) || machine.hasNoConsumer ? head : nil
  }
}

extension Dispatcher.Step {
  /// Waiting in a place of a line: its head alone watches the topic, and wakes at `due`.
  fileprivate init(
    _ place: (waiter: Waiter, isHead: Bool), beyond: UInt64, due: MonotonicTime?,
    until deadline: MonotonicTime
  ) {
    self =
      place.isHead
      ? .wait(place.waiter, beyond: beyond, until: min(deadline, due ?? .distantFuture))
      : .wait(place.waiter, beyond: nil, until: deadline)
  }
}
