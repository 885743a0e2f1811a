import Bytes

/// The registry's places and who is shown by name. Touched only under the registry's lock.
///
/// Invariant: in a scrape that shows all tenants, `other` is `carried` plus everything measured by
/// seats without a name, and it never falls (Prometheus would take that for a restart): a topic
/// that gains a name leaves in `carried` what was summed before, one that loses its name takes out
/// what was already shown by name.
struct TopicSeats: ~Copyable {
  struct Seat {
    let metrics: TopicMetrics
    /// Shown by name in scrapes.
    var named = false
    /// Was part of `other` in a scrape since it last lost its name.
    var summed = false
    /// Recent activity: halved at each scrape, plus what came since the last.
    var score: UInt64 = 0
    /// Activity at the last scrape, and when the eviction's hand last passed.
    var scraped: UInt64 = 0
    var swept: UInt64 = 0
  }

  private var seats: [Seat] = []
  private var places: [TopicKey: Int] = [:]
  private var hand = 0
  private var carried = TopicSnapshot()
  /// How many topics lost their place to another.
  private(set) var evictions: UInt64 = 0

  var count: Int { seats.count }

  func find(_ key: TopicKey) -> TopicMetrics? {
    guard let place = places[key] else { return nil }
    return seats[place].metrics
  }

  mutating func add(_ key: TopicKey) -> TopicMetrics {
    let metrics = TopicMetrics(key)
    places[key] = seats.count
    seats.append(Seat(metrics: metrics))
    return metrics
  }

  mutating func remove(_ key: TopicKey) {
    guard let place = places[key] else { return }
    vacate(place)
  }

  /// Frees one place: the first topic, from where the hand stopped, without activity since the hand
  /// last passed; after 64 places the one with the least.
  mutating func evict() {
    var victim = hand % seats.count
    var least = UInt64.max
    for _ in 0..<min(64, seats.count) {
      let place = hand % seats.count
      hand = place + 1
      let activity = seats[place].metrics.activity
      let since = activity &- seats[place].swept
      seats[place].swept = activity
      if since < least {
        least = since
        victim = place
      }
      if since == 0 { break }
    }
    evictions += 1
    vacate(victim)
  }

  private mutating func vacate(_ place: Int) {
    let seat = seats[place]
    seat.metrics.retire()
    if !seat.named { carried.merge(seat.metrics.snapshot) }
    places[seat.metrics.key] = nil
    let last = seats.removeLast()
    if place < seats.count {
      seats[place] = last
      places[last.metrics.key] = place
    }
  }

  /// Chooses who is shown by name, the most active first (a name already held counts double, so
  /// that names do not flap), and returns both groups with what `other` carries.
  mutating func rank(cap: Int) -> TopicRanking {
    for place in seats.indices {
      let activity = seats[place].metrics.activity
      seats[place].score = seats[place].score / 2 &+ (activity &- seats[place].scraped)
      seats[place].scraped = activity
    }
    let order = seats.indices.sorted { left, right in
      let ours = seats[left].named ? seats[left].score &* 2 &+ 1 : seats[left].score
      let theirs = seats[right].named ? seats[right].score &* 2 &+ 1 : seats[right].score
      return ours != theirs ? ours > theirs : left < right
    }
    for (rank, place) in order.enumerated() {
      let chosen = rank < cap
      guard chosen != seats[place].named else { continue }
      seats[place].named = chosen
      if !chosen {
        carried.subtract(seats[place].metrics.snapshot)
      } else if seats[place].summed {
        carried.merge(seats[place].metrics.snapshot)
        seats[place].summed = false
      }
    }
    for place in seats.indices where !seats[place].named { seats[place].summed = true }
    return TopicRanking(
      named: order.prefix(cap).map { seats[$0].metrics },
      rest: order.dropFirst(cap).map { seats[$0].metrics }, carried: carried)
  }

  /// The same choice among some tenants' topics, by all they ever did, leaving no trace: this sum
  /// falls when a topic moves out of it.
  func rank(cap: Int, visible: (ByteSlice) -> Bool) -> TopicRanking {
    let order = seats.filter { visible($0.metrics.key.tenant) }
      .map { (activity: $0.metrics.activity, metrics: $0.metrics) }
      .sorted { $0.activity > $1.activity }
    return TopicRanking(
      named: order.prefix(cap).map(\.metrics), rest: order.dropFirst(cap).map(\.metrics),
      carried: TopicSnapshot())
  }
}

/// Who is shown by name in a scrape, who is summed, and what the sum carries from before.
struct TopicRanking: Sendable {
  let named: [TopicMetrics]
  let rest: [TopicMetrics]
  let carried: TopicSnapshot
}
