/// Whether all that a run has published came to whoever was to have it.
enum Arrival: Equatable, Sendable {
  /// So many events did not, counted once for each reader.
  case missing(UInt64)
  /// How many came does not tell, for this reason.
  case notJudged(String)

  /// - Parameters:
  ///   - came: events that arrived, counted once for each reader.
  ///   - expected: how many should have, counted in the same way.
  init(_ came: UInt64, of expected: UInt64) { self = .missing(expected - min(came, expected)) }

  /// Nothing is known to be missing.
  var isClean: Bool {
    switch self {
    case .missing(let count): count == 0
    case .notJudged: true
    }
  }

  /// A line of the table.
  var row: String {
    switch self {
    case .missing(let count): TableText.row("missing", "\(count)")
    case .notJudged(let reason): TableText.row("missing", "-", "not judged, since \(reason)")
    }
  }

  /// Fields of the JSON object: none where nothing is judged.
  var fields: [(String, String)] {
    switch self {
    case .missing(let count): [("missing", "\(count)")]
    case .notJudged: []
    }
  }
}
