package import Bytes

package struct Attributes: Sendable, Equatable {
  package let encoded: ByteSlice
  package init(encoded: ByteSlice) { self.encoded = encoded }
}
package enum PayloadKind: Sendable { case json, binary }
package struct EventDraft: Sendable {
  package var attributes: Attributes
  package var key: ByteSlice?
  package var payload: ByteSlice
  package var payloadKind: PayloadKind
  package var contentType: ByteSlice?
  package var strippedAttributes: Int
  package init(
    attributes: Attributes, key: ByteSlice?, payload: ByteSlice, payloadKind: PayloadKind,
    contentType: ByteSlice?, strippedAttributes: Int
  ) {
    self.attributes = attributes
    self.key = key
    self.payload = payload
    self.payloadKind = payloadKind
    self.contentType = contentType
    self.strippedAttributes = strippedAttributes
  }
}
