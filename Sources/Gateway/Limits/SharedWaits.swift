/// Answers that several of a loop wait for at the same time: found out once, for all who ask for
/// the same. Loop-confined.
final class SharedWaits<Key: Hashable, Answer: Sendable, Failure: Error> {
  private typealias Outcome = Result<Answer, Failure>

  private var waiting: [Key: [CheckedContinuation<Outcome, Never>]] = [:]

  /// How many wait for an answer; for tests.
  var askers: Int { waiting.values.reduce(0) { $0 + 1 + $1.count } }

  /// Whether somebody waits for an answer to this.
  func isAsked(_ key: Key) -> Bool { !waiting.isEmpty && waiting[key] != nil }

  /// The answer to a question; `find` is asked unless somebody has asked for it already.
  func answer(
    to key: Key, _ find: () async throws(Failure) -> Answer
  ) async throws(Failure) -> Answer {
    if waiting[key] != nil {
      let outcome = await withCheckedContinuation { waiting[key, default: []].append($0) }
      return try outcome.get()
    }
    waiting[key] = []
    let outcome: Outcome
    do throws(Failure) {
      outcome = .success(try await find())
    } catch {
      outcome = .failure(error)
    }
    for asker in waiting.removeValue(forKey: key) ?? [] { asker.resume(returning: outcome) }
    return try outcome.get()
  }
}
