import Bytes
import Foundation
import Testing

@testable import jodrell_bench

@Suite("Order events")
struct OrderEventsTests {
  @Test("are JSON of about half a kilobyte, varied, the same for the same seed")
  func shape() throws {
    var events = OrderEvents(seed: 3)
    var again = OrderEvents(seed: 3)
    var texts: Set<String> = []
    var total = 0
    for _ in 0..<500 {
      var text = ByteWriter()
      var twin = ByteWriter()
      events.append(to: &text)
      again.append(to: &twin)
      #expect(text.bytes == twin.bytes)
      let object = try JSONSerialization.jsonObject(with: Data(text.bytes)) as? [String: Any]
      #expect(object?["orderId"] is String)
      #expect((object?["items"] as? [Any])?.isEmpty == false)
      #expect(text.firstLineFeed == nil)
      total += text.count
      texts.insert(text.slice.text)
    }
    #expect(texts.count == 500)
    #expect((400...640).contains(total / 500))
  }
}

extension ByteWriter {
  fileprivate var firstLineFeed: Int? { slice.firstIndex(of: ASCII.lineFeed) }
}
