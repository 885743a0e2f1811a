import Synchronization

/// The compiled schemas of one gateway that are kept for publishing: as many as fit into a number
/// of bytes. What was not used since the hand of a clock came by last goes when others need its
/// room, and is compiled again when an event needs it.
///
/// Nothing is compiled here. Any thread may call; what is freed is freed outside of the lock.
public final class ProgramCache: Sendable {
  /// Bytes that all programs may take together; one alone may take more.
  public let limit: Int

  fileprivate struct Contents {
    var cells: [ProgramCell.Key: Shared] = [:]
    /// What is held and how many bytes that takes, in the order of the clock.
    var held: [(holder: ProgramCell.Holder, bytes: Int)] = []
    var places: [ObjectIdentifier: Int] = [:]
    var bytes = 0
    var hand = 0
  }

  /// A cell that others may ask for too, as long as somebody has it.
  fileprivate final class Shared: Sendable {
    weak let cell: ProgramCell?
    let identity: ObjectIdentifier

    init(_ cell: ProgramCell) {
      self.cell = cell
      identity = ObjectIdentifier(cell)
    }
  }

  private let contents = Mutex(Contents())

  public init(limit: Int = SchemaLimits.cachedPrograms) { self.limit = limit }

  /// Bytes that the programs held at the moment take.
  public var bytes: Int { contents.withLock { $0.bytes } }

  /// The cell of everything that is registered with the same text in the same meaning: topics often
  /// share a schema. Without a key, one of its own.
  public func cell(for key: ProgramCell.Key?) -> ProgramCell {
    guard let key else { return ProgramCell(nil, in: self) }
    return contents.withLock { contents in
      if let shared = contents.cells[key], let known = shared.cell { return known }
      let cell = ProgramCell(key, in: self)
      contents.cells[key] = Shared(cell)
      return cell
    }
  }

  /// Counts what a cell has begun to hold, and takes from others what is too much.
  func admit(_ holder: ProgramCell.Holder, bytes: Int) {
    let victims = contents.withLock { contents -> [ProgramCell.Holder] in
      // It was released meanwhile, before it was counted.
      guard !holder.isEmpty else { return [] }
      contents.add(holder, bytes)
      var victims: [ProgramCell.Holder] = []
      // Twice around: the first pass takes the marks away.
      var steps = 2 * contents.held.count
      while contents.bytes > limit, contents.held.count > 1, steps > 0 {
        steps -= 1
        contents.hand = contents.hand < contents.held.count ? contents.hand : 0
        let next = contents.held[contents.hand].holder
        if next === holder || next.takeMark() {
          contents.hand += 1
        } else {
          contents.remove(next)
          victims.append(next)
        }
      }
      return victims
    }
    for victim in victims { victim.empty() }
  }

  /// What a cell that goes leaves behind.
  func forget(_ cell: ProgramCell) {
    let key = cell.key
    contents.withLock { contents in
      contents.remove(cell.holder)
      if let key, contents.cells[key]?.identity == ObjectIdentifier(cell) {
        contents.cells[key] = nil
      }
    }
  }

  /// Takes a program out before its time.
  func release(_ holder: ProgramCell.Holder) {
    contents.withLock { $0.remove(holder) }
    holder.empty()
  }
}

extension ProgramCache.Contents {
  fileprivate mutating func add(_ holder: ProgramCell.Holder, _ size: Int) {
    guard places[ObjectIdentifier(holder)] == nil else { return }
    places[ObjectIdentifier(holder)] = held.count
    held.append((holder, size))
    bytes += size
  }

  fileprivate mutating func remove(_ holder: ProgramCell.Holder) {
    guard let place = places.removeValue(forKey: ObjectIdentifier(holder)) else { return }
    bytes -= held[place].bytes
    let last = held.removeLast()
    guard last.holder !== holder else { return }
    held[place] = last
    places[ObjectIdentifier(last.holder)] = place
  }
}
