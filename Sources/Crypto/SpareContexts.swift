import Synchronization

/// Contexts of libcrypto that are ready to be used again, shared by threads: to make one costs more
/// than a short digest. Two places, each taken and filled by one exchange; whoever finds none full
/// makes a context, whoever finds none empty frees it.
///
/// SAFETY: an exchange takes a context out of its place, so that it has one owner at a time; the
/// owner of the places frees what is left in them.
@safe final class SpareContexts: Sendable {
  private let first = Atomic<UInt>(0)
  private let second = Atomic<UInt>(0)

  /// A context that is the caller's from now on.
  func take() -> OpaquePointer? {
    unsafe OpaquePointer(bitPattern: first.exchange(0, ordering: .acquiring))
      ?? OpaquePointer(bitPattern: second.exchange(0, ordering: .acquiring))
  }

  /// Keeps a context that the caller must not use any more; false where no place is empty.
  func keep(_ context: OpaquePointer) -> Bool {
    let context = UInt(bitPattern: context)
    func put(into place: borrowing Atomic<UInt>) -> Bool {
      place.compareExchange(expected: 0, desired: context, ordering: .releasing).exchanged
    }
    return put(into: first) || put(into: second)
  }
}
