/// The faults of one schema text, as far as they are found: whoever mends them wants to see all of
/// them at once. Shared by all that reads the text, on one thread.
final class FaultList {
  private var faults: [SchemaFault] = []
  private var isClosed = false

  var isEmpty: Bool { faults.isEmpty }

  /// Keeps a fault, so that reading may go on behind it. Throws all of them where that is of no
  /// use: a limit is met, or there are more than `SchemaLimits.violations`.
  func note(_ fault: SchemaFault) throws(SchemaFault) {
    if isClosed { throw fault }
    if !faults.contains(fault) { faults.append(fault) }
    if case .limitExceeded = fault.reason { throw close() }
    if faults.count > SchemaLimits.violations { throw close() }
  }

  /// Throws what was noted, if anything was.
  func check() throws(SchemaFault) {
    if !faults.isEmpty { throw close() }
  }

  /// All of them as one.
  private func close() -> SchemaFault {
    isClosed = true
    return SchemaFault(faults, atMost: SchemaLimits.violations)
  }
}
