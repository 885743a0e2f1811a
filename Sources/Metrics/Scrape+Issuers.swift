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
    exposition.family(.issuerFetchesTotal)
    exposition.sample([.named("result", "changed")], issuers.changed.value)
    exposition.sample([.named("result", "unchanged")], issuers.unchanged.value)
    exposition.sample([.named("result", "failed")], issuers.failed.value)
    exposition.family(.issuerFetchesSuppressedTotal, issuers.suppressed.value)
    exposition.family(.introspectionsTotal)
    exposition.sample([.named("result", "active")], issuers.active.value)
    exposition.sample([.named("result", "inactive")], issuers.inactive.value)
    exposition.sample([.named("result", "failed")], issuers.unanswered.value)
  }
}
