import Bytes

// Where a fault stands.
//
// SAFETY: tokens below `count`, and open containers up to `depth`, are initialised; the tape's
// memory stays until the pass is over.
extension JSONScan {
  /// Byte offset of the opening quote of a key's token.
  func offset(ofKey token: Int) -> Int { Int(unsafe out[token].offset) - 1 }

  /// The pointer of the member whose key is at `token`, in the innermost open object.
  func path(of token: Int, in source: ByteSlice) -> JSONPointer {
    JSONPointer(outerSteps(in: source) + [name(token, in: source)])
  }

  /// The pointer of the value that was being read, or was due, when the pass stopped: of the
  /// innermost open object where neither was.
  func stoppedPath(in source: ByteSlice) -> JSONPointer {
    guard depth > 0 else { return .root }
    let outer = outerSteps(in: source)
    let innermost = unsafe scratch.open[depth]
    guard innermost.isObject else {
      return JSONPointer(outer + [position(of: count, in: innermost)])
    }
    // Members have two tokens or more; a single one is a name without its value.
    var key = innermost.token + 1
    while key + 1 < count { key += 1 + Int(unsafe out[key + 1].extent) }
    return JSONPointer(key < count ? outer + [name(key, in: source)] : outer)
  }

  /// The steps to the innermost open container.
  private func outerSteps(in source: ByteSlice) -> [ByteSlice] {
    var steps: [ByteSlice] = []
    for level in 1..<max(depth, 1) {
      let container = unsafe scratch.open[level]
      let child = unsafe scratch.open[level + 1].token
      steps.append(
        container.isObject ? name(child - 1, in: source) : position(of: child, in: container))
    }
    return steps
  }

  private func name(_ key: Int, in source: ByteSlice) -> ByteSlice {
    JSONEscapes.unescape(source[unsafe out[key].range])
  }

  private func position(of child: Int, in array: JSONScratch.Open) -> ByteSlice {
    var index = 0
    var sibling = array.token + 1
    while sibling < child {
      sibling += Int(unsafe out[sibling].extent)
      index += 1
    }
    return ByteSlice(utf8: String(index))
  }
}
