import Bytes
import Foundation
import HTTPWire
import Synchronization
import Testing

@testable import Gateway
@testable import Topics

/// A document that is changed while the text of its next version is read.
@Suite struct DocumentRaceTests {
  @Test("without a word about it, the URI is that of the version which the next one is put upon")
  func uri() async throws {
    let place = "/v1/schemas/acme/shop/money"
    let type = ["Content-Type": "application/schema+json"]
    let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
    let workers = Workers { work in
      work(.run)
      meanwhile.withLock { $0 }?()
      return nil
    }
    for (condition, status) in [([:], 201), (["If-Match": "*"], 412)] as [([String: String], Int)] {
      meanwhile.withLock { $0 = nil }
      let gateway = try TestGateway(workers: workers)
      for (name, text) in [("a", #"{"type":"string"}"#), ("b", #"{"type":"number"}"#)] {
        let put = try await gateway.send("PUT", "\(place)?uri=urn:example:\(name)", type, text)
        #expect(put.status == 201, "\(put.body)")
      }
      meanwhile.withLock { $0 = { [unowned gateway] in gateway.stepBackDocuments() } }
      let put = try await gateway.send("PUT", place, type.merging(condition) { $1 }, "true")
      #expect(put.status == status, "\(put.body)")
      guard status == 201 else { continue }
      #expect(try put.json["version"] as? Int == 3)
      #expect(try put.json["uri"] as? String == "urn:example:a")
    }
  }
}

extension TestGateway {
  /// Makes the first version of every document the current one, as another call does.
  fileprivate nonisolated func stepBackDocuments() {
    log.state.withLock { state in
      for key in state.shelves.keys {
        let names = state.shelves[key].map { Array($0.documents.keys) } ?? []
        for name in names {
          _ = try? state.shelves[key]?.apply(
            .setCurrent(name, version: 1), replacing: nil, expecting: nil,
            at: UnixTime(seconds: 0))
        }
      }
    }
  }
}
