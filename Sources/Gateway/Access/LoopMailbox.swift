import Synchronization
import Topics

/// What is on its way from other threads to one loop, which takes it at the end of its turn.
/// Any thread may put; the loop alone takes.
final class LoopMailbox<Letter: Sendable>: Sendable {
  private let letters = Mutex<[Letter]>([])
  private let hasLetters = Atomic<Bool>(false)
  private let post: LoopPost

  init(post: @escaping LoopPost) { self.post = post }

  func put(_ letter: Letter) {
    letters.withLock { $0.append(letter) }
    hasLetters.store(true, ordering: .releasing)
    // Wakes the loop: the end of its turn takes them.
    post {}
  }

  /// All of them; on the loop, at no cost while there are none.
  func take() -> [Letter] {
    guard hasLetters.load(ordering: .relaxed),
      hasLetters.exchange(false, ordering: .acquiring)
    else { return [] }
    return letters.withLock { letters in
      defer { letters = [] }
      return letters
    }
  }
}
