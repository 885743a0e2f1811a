package import Foundation

/// The programs of this package as they were built together with the tests.
package enum BuiltPrograms {
  /// Where they are: beside the test bundle, unless JODRELL_PROGRAMS says otherwise.
  package static let folder: URL = {
    let named = ProcessInfo.processInfo.environment["JODRELL_PROGRAMS"]
    return named.map { URL(filePath: $0) }
      ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  }()
}
