import Bytes

/// Memory that outlives one parse: the open containers and the names of their members.
///
/// SAFETY: `open` has room for one entry per permitted level; entries below the depth reached are
/// initialised. Owned, and freed, by one `JSONParser`.
@safe struct JSONScratch: BitwiseCopyable {
  /// A container whose end has not been seen.
  struct Open: BitwiseCopyable {
    /// Index of its token.
    let token: Int
    /// Names noted before it was opened.
    let names: Int
    let isObject: Bool
  }

  let open: UnsafeMutablePointer<Open>
  var names: MemberScratch

  init(depth: Int) {
    unsafe open = .allocate(capacity: depth)
    // The standard hasher is seeded at random once per process; names never meet it directly.
    var hasher = Hasher()
    hasher.combine(0x4A6F_6472)
    names = MemberScratch(seed: UInt64(truncatingIfNeeded: hasher.finalize()))
  }

  func free() {
    unsafe open.deallocate()
    names.free()
  }
}

/// One pass over one text.
///
/// Where the pass stands (`at`, `count`, the innermost container) is kept in local variables, so
/// that it stays in registers; only what slow paths need lies in the struct.
///
/// SAFETY: `out` is the tape's memory, replaced only together with `room` in `grow`; writes stay
/// below `room`. The source is kept alive by the parser for the whole pass.
@safe struct JSONScan {
  private let limits: JSONLimits
  private let tape: JSONTape
  private let lexer: JSONLexer
  var scratch: JSONScratch
  private var out: UnsafeMutablePointer<JSONToken>
  private var room: Int
  /// Tokens written, once the pass has ended, well or not.
  private(set) var count = 0
  /// Containers open.
  private var depth = 0

  init(limits: JSONLimits, tape: JSONTape, lexer: JSONLexer, scratch: JSONScratch) {
    self.limits = limits
    self.tape = tape
    self.lexer = lexer
    self.scratch = scratch
    unsafe out = tape.base
    room = min(tape.capacity, limits.maxTokens)
  }

  /// Reads the whole text: white space, one value, white space.
  mutating func text() throws(ScanStop) {
    if lexer.end >= 3, lexer.byte(0) == 0xEF, lexer.byte(1) == 0xBB, lexer.byte(2) == 0xBF {
      throw ScanStop(code: .byteOrderMark, offset: 0)
    }
    var at = lexer.skipSpace(0)
    var count = 0
    defer { self.count = count }
    var isObject = false
    repeat {
      // Inside an object a value never stands alone.
      if isObject { try key(&at, &count) }
      guard at < lexer.end else {
        throw ScanStop(code: .unexpectedEnd, offset: at, expected: .value)
      }
      let first = lexer.byte(at)
      if first == ASCII.quote {
        var flags: JSONTokenFlags = []
        let start = at &+ 1
        let close = try lexer.string(start, &flags)
        try put(.string, start, close &- start, flags, &count)
        at = close &+ 1
      } else if first == 0x7B || first == 0x5B {
        if try begin(first, &at, &count) {
          isObject = first == 0x7B
          continue
        }
      } else if first == ASCII.minus || ASCII.isDigit(first) {
        try number(&at, &count)
      } else {
        let kind = try lexer.name(at)
        let length = kind == .false ? 5 : 4
        try put(kind, at, length, [], &count)
        at &+= length
      }
      guard try step(&at, &isObject, count) else { break }
    } while true
    guard at == lexer.end else { throw ScanStop(code: .trailingData, offset: at) }
  }

  /// Steps from the end of a value to where the next one (or its key) starts, closing what ends
  /// there; false when the outermost value is complete.
  @inline(__always)
  private mutating func step(
    _ at: inout Int, _ isObject: inout Bool, _ count: Int
  ) throws(ScanStop) -> Bool {
    while true {
      at = lexer.skipSpace(at)
      if depth == 0 { return false }
      guard at < lexer.end else {
        throw ScanStop(
          code: .unexpectedEnd, offset: at, expected: isObject ? .commaOrBrace : .commaOrBracket)
      }
      let next = lexer.byte(at)
      if next == ASCII.comma {
        at = lexer.skipSpace(at &+ 1)
        return true
      }
      guard next == (isObject ? 0x7D : 0x5D) else {
        throw ScanStop(
          code: .unexpectedByte, offset: at, expected: isObject ? .commaOrBrace : .commaOrBracket)
      }
      at &+= 1
      try close(at, isObject, count)
      isObject = unsafe depth > 0 && scratch.open[depth &- 1].isObject
    }
  }

