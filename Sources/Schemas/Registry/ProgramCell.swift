public import Bytes
import Synchronization

/// Where the program of one registered schema is while it is in memory. Any thread may ask; the
/// cell of a topic's schema lives as long as the topic's book has the version.
public final class ProgramCell: Sendable {
  /// What programs are told apart by.
  public struct Key: Hashable, Sendable {
    /// From `CompiledSchema.fingerprint`: the whole meaning of what refers to no documents. What
    /// does has no key.
    public let fingerprint: ByteSlice
    /// As it was registered.
    public let text: ByteSlice

    public init(fingerprint: ByteSlice, text: ByteSlice) {
      self.fingerprint = fingerprint
      self.text = text
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
  }

  /// What a cache holds of a cell, which may go before it.
  final class Holder: Sendable {
    private let program: Mutex<CompiledSchema?>
    /// Whether somebody has asked since the cache looked last.
    private let isMarked = Atomic(false)

    init(_ program: CompiledSchema?) { self.program = Mutex(program) }

    var held: CompiledSchema? {
      let program = program.withLock { $0 }
      if program != nil, !isMarked.load(ordering: .relaxed) {
        isMarked.store(true, ordering: .relaxed)
      }
      return program
    }

    var isEmpty: Bool { program.withLock { $0 == nil } }

    /// Whether it was marked; not any more.
    func takeMark() -> Bool { isMarked.exchange(false, ordering: .relaxed) }

    /// Whether nothing was there yet.
    func fill(_ new: CompiledSchema) -> Bool {
      program.withLock { program in
        guard program == nil else { return false }
        program = new
        return true
      }
    }

    func empty() {
      // Freed behind the lock.
      _ = program.withLock { program in
        defer { program = nil }
        return program
      }
    }
  }

  let key: Key?
  let holder: Holder
  private let cache: ProgramCache?
  /// That the schema labels no values is remembered when its program has gone.
  private let isUnlabelled: Atomic<Bool>

  /// An empty cell of a cache; without a key nothing else finds it there.
  init(_ key: Key?, in cache: ProgramCache) {
    self.key = key
    self.cache = cache
    holder = Holder(nil)
    isUnlabelled = Atomic(false)
  }

  /// A cell of no cache, which keeps what it holds.
  public init(holding program: CompiledSchema) {
    key = nil
    cache = nil
    holder = Holder(program)
    isUnlabelled = Atomic(program.classification == nil)
  }

  deinit { cache?.forget(self) }

  /// Whether other schemas of the same text and meaning, of whatever topic, have this cell too.
  public var mayBeShared: Bool { key != nil }

  /// The program; nil while it is not compiled.
  public var program: CompiledSchema? { holder.held }

  /// What the schema labels, as far as that is known without compiling it.
  public var labelling: Labelling {
    if isUnlabelled.load(ordering: .relaxed) { return .unlabelled }
    return holder.held.map { Labelling($0) } ?? .unknown
  }

  /// Remembers that the schema labels nothing, which its text has shown.
  public func noteUnlabelled() { isUnlabelled.store(true, ordering: .relaxed) }

  /// Puts the program in, for as long as the cache has room for it.
  public func keep(_ program: CompiledSchema) {
    if program.classification == nil { noteUnlabelled() }
    if holder.fill(program) { cache?.admit(holder, bytes: program.memory) }
  }

  /// Gives the room of the program back: it is not expected to be needed soon.
  public func release() {
    if !holder.isEmpty { cache?.release(holder) }
  }
}
