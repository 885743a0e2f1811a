import Bytes

extension Scrape {
  /// Issuers on the network.
  func issuers(into exposition: inout Exposition) {
    let issuers = server.issuers
    exposition.family(.issuerKeys)
    for issuer in issuers.states {
      exposition.sample([.text("issuer", issuer.id)], UInt64(issuer.keys))
    }
    exposition.family(.issuerKeysAge)
    for issuer in issuers.states {
      exposition.sample(
        [.text("issuer", issuer.id)], UInt64(clamping: issuer.fetched?.nanoseconds ?? 0))
    }
    let counts = issuers.counts
    exposition.family(.issuerFetchesTotal)
    let fetches: [(IssuerEvent, StaticString)] = [
      (.changed, "changed"), (.unchanged, "unchanged"), (.failed, "failed"),
      (.postponed, "postponed"),
    ]
    for row in counts { sample(row, fetches, into: &exposition) }
    exposition.family(.issuerFetchesSuppressedTotal)
    for (id, counts) in counts {
      exposition.sample([.text("issuer", id)], counts[IssuerEvent.suppressed.rawValue])
    }
    exposition.family(.introspectionsTotal)
    let questions: [(IssuerEvent, StaticString)] = [
      (.active, "active"), (.inactive, "inactive"), (.unanswered, "failed"),
      (.unasked, "unasked"),
    ]
    for row in counts { sample(row, questions, into: &exposition) }
  }

  private func sample(
    _ row: (id: ByteSlice, counts: [UInt64]), _ results: [(IssuerEvent, StaticString)],
    into exposition: inout Exposition
  ) {
    for (event, result) in results {
      exposition.sample(
        [.text("issuer", row.id), .named("result", result)], row.counts[event.rawValue])
    }
  }
}
