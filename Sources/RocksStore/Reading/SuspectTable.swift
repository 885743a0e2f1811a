import Bytes

/// A table with damage, searched by itself. RocksDB says that a block cannot be read and where in
/// the file it lies, not what lay in it; what lies around it tells that, since a topic's entries
/// are dense. Short-lived, one thread.
final class SuspectTable {
  /// Above every sequence and below what RocksDB's index may have for a bound between two topics.
  private static let lastSequence = UInt64(1) << 56 - 1

  let file: TableFile
  private let opened: Result<TableReader, StoreFault>

  init(_ file: TableFile) {
    self.file = file
    do throws(StoreFault) {
      opened = .success(try TableReader(path: file.path))
    } catch {
      opened = .failure(error)
    }
  }

  /// What a search forwards came to.
  struct Place {
    /// The first chunk that holds the entry or a later one, of those that can be read.
    var chunk: TableEntry?
    /// Whether something before it cannot be read.
    var isDamaged = false
    /// From here on nothing was looked at.
    var unseen: UInt64?
  }

  /// Looks for the chunk of `topic` that holds `entry`, and over damage where it meets some.
  ///
  /// - Parameter end: entries from here on do not matter.
  func place(of entry: UInt64, in topic: TopicNumber, end: UInt64) throws(StoreFault) -> Place {
    var place = Place()
    var at = entry
    for _ in 0..<DamageLimits.blocks {
      switch try look(at, topic) {
      case .success(let chunk):
        place.chunk = chunk
        return place
      case .failure(let fault):
        place.isDamaged = true
        guard let next = try endOfDamage(fault, from: at, in: topic, before: end) else {
          return place
        }
        at = next
      }
    }
    place.unseen = at
    return place
  }

  /// The first entry behind `entry` at which the search meets something else than `fault`, in which
  /// RocksDB names the block: first in growing steps, then by halving, so that it takes a few dozen
  /// seeks. Nil if there is none before `end`.
  private func endOfDamage(
    _ fault: StoreFault, from entry: UInt64, in topic: TopicNumber, before end: UInt64
  ) throws(StoreFault) -> UInt64? {
    func isSame(_ place: UInt64) throws(StoreFault) -> Bool {
      if case .failure(fault) = try look(place, topic) { true } else { false }
    }
    guard entry + 1 < end else { return nil }
    var (same, step) = (entry, UInt64(1))
    var other: UInt64?
    while other == nil {
      let next = min(same + step, end - 1)
      if try !isSame(next) {
        other = next
      } else if next == end - 1 {
        return nil
      } else {
        same = next
        step *= 2
      }
    }
    guard var other else { return nil }
    while other - same > 1 {
      let middle = same + (other - same) / 2
      if try isSame(middle) { same = middle } else { other = middle }
    }
    return other
  }

  /// The first chunk of `topic` at or after `entry`; a failure is of the table, everything else is
  /// thrown.
  private func look(
    _ entry: UInt64, _ topic: TopicNumber, backwards: Bool = false
  ) throws(StoreFault) -> Result<TableEntry?, StoreFault> {
    do throws(StoreFault) {
      let found = try opened.get().seek(EventKey(topic: topic, last: entry), backwards: backwards)
      return .success(found?.key.topic == topic ? found : nil)
    } catch .corruptFile(let text) {
      return .failure(.corruptFile(text))
    } catch .input(let text) {
      return .failure(.input(text))
    } catch {
      throw error
    }
  }

  /// Where a topic ends in this table.
  struct End {
    /// The last chunk of the topic that can be read.
    var chunk: TableEntry?
    /// The last entry of the topic that is known to lie here, although its chunk may not be read.
    var last: UInt64?
    /// False when a chunk behind `last` may lie in a block that cannot be read.
    var isCertain = true
  }

  func end(of topic: TopicNumber) throws(StoreFault) -> End {
    guard file.mayHold(topic) else { return End() }
    switch try look(Self.lastSequence, topic, backwards: true) {
    case .success(let chunk): return End(chunk: chunk, last: chunk?.key.last)
    case .failure:
      if case .success(let reader) = opened, !reader.mayHold(topic) { return End() }
    }
    // By halving: the last place from where the search meets no damage.
    var chunk: TableEntry?
    var (low, high) = (UInt64(0), Self.lastSequence)
    while low < high {
      let middle = low + (high - low) / 2
      if case .success(let found) = try look(middle, topic, backwards: true) {
        chunk = found ?? chunk
        low = middle + 1
      } else {
        high = middle
      }
    }
    // The manifest knows the table's last key, whatever became of its block.
    if let last = file.last, last.topic == topic { return End(chunk: chunk, last: last.last) }
    return End(chunk: chunk, last: chunk?.key.last, isCertain: false)
  }
}

extension Database {
  /// The tables with damage in which chunks of a column family may lie. `numbers` are those that
  /// the iterators beside this search leave out.
  func suspects(
    _ numbers: Set<UInt64>, of family: ColumnFamily
  ) throws(StoreFault) -> [SuspectTable] {
    if numbers.isEmpty { return [] }
    return try tables(of: family).filter { numbers.contains($0.number) }.map(SuspectTable.init)
  }
}
