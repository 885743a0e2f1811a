import Authentication
import Bytes
import Crypto
import Fetching
import Foundation
import Metrics
import Settings
import Synchronization
import TestSupport
import Testing

/// A fetching thread for one test, ended with it.
final class Harness: Sendable {
  let thread: FetchThread
  let metrics = IssuerMetrics()

  init() throws {
    thread = try #require(FetchThread())
  }

  /// Runs the thread until `body` is over.
  static func run<Result: Sendable>(
    _ body: @Sendable (Harness) async throws -> Result
  ) async throws -> Result {
    let fetching = try Harness()
    fetching.begin {}
    defer { fetching.thread.stop() }
    return try await body(fetching)
  }

  func begin(_ tick: @escaping @Sendable () -> Void) {
    Thread.detachNewThread { [thread] in thread.run(tick) }
  }

  func fetch(_ fetch: Fetch) async -> Result<FetchedDocument, FetchFault> {
    await withCheckedContinuation { waiting in
      thread.fetch(fetch) { waiting.resume(returning: $0) }
    }
  }

  static let loopback = FetchRules(
    addresses: [AddressRange(parsing: ByteSlice(utf8: "127.0.0.1"))].compactMap(\.self))
}
