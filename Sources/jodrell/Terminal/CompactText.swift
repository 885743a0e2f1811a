import Bytes

/// Valid JSON on one line: without the white space between its tokens. Strings stay as they are.
func compactText(of json: ByteSlice) -> String {
  var compact: [UInt8] = []
  compact.reserveCapacity(json.count)
  var isInString = false
  var isEscaped = false
  for byte in json.array {
    if isInString {
      if isEscaped {
        isEscaped = false
      } else if byte == ASCII.backslash {
        isEscaped = true
      } else if byte == ASCII.quote {
        isInString = false
      }
    } else if byte == ASCII.quote {
      isInString = true
    } else if byte == ASCII.space || byte == ASCII.lineFeed || byte == ASCII.carriageReturn
      || byte == ASCII.tab
    {
      continue
    }
    compact.append(byte)
  }
  return String(decoding: compact, as: UTF8.self)
}