  /// Opens a container; false when it is empty and thereby complete.
  @inline(__always)
  private mutating func begin(
    _ bracket: UInt8, _ at: inout Int, _ count: inout Int
  ) throws(ScanStop) -> Bool {
    let start = at
    let kind = bracket == 0x7B ? JSONKind.object : .array
    guard depth < limits.maxDepth else { throw ScanStop(code: .tooDeep, offset: start) }
    at = lexer.skipSpace(start &+ 1)
    // Both closing brackets are their opening one plus two.
    if at < lexer.end, lexer.byte(at) == bracket &+ 2 {
      at &+= 1
      try put(kind, start, at &- start, [], &count)
      return false
    }
    unsafe scratch.open[depth] = JSONScratch.Open(
      token: count, names: scratch.names.count, isObject: kind == .object)
    depth &+= 1
    try put(kind, start, 0, [], &count)
    return true
  }

  @inline(__always)
  private mutating func close(_ at: Int, _ isObject: Bool, _ count: Int) throws(ScanStop) {
    let container = unsafe scratch.open[depth &- 1]
    if isObject {
      if let twice = unsafe scratch.names.duplicate(from: container.names, lexer.base) {
        throw ScanStop(code: .duplicateMember, offset: Int(twice))
      }
      scratch.names.drop(to: container.names)
    }
    depth &-= 1
    let token = unsafe out.advanced(by: container.token)
    unsafe token.pointee.length = UInt32(truncatingIfNeeded: at) &- token.pointee.offset
    unsafe token.pointee.extent = UInt32(truncatingIfNeeded: count &- container.token)
  }

  /// Reads a member's key, its colon and the space behind it.
  @inline(__always)
  private mutating func key(_ at: inout Int, _ count: inout Int) throws(ScanStop) {
    guard at < lexer.end else {
      throw ScanStop(code: .unexpectedEnd, offset: at, expected: .name)
    }
    guard lexer.byte(at) == ASCII.quote else {
      throw ScanStop(code: .unexpectedByte, offset: at, expected: .name)
    }
    var flags: JSONTokenFlags = []
    let start = at &+ 1
    let close = try lexer.string(start, &flags)
    if flags.contains(.hasEscape) {
      scratch.names.addEscaped(lexer, offset: start, length: close &- start, token: count)
    } else {
      scratch.names.add(lexer, offset: start, length: close &- start, token: count)
    }
    try put(.string, start, close &- start, flags, &count)
    at = lexer.skipSpace(close &+ 1)
    guard at < lexer.end else {
      throw ScanStop(code: .unexpectedEnd, offset: at, expected: .colon)
    }
    guard lexer.byte(at) == ASCII.colon else {
      throw ScanStop(code: .unexpectedByte, offset: at, expected: .colon)
    }
    at = lexer.skipSpace(at &+ 1)
  }

  @inline(__always)
  private mutating func number(_ at: inout Int, _ count: inout Int) throws(ScanStop) {
    var flags: JSONTokenFlags = []
    let start = at
    at = try lexer.number(start, &flags)
    guard at &- start <= limits.maxNumberLength else {
      throw ScanStop(code: .numberTooLong, offset: start)
    }
    try put(.number, start, at &- start, flags, &count)
  }

  @inline(__always)
  private mutating func put(
    _ kind: JSONKind, _ offset: Int, _ length: Int, _ flags: JSONTokenFlags, _ count: inout Int
  ) throws(ScanStop) {
    if count == room { try grow(offset, count) }
    unsafe out[count] = JSONToken(
      offset: UInt32(truncatingIfNeeded: offset), length: UInt32(truncatingIfNeeded: length),
      kind: kind, flags: flags)
    count &+= 1
  }

  @inline(never)
  private mutating func grow(_ offset: Int, _ count: Int) throws(ScanStop) {
    guard count < limits.maxTokens else { throw ScanStop(code: .tooManyTokens, offset: offset) }
    unsafe out = tape.grow(used: count)
    room = min(tape.capacity, limits.maxTokens)
  }

  // MARK: Where a fault stands

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
    let innermost = unsafe scratch.open[depth - 1]
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
    for level in 0..<max(depth - 1, 0) {
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
