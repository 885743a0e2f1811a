import Bytes
import Metrics
import Tenancy

/// What each tenant has waiting for the log, on one loop. As long as little waits everybody is let
/// in; beyond that each tenant that has been about lately, on whichever loop, has the part of the
/// places that its weight is of all their weights, so that a flood of one waits in its own line and
/// not in everybody's. Long events are counted over all loops: see `TenantRoll`.
/// Loop-confined.
///
/// A tenant that is alone has all places, and the log's own bounds answer it. One that has nothing
/// waiting is always let in: a batch may be larger than its part.
final class FairShare {
  private struct Line {
    let tenant: Name
    var weight: Int
    /// Places of what was handed to the log and has not been answered.
    var waiting = 0
    /// Since when the tenant has sent nothing, or so.
    var lastSeen: MonotonicTime
  }

  /// A place in line, for `leave`.
  struct Place {
    fileprivate let line: Int
    fileprivate let places: Int
  }

  /// Places that may be taken on one loop before parts count: what two or three commits take, a few
  /// milliseconds on an ordinary disk.
  static let places = 256
  /// An event takes a place for each so many bytes, and one at least: long ones hold up the log for
  /// longer.
  static let placeBytes = 2 << 10
  /// A tenant that has sent nothing for so long has no part any more.
  static let memory = TimeSpan.seconds(10)

  private var lines: [Line] = []
  private var freeLines: [Int] = []
  /// The line that was looked for last; nil once one has been forgotten.
  private var lastLine: Int?
  private var numbers: [Name: Int] = [:]
  private var waiting = 0
  private var nextSweep: MonotonicTime
  private let roll: TenantRoll
  private let metrics: LimitMetrics

  /// - Parameter roll: what all loops of the process share.
  init(at now: MonotonicTime, roll: TenantRoll, metrics: LimitMetrics) {
    nextSweep = now + Self.memory
    self.roll = roll
    self.metrics = metrics
  }

  deinit { for tenant in numbers.keys { roll.depart(tenant) } }

  /// Refuses a long event that could not `enter` now, before its payload is looked at. Takes
  /// nothing.
  func expect(bytes: Int, of caller: TenantScope, at now: MonotonicTime) throws(Refusal) {
    let places = bytes / Self.placeBytes
    guard places >= TenantRoll.longPlaces else { return }
    let line = lines[line(of: caller, at: now)]
    guard !roll.hasRoom(for: places, of: line.tenant) else { return }
    throw refusal(line)
  }

  /// Lets events of a caller wait for the log; `leave` when they are answered.
  ///
  /// - Parameter bytes: what they take, all together.
  func enter(
    _ events: Int, bytes: Int, of caller: TenantScope, at now: MonotonicTime
  ) throws(Refusal) -> Place {
    if now >= nextSweep { sweep(at: now) }
    let number = line(of: caller, at: now)
    let places = max(events, bytes / Self.placeBytes)
    if waiting + places > Self.places, isBeyondPart(number, with: places) {
      throw refusal(lines[number])
    }
    if places >= TenantRoll.longPlaces, !roll.take(places, of: lines[number].tenant) {
      throw refusal(lines[number])
    }
    lines[number].waiting += places
    waiting += places
    return Place(line: number, places: places)
  }

  func leave(_ place: Place) {
    lines[place.line].waiting -= place.places
    waiting -= place.places
    if place.places >= TenantRoll.longPlaces {
      roll.giveBack(place.places, of: lines[place.line].tenant)
    }
  }

  /// Whether a tenant with something waiting would have more than its part.
  private func isBeyondPart(_ number: Int, with places: Int) -> Bool {
    let (weight, weights) = (lines[number].weight, roll.weights)
    let own = lines[number].waiting
    return own > 0 && weights > weight && own + places > max(Self.places * weight / weights, 1)
  }

  private func refusal(_ line: Line) -> Refusal {
    metrics.refused(.tenantShare)
    return Refusal(beyondShareOf: line.weight, among: roll.weights)
  }

  private func line(of caller: TenantScope, at now: MonotonicTime) -> Int {
    // Mostly the same tenant again: to compare its name takes less than to hash it.
    let latest = lastLine.flatMap { lines[$0].tenant == caller.tenant ? $0 : nil }
    if let number = latest ?? numbers[caller.tenant] {
      lines[number].lastSeen = now
      lastLine = number
      return number
    }
    let tenant = caller.tenant.detached
    let weight = roll.arrive(tenant, weight: caller.policy.limits.weight)
    let line = Line(tenant: tenant, weight: weight, lastSeen: now)
    let number: Int
    if let free = freeLines.popLast() {
      lines[free] = line
      number = free
    } else {
      lines.append(line)
      number = lines.count - 1
    }
    numbers[line.tenant] = number
    return number
  }

  /// Forgets tenants that have gone quiet; so does a weight that the policy has changed.
  private func sweep(at now: MonotonicTime) {
    nextSweep = now + Self.memory
    for (tenant, number) in numbers {
      let line = lines[number]
      guard line.waiting == 0, now - line.lastSeen >= Self.memory else { continue }
      roll.depart(tenant)
      numbers[tenant] = nil
      lastLine = nil
      freeLines.append(number)
    }
  }
}
