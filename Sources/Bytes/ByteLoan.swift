/// A slice that somebody else keeps alive, without a reference of its own: for what runs for
/// microseconds and would take and give back a reference each time.
///
/// SAFETY: `~Escapable`, and bound to the slice it was borrowed from, whose reference keeps the
/// storage alive for as long as the loan.
@safe public struct ByteLoan: ~Escapable {
  @usableFromInline unowned(unsafe) let storage: ByteStorage
  @usableFromInline let start: Int
  /// Length in bytes.
  public let count: Int

  /// Borrows `slice`.
  @inlinable @inline(__always)
  @_lifetime(borrow slice)
  public init(_ slice: borrowing ByteSlice) {
    unsafe storage = slice.storage
    start = slice.start
    count = slice.count
  }

  /// The part of the slice at `range`, with a reference of its own; traps out of bounds.
  @inlinable
  public subscript(range: Range<Int>) -> ByteSlice {
    unsafe ByteSlice(storage: storage, start: start, count: count)[range]
  }
}
