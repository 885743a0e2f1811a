import Bytes
import JSONText

/// The constants and bounds of a schema and of the documents it refers to, as one array: the
/// program's own text, which keeps none of the documents alive.
struct ConstantPool {
  private var writer = ByteWriter()
  /// The token that the next value gets; the array is token 0.
  private var next: UInt32 = 1
  private var tokens: [ByteSlice: UInt32] = [:]

  /// The token of a value's copy in the pool.
  mutating func token(of node: JSONNode) -> UInt32 {
    let text = node.raw
    if let known = tokens[text] { return known }
    writer.append(tokens.isEmpty ? "[" : ",")
    writer.append(text)
    let token = next
    tokens[text] = token
    // A copy of the text has as many tokens as the original.
    next += node.token.extent
    return token
  }

  /// The finished array.
  consuming func document() throws(SchemaFault) -> JSONDocument {
    if tokens.isEmpty { writer.append("[") }
    writer.append("]")
    do throws(JSONFault) {
      return try JSONDocument(parsing: writer.slice, limits: JSONLimits(maxDepth: 65))
    } catch {
      throw SchemaFault(at: "#", .malformedJSON(error))
    }
  }
}
