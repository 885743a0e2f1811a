private import CRocksDB
private import Glibc

/// A thread of the store's own: it may block, which no thread of a pool may.
struct StoreThread: Sendable {
  private let id: pthread_t

  private final class Life {
    let name: StaticString
    let body: () -> Void

    init(_ name: StaticString, _ body: @escaping () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread that runs `body` to its end. `name` has at most 15 bytes.
  init(_ name: StaticString, _ body: @escaping @Sendable () -> Void) throws(StoreFault) {
    var thread = pthread_t()
    let life = unsafe Unmanaged.passRetained(Life(name, body))
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        // SAFETY: the argument is the reference retained above, released here once.
        if let argument = unsafe argument {
          let life = unsafe Unmanaged<Life>.fromOpaque(argument).takeRetainedValue()
          unsafe life.name.utf8Start.withMemoryRebound(
            to: CChar.self, capacity: life.name.utf8CodeUnitCount + 1
          ) { unsafe crocksdb_name_thread($0) }
          life.body()
        }
        return nil
      }, life.toOpaque())
    guard code == 0 else {
      unsafe life.release()
      throw .engine("pthread_create: error \(code)")
    }
    id = thread
  }

  /// Waits for its end. Once.
  func join() { pthread_join(id, nil) }
}
