import Bytes

/// Memory that outlives one parse: the open containers, and what finds names that are there twice.
///
/// SAFETY: `open` has room for one entry per permitted level and one in front of them, which stands
/// for what is outside; entries up to the depth reached are initialised. Owned, and freed, by one
/// `JSONParser`.
@safe struct JSONScratch: BitwiseCopyable {
  /// A container whose end has not been seen.
  struct Open: BitwiseCopyable {
    /// Index of its token.
    var token = 0
    var isObject = false
    /// The names of its members so far.
    var names = NameFilter()
  }

  let open: UnsafeMutablePointer<Open>
  var names: NameScratch

  init(depth: Int) {
    unsafe open = .allocate(capacity: depth + 1)
    // The standard hasher is seeded at random once per process; names never meet it directly.
    var hasher = Hasher()
    hasher.combine(0x4A6F_6472)
    names = NameScratch(seed: UInt64(truncatingIfNeeded: hasher.finalize()))
  }

  func free() {
    unsafe open.deallocate()
    names.free()
  }
}

/// One pass over one text.
///
/// Where the pass stands (`at`, `count`, where the innermost container is written down) is kept in
/// local variables, so that it stays in registers; only what slow paths need lies in the struct.
///
/// SAFETY: `out` is the tape's memory, replaced only together with `room` in `grow`; writes stay
/// below `room`. The source is kept alive by the parser for the whole pass.
@safe struct JSONScan {
  private let limits: JSONLimits
  /// Held by the parser for the whole pass.
  private unowned(unsafe) let tape: JSONTape
  private let lexer: JSONLexer
  var scratch: JSONScratch
  private(set) var out: UnsafeMutablePointer<JSONToken>
  private var room: Int
  /// Tokens written, once the pass has ended, well or not.
  private(set) var count = 0
  /// Containers open when the pass ended.
  private(set) var depth = 0

  /// Where the innermost open container is written down.
  private typealias Level = UnsafeMutablePointer<JSONScratch.Open>

  init(limits: JSONLimits, tape: JSONTape, lexer: JSONLexer, scratch: JSONScratch) {
    self.limits = limits
    unsafe self.tape = tape
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
    let at = try value(lexer.skipSpace(0))
    guard at == lexer.end else { throw ScanStop(code: .trailingData, offset: at) }
  }

  /// Reads the outermost value and the white space behind it; returns the offset behind both.
  ///
  /// One loop over all tokens, whatever their depth: what is common stands here, what is rare in
  /// calls that are not inlined.
  private mutating func value(_ start: Int) throws(ScanStop) -> Int {
    let lexer = lexer
    var at = start
    var count = 0
    let outside = unsafe scratch.open
    var level = unsafe outside
    unsafe level.initialize(to: JSONScratch.Open())
    defer {
      self.count = count
      depth = unsafe level - outside
    }
    while true {
      // Inside an object a value never stands alone.
      if unsafe level.pointee.isObject { try unsafe name(lexer, &at, &count, level) }
      guard at < lexer.end else {
        throw ScanStop(code: .unexpectedEnd, offset: at, expected: .value)
      }
      let first = lexer.byte(at)
      if first == ASCII.quote {
        let close = lexer.plainEnd(at &+ 1)
        if lexer.isQuote(close) {
          try put(.string, at &+ 1, close &- at &- 1, [], &count)
          at = close &+ 1
        } else {
          at = try putString(at &+ 1, close, &count)
        }
      } else if first == ASCII.minus || ASCII.isDigit(first) {
        var flags: JSONTokenFlags = []
        let start = at
        at = try lexer.number(start, &flags)
        guard at &- start <= limits.maxNumberLength else {
          throw ScanStop(code: .numberTooLong, offset: start)
        }
        try put(.number, start, at &- start, flags, &count)
      } else if first == 0x7B || first == 0x5B {
        if try unsafe begin(first, lexer, &at, &count, &level) { continue }
      } else {
        let kind = try lexer.name(at)
        let length = kind == .false ? 5 : 4
        try put(kind, at, length, [], &count)
        at &+= length
      }
      // Behind most values a comma stands at once.
      if at < lexer.end, lexer.byte(at) == ASCII.comma, unsafe level > outside {
        at = lexer.skipSpace(at &+ 1)
        continue
      }
      // Behind a value: what ends here is closed, up to the next comma.
      while true {
        at = lexer.skipSpace(at)
        if unsafe level == outside { return at }
        let next = at < lexer.end ? lexer.byte(at) : 0
        if next == ASCII.comma { break }
        let isObject = unsafe level.pointee.isObject
        guard next == (isObject ? 0x7D : 0x5D) else { throw stop(at, inObject: isObject) }
        at &+= 1
        try unsafe close(at, count, &level)
      }
      at = lexer.skipSpace(at &+ 1)
    }
  }

  /// What is wrong with a byte that is neither a comma nor the end of the innermost container.
  @inline(never)
  private func stop(_ at: Int, inObject isObject: Bool) -> ScanStop {
    ScanStop(
      code: at < lexer.end ? .unexpectedByte : .unexpectedEnd, offset: at,
      expected: isObject ? .commaOrBrace : .commaOrBracket)
  }

