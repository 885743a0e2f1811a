/// How events are parted into requests: the same number each, and in the last one what is left.
struct Portions: Sendable, Equatable {
  /// Events per request.
  let batch: Int
  /// Events in all; nil for any number.
  let count: Int?
  /// So many events are sent over and over, and each pass over them ends with a request of its own;
  /// nil where they do not end.
  let pass: Int?

  init(batch: Int = 1, count: Int? = nil, pass: Int? = nil) {
    self.batch = batch
    self.count = count
    self.pass = pass
  }

  /// How many requests there are; nil for any number.
  var requests: Int? {
    guard let count else { return nil }
    guard let pass else { return parts(of: count) }
    return count / pass * parts(of: pass) + parts(of: count % pass)
  }

  /// The events of a request, by its number from 0.
  func events(of turn: Int) -> Int {
    guard let count, let requests, turn == requests - 1 else { return eventsInPass(of: turn) }
    return end(of: pass.map { (count - 1) % $0 + 1 } ?? count)
  }

  /// The same where the number of events has no end.
  func eventsInPass(of turn: Int) -> Int {
    guard let pass else { return batch }
    let length = parts(of: pass)
    return turn % length == length - 1 ? end(of: pass) : batch
  }

  /// Requests for so many events, which may be as many as there are numbers.
  private func parts(of events: Int) -> Int {
    events / batch + (events % batch == 0 ? 0 : 1)
  }

  /// The events of the last request for so many.
  private func end(of events: Int) -> Int { (events - 1) % batch + 1 }
}
