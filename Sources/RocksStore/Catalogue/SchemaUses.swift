import Topics

/// Up to where a topic's events may name which version of a schema: never less than the truth, and
/// exact for what was stored since the opening. Committer thread only.
struct SchemaUses {
  /// By version: the sequence behind its last event, but for the one that was used last.
  private var ends: [UInt64]
  /// The version that was used last, 0 none, and the sequence behind its last event: here, so that
  /// a topic whose events are all of one version touches no array.
  private var last: UInt32 = 0
  private var lastEnd: UInt64 = 0
  /// The records of softly deleted versions.
  var deleted: [UInt32: TopicSchemaKey.Value]
  /// The version that the commit being made uses, 0 none, and those that it uses beside it.
  private var current: UInt32 = 0
  private var besides: [UInt32] = []
  /// Versions that went for good of late, the latest that fit: events that were checked against one
  /// of them may still be on their way.
  private var gone: [UInt32] = []

  private static let mostGone = 256

  /// - Parameters:
  ///   - lastVersion: the number given out last.
  ///   - end: the topic's end: older events may name any version.
  init(lastVersion: UInt32, end: UInt64, deleted: [UInt32: TopicSchemaKey.Value]) {
    ends = [UInt64](repeating: end, count: Int(lastVersion) + 1)
    self.deleted = deleted
    for (version, row) in deleted { ends[Int(version)] = min(row.usedUntil, end) }
  }

  func end(of version: UInt32) -> UInt64 {
    // The end of the commit being made is not known yet.
    if current != 0, version == current || besides.contains(version) { return .max }
    if last != 0, version == last { return lastEnd }
    return Int(version) < ends.count ? ends[Int(version)] : 0
  }

  mutating func registered(_ version: UInt32) {
    while ends.count <= Int(version) { ends.append(0) }
  }

  /// A version is removed for good.
  mutating func removed(_ version: UInt32) {
    deleted[version] = nil
    if gone.count == Self.mostGone { gone.removeFirst() }
    gone.append(version)
  }

  /// Whether one of these versions is gone: no event may name it any more.
  func isGone(_ version: UInt32, _ others: some Sequence<UInt32>) -> Bool {
    if gone.isEmpty { return false }
    return gone.contains(version) || others.contains(where: gone.contains)
  }

  /// The commit being made stores events that were checked against this version; 0 none.
  mutating func note(_ version: UInt32) {
    if version == 0 || version == current { return }
    if current == 0 {
      current = version
    } else if !besides.contains(version) {
      besides.append(version)
    }
  }

  /// The commit's events lie below `end`.
  ///
  /// - Returns: records of softly deleted versions that reach further now.
  mutating func settle(at end: UInt64) -> [(UInt32, TopicSchemaKey.Value)] {
    if current == 0 { return [] }
    var late: [(UInt32, TopicSchemaKey.Value)] = []
    settle(current, at: end, &late)
    for version in besides { settle(version, at: end, &late) }
    current = 0
    besides.removeAll(keepingCapacity: true)
    return late
  }

  private mutating func settle(
    _ version: UInt32, at end: UInt64, _ late: inout [(UInt32, TopicSchemaKey.Value)]
  ) {
    if version != last {
      registered(max(last, version))
      if last != 0 { ends[Int(last)] = lastEnd }
      last = version
    }
    lastEnd = end
    guard !deleted.isEmpty, var row = deleted[version] else { return }
    row.usedUntil = end
    deleted[version] = row
    late.append((version, row))
  }
}
