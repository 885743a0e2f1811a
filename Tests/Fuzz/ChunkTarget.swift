import Bytes
import Events
import Topics

@testable import RocksStore

/// Key and value as a disk could give them back, made to pass the checksum so that what lies behind
/// it is reached: everything is refused or read, nothing is trusted.
func fuzzChunk(_ input: ByteSlice) {
  guard let key = EventKey(input.prefix(EventKey.byteCount)) else { return }
  var value = input.dropFirst(EventKey.byteCount).array
  guard value.count > Chunk.headerCount else { return }
  let check = Chunk.checksum(of: ByteSlice(value), under: key.bytes)
  for index in 0..<4 { value[4 + index] = UInt8(truncatingIfNeeded: check >> (24 - 8 * index)) }
  guard let chunk = try? Chunk(ByteSlice(value), under: key) else { return }
  law(chunk.first(last: key.last) <= key.last, "a chunk that begins behind its end")
  var found = 0
  try? chunk.forEach { (index, record) throws(ChunkFault) in
    law(index == found, "a record out of turn")
    found += 1
    let whole = record.record(
      id: MessageID(ledger: 1, entry: UInt64(index)), publishTime: chunk.baseTime,
      durableAt: nil)
    law(whole.cost <= value.count, "a record larger than its chunk")
    for attribute in whole.attributes {
      law(attribute.value.count <= value.count, "an attribute larger than its chunk")
    }
    return true
  }
  law(found <= chunk.count, "more records than were announced")
}

/// A manifest as a power cut or a disk could leave it: what is cut off is an end, and once only.
func fuzzManifest(_ input: ByteSlice) {
  guard let length = ManifestEnd.soundLength(of: input) else { return }
  law(length > 0 && length < input.count, "a manifest that is cut at no place of its own")
  law(ManifestEnd.soundLength(of: input.prefix(length)) == nil, "what is sound is cut again")
}
