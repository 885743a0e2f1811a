import Bytes

/// What walks use one after another, so that an event costs no memory of its own. One thread's.
final class RedactionScratch {
  /// A schema of one of the views that could apply to a value.
  struct Place {
    let view: Int
    let node: Int
  }

  /// Those that were found, of each value around the one that is looked at and of that one.
  var places: [Place] = []
  /// Those that are still to be followed.
  var open: [Place] = []
  /// By view and node: the turn in which it was met last.
  private var stamps: [UInt32] = []
  private var starts: [Int] = []
  private var turn: UInt32 = 0

  /// - Parameter nodes: how many each view has.
  func begin(_ nodes: [Int]) {
    places.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    var count = 0
    for nodes in nodes {
      starts.append(count)
      count += nodes
    }
    if stamps.count < count {
      stamps.append(contentsOf: repeatElement(0, count: count - stamps.count))
    }
  }

  func nextTurn() {
    turn &+= 1
    guard turn == 0 else { return }
    for index in stamps.indices { stamps[index] = 0 }
    turn = 1
  }

  /// Whether it is met for the first time in this turn.
  func meets(_ place: Place) -> Bool {
    let index = starts[place.view] + place.node
    guard stamps[index] != turn else { return false }
    stamps[index] = turn
    return true
  }

  /// What was found of a value is not needed any more.
  func close(_ range: Range<Int>) {
    places.removeLast(places.count - range.lowerBound)
  }
}

/// Takes members or items out of their container, each with one comma.
struct Cut {
  /// Behind the last that was kept, or dropped behind one.
  private var end: Int?
  /// Dropped ahead of all that are kept.
  private var leading: Range<Int>?

  mutating func drop(_ range: Range<Int>) -> RedactionWalk.Edit? {
    if let end {
      self.end = range.upperBound
      return RedactionWalk.Edit(range: end..<range.upperBound, text: .empty)
    }
    leading = (leading?.lowerBound ?? range.lowerBound)..<range.upperBound
    return nil
  }

  mutating func keep(_ range: Range<Int>) -> RedactionWalk.Edit? {
    defer {
      end = range.upperBound
      leading = nil
    }
    return leading.map {
      RedactionWalk.Edit(range: $0.lowerBound..<range.lowerBound, text: .empty)
    }
  }

  /// Where nothing was kept.
  var rest: RedactionWalk.Edit? { leading.map { RedactionWalk.Edit(range: $0, text: .empty) } }
}
