import Bytes
import JSONText

/// How long an entry may be. Names, subjects and lists have bounds of their own, which together are
/// more than a line of the log may have: one that is longer than its readers go would be the last
/// that is ever read.
enum AuditedLength {
  /// An entry of at most `AuditLimits.entryBytes`. Of a longer one long texts are cut and what else
  /// is long is left out; `cut` names these members.
  static func bounded(_ members: ByteSlice) -> ByteSlice {
    guard members.count > AuditLimits.entryBytes else { return members }
    var text = ByteWriter(capacity: members.count + 2)
    text.append("{")
    text.append(members)
    text.append("}")
    var json = JSONWriter(capacity: AuditLimits.entryBytes)
    var cut: [ByteSlice] = []
    // All but the list of what was cut, with its own name and number.
    let room = AuditLimits.entryBytes - AuditLimits.listBytes - 128
    // What cannot be read is left out whole: an entry says at least that there was one.
    if let root = try? JSONDocument(parsing: text.slice).root {
      for (name, value) in root.members {
        // In JSON a byte of a text takes up to six.
        let isLong = value.raw.count > 6 * AuditLimits.cutBytes
        let fits = json.bytes.count + 7 * AuditLimits.cutBytes <= room
        if isLong || !fits { cut.append(name) }
        guard fits else { continue }
        if !isLong {
          json.key(name)
          json.raw(value.raw)
        } else if let whole = value.string {
          json.key(name)
          json.string(JSONPointer.cut(whole, to: AuditLimits.cutBytes))
        }
      }
    }
    json.list("cut", cut, more: "moreCut")
    return json.slice
  }
}

extension JSONWriter {
  /// A member with a list of texts, ended where an entry has no more room for it; `more` is how
  /// many are not in it then. The texts must need no escapes.
  mutating func list(_ name: StaticString, _ texts: [ByteSlice], more: StaticString) {
    key(name)
    beginArray()
    let start = bytes.count
    var told = 0
    for text in texts {
      // With its quotes and a comma.
      guard bytes.count - start + text.count + 3 <= AuditLimits.listBytes else { break }
      string(text)
      told += 1
    }
    endArray()
    guard told < texts.count else { return }
    key(more)
    integer(texts.count - told)
  }
}
