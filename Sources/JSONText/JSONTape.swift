/// The tokens of one text, in document order; never empty after a successful parse.
///
/// Written by one parser, read by any number of nodes. A parser whose tape is still referred to
/// takes a fresh one for its next text, so what a node sees never changes.
///
/// SAFETY: `@unchecked Sendable` because tokens are written only by the parser that holds the sole
/// reference (checked with `isKnownUniquelyReferenced`) and are immutable from then on. Reads are
/// bounds-checked against `count`, tokens below `count` are initialised.
@safe public final class JSONTape: @unchecked Sendable {
  @usableFromInline private(set) var base: UnsafeMutablePointer<JSONToken>
  /// Tokens there is room for.
  private(set) var capacity: Int
  /// Tokens on the tape.
  public fileprivate(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = UnsafeMutablePointer<JSONToken>.allocate(capacity: capacity)
  }

  deinit { unsafe base.deallocate() }

  /// The token at `index`; traps out of bounds.
  @inlinable
  public subscript(index: Int) -> JSONToken {
    precondition(index >= 0 && index < count, "token index out of bounds")
    return unsafe base[index]
  }

  /// All tokens, borrowed: for loops that read many.
  @inlinable
  public var span: Span<JSONToken> {
    @_lifetime(borrow self)
    get {
      // SAFETY: `count` tokens are initialised and do not change while `self` is borrowed.
      let tokens = unsafe UnsafeBufferPointer(start: base, count: count)
      let span = unsafe Span(_unsafeElements: tokens)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Doubles the room, keeping the first `used` tokens. Only the parser, while it owns the tape.
  func grow(used: Int) -> UnsafeMutablePointer<JSONToken> {
    let larger = UnsafeMutablePointer<JSONToken>.allocate(capacity: capacity * 2)
    unsafe larger.update(from: base, count: used)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
    return unsafe larger
  }

  /// The same tokens without room behind them: for documents that are kept.
  var copy: JSONTape {
    let copy = JSONTape(capacity: count)
    unsafe copy.base.update(from: base, count: count)
    copy.count = count
    return copy
  }

  /// Publishes the first `count` tokens. Only the parser, while it owns the tape.
  func finish(count: Int) {
    precondition(count <= capacity, "more tokens than room")
    self.count = count
  }
}
