import Bytes
import Subscriptions
import Topics

/// Plans the reads that bring the events of a set of deliveries: one per run of adjacent entries,
/// until the byte budget is used up.
struct DeliveryReader {
  private var pending: ArraySlice<Delivery>
  private let ledger: UInt64
  private var bytesLeft: Int
  /// What was read, in the order of the topic.
  private(set) var found: [(Delivery, Record)] = []

  init(_ deliveries: [Delivery], ledger: UInt64, bytes: Int) {
    pending = deliveries.sorted { $0.entry < $1.entry }[...]
    self.ledger = ledger
    bytesLeft = max(bytes, 1)
  }

  /// What is not read: given back when reading has ended.
  var missing: [Delivery] { Array(pending) }

  /// The next read; nil when everything was read or the budget is used up.
  var nextRequest: (cursor: Cursor, budget: ByteBudget)? {
    guard let first = pending.first, bytesLeft > 0 else { return nil }
    var count = 0
    for delivery in pending {
      guard delivery.entry == first.entry + UInt64(count) else { break }
      count += 1
    }
    return (
      Cursor(ledger: ledger, next: first.entry),
      ByteBudget(records: count, bytes: bytesLeft)
    )
  }

  /// What a page meant for the deliveries.
  enum Taken {
    case read
    /// The entries before this one are gone, and with them their deliveries.
    case trimmed(before: UInt64)
    /// The topic is another one by now.
    case recreated
    /// Nothing came though it should be there.
    case stuck
  }

  /// Takes what the last request brought.
  mutating func take(_ page: Page) -> Taken {
    var first = pending.first?.entry ?? 0
    if let gap = page.gap {
      guard gap.cause == .trimmed else { return .recreated }
      first = gap.earliest.next
      pending = pending.drop { $0.entry < first }
    } else if page.records.isEmpty {
      return .stuck
    }
    // Behind a gap the page may start with entries that nobody asked for.
    for record in page.records {
      guard let delivery = pending.first, record.id.entry <= delivery.entry else { break }
      if record.id.entry < delivery.entry { continue }
      guard found.isEmpty || record.cost <= bytesLeft else {
        bytesLeft = 0
        break
      }
      bytesLeft -= record.cost
      found.append((delivery, record))
      pending.removeFirst()
    }
    return page.gap == nil ? .read : .trimmed(before: first)
  }
}
