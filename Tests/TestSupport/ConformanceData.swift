package import Foundation

/// The published test suites, which lie outside the repository: `JODRELL_CONFORMANCE_DATA` names
/// the folder. Tests that need it say `.enabled(if: ConformanceData.isThere)`, so that a run
/// without it shows them as skipped.
package enum ConformanceData {
  package static let folder = ProcessInfo.processInfo.environment["JODRELL_CONFORMANCE_DATA"]
  package static var isThere: Bool { folder != nil }

  /// The contents of a file of the folder.
  package static func file(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder ?? "").appendingPathComponent(path))
  }

  /// A file of the folder as a JSON object, read by Foundation so that our reader is not its own
  /// judge.
  package static func object(_ path: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: try file(path)) as? [String: Any] ?? [:]
  }
}