  /// Opens a container; false when it is empty and thereby complete.
  @inline(__always)
  @unsafe private mutating func begin(
    _ bracket: UInt8, _ lexer: JSONLexer, _ at: inout Int, _ count: inout Int,
    _ level: inout Level
  ) throws(ScanStop) -> Bool {
    let start = at
    let kind = bracket == 0x7B ? JSONKind.object : .array
    guard unsafe level - scratch.open < limits.maxDepth else {
      throw ScanStop(code: .tooDeep, offset: start)
    }
    at = lexer.skipSpace(start &+ 1)
    // Both closing brackets are their opening one plus two.
    if at < lexer.end, lexer.byte(at) == bracket &+ 2 {
      at &+= 1
      try put(kind, start, at &- start, [], &count)
      return false
    }
    unsafe level += 1
    unsafe level.initialize(to: JSONScratch.Open(token: count, isObject: kind == .object))
    try put(kind, start, 0, [], &count)
    return true
  }

  /// Closes the innermost container, whose closing bracket ends at `at`.
  @inline(__always)
  @unsafe private mutating func close(
    _ at: Int, _ count: Int, _ level: inout Level
  ) throws(ScanStop) {
    let open = unsafe level.pointee
    if open.names.isUndecided { try searchNames(open.token, count) }
    let token = unsafe out.advanced(by: open.token)
    unsafe token.pointee.length = UInt32(truncatingIfNeeded: at) &- token.pointee.offset
    unsafe token.pointee.extent = UInt32(truncatingIfNeeded: count &- open.token)
    unsafe level -= 1
  }

  /// Reads a member's name, its colon and the space behind it.
  @inline(__always)
  @unsafe private mutating func name(
    _ lexer: JSONLexer, _ at: inout Int, _ count: inout Int, _ level: Level
  ) throws(ScanStop) {
    guard at < lexer.end, lexer.byte(at) == ASCII.quote else { throw nameStop(at) }
    let start = at &+ 1
    let close = lexer.plainEnd(start)
    if lexer.isQuote(close) {
      let length = close &- start
      try put(.string, start, length, [], &count)
      if unsafe level.pointee.names.mayHave(lexer.prefix(start, length), length) {
        try compareNames(unsafe level.pointee.token, count &- 1)
      }
      at = close &+ 1
    } else {
      at = try unsafe putName(start, close, &count, level)
    }
    if at < lexer.end, lexer.byte(at) == ASCII.colon {
      at = lexer.skipSpace(at &+ 1)
    } else {
      at = try colon(at)
    }
  }

  /// Steps over white space, a colon and the space behind it.
  @inline(never)
  private mutating func colon(_ start: Int) throws(ScanStop) -> Int {
    let at = lexer.skipSpace(start)
    guard at < lexer.end, lexer.byte(at) == ASCII.colon else {
      throw ScanStop(
        code: at < lexer.end ? .unexpectedByte : .unexpectedEnd, offset: at, expected: .colon)
    }
    return lexer.skipSpace(at &+ 1)
  }

  @inline(never)
  private func nameStop(_ at: Int) -> ScanStop {
    ScanStop(
      code: at < lexer.end ? .unexpectedByte : .unexpectedEnd, offset: at, expected: .name)
  }

  /// Reads and puts a string with anything in it, plain up to `known`; returns the offset behind
  /// its closing quote.
  @inline(never)
  private mutating func putString(
    _ start: Int, _ known: Int, _ count: inout Int
  ) throws(ScanStop) -> Int {
    let close = try lexer.string(known)
    try put(.string, start, close.offset &- start, close.flags, &count)
    return close.offset &+ 1
  }

  /// Does the same for a member's name.
  @inline(never)
  @unsafe private mutating func putName(
    _ start: Int, _ known: Int, _ count: inout Int, _ level: Level
  ) throws(ScanStop) -> Int {
    let close = try lexer.string(known)
    let length = close.offset &- start
    try put(.string, start, length, close.flags, &count)
    if close.flags.contains(.hasEscape) {
      unsafe level.pointee.names.giveUp()
    } else if unsafe level.pointee.names.mayHave(lexer.prefix(start, length), length) {
      try compareNames(unsafe level.pointee.token, count &- 1)
    }
    return close.offset &+ 1
  }

  /// Refuses the name at token `key` where an earlier member of the object has it.
  @inline(never)
  private mutating func compareNames(_ object: Int, _ key: Int) throws(ScanStop) {
    let name = unsafe out[key]
    var earlier = object &+ 1
    while earlier < key {
      if unsafe out[earlier].length == name.length,
        lexer.equal(unsafe Int(out[earlier].offset), Int(name.offset), Int(name.length))
      {
        throw ScanStop(code: .duplicateMember, offset: key)
      }
      earlier &+= 1 &+ Int(unsafe out[earlier &+ 1].extent)
    }
  }

  /// Refuses an object that is complete and has a name twice.
  @inline(never)
  private mutating func searchNames(_ object: Int, _ end: Int) throws(ScanStop) {
    // SAFETY: the members' tokens lie below `end`, and the extents of their values are known.
    let twice = unsafe scratch.names.duplicate(out, from: object &+ 1, to: end, lexer)
    if let twice { throw ScanStop(code: .duplicateMember, offset: twice) }
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
    room = min(unsafe tape.capacity, limits.maxTokens)
  }
}
