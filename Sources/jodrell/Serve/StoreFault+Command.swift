import RocksStore

extension CommandFault {
  /// What a store that cannot be opened means to the operator.
  init(_ fault: StoreFault, data: String) {
    let code: ExitCode
    let message: String
    switch fault {
    case .alreadyOpen:
      (code, message) = (.storeInUse, "another process uses \(data)")
    case .acknowledgedDataMissing(let recovered, let acknowledged):
      (code, message) = (
        .acknowledgedDataMissing,
        "\(data): commits up to \(acknowledged) were answered as durable, but only those up to "
          + "\(recovered) are there; the log files as found lie in \(data)/unproven; "
          + "--accept-loss \(recovered) serves what is left"
      )
    case .tablesMissing(let commit, let events, let found, let isCatalogueWhole):
      (code, message) = (
        .acknowledgedDataMissing,
        "\(data): \(events) events should be there and \(found) are"
          + (isCatalogueWhole ? "" : ", and the catalogue is not the latest one")
          + "; RocksDB's files as found lie in \(data)/unproven; "
          + "--accept-loss \(commit) serves what is left"
      )
    case .acknowledgementsUnreadable(let recovered):
      (code, message) = (
        .acknowledgedDataMissing,
        "\(data)/acknowledged is missing or damaged, so nothing proves that all is there; "
          + "--accept-loss \(recovered) serves what is found"
      )
    case .wrongLossAccepted(let recovered, let accepted):
      (code, message) = (
        .acknowledgedDataMissing,
        "\(data): --accept-loss \(accepted) does not fit, commits up to \(recovered) were recovered"
      )
    case .newerFormat(let needed, let supported):
      (code, message) = (
        .newerStore,
        "\(data) was written by a newer version (format \(needed); this one reads \(supported))"
      )
    case .unknownVersion(let family, let version):
      (code, message) = (
        .newerStore, "\(data) holds a record of an unknown version (family \(family), \(version))"
      )
    case .noStore:
      (code, message) = (.storeUnavailable, "\(data) holds no store")
    case .corruptRecord(let family):
      (code, message) = (.damagedStore, "\(data): a record of family \(family) is damaged")
    case .corruptEvents(let range):
      (code, message) = (
        .damagedStore,
        "\(data): events \(range.first) to \(range.last) are damaged: \(range.reason)"
      )
    case .corruptFile(let text): (code, message) = (.damagedStore, "\(data): \(text)")
    case .noSpace(let text), .input(let text), .engine(let text):
      (code, message) = (.storeUnavailable, "\(data): \(text)")
    case .closed: (code, message) = (.storeUnavailable, "\(data): the store is closed")
    }
    self.init(code, message)
  }
}
