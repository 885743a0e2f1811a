private import CPCRE2

/// A compiled `pattern`: a chain, a table, or code of PCRE2 for what is not regular or has too many
/// states; shared by all loops.
///
/// PCRE2 runs without UCP, so that `\d` and `\w` are ASCII as ECMA-262 has them, with bounds on
/// steps and subject; whoever matches brings a `PatternMatcher` of its own. Its own count of steps
/// starts anew at each character of the text and leaves out loops, look-ahead and references, so
/// the code calls back before each item of the pattern, and the matcher counts.
///
/// SAFETY: `@unchecked Sendable` because compiled code is never written after `init` (PCRE2 states
/// that it may be used by several threads at once); it is freed with the last reference.
@safe final class Pattern: @unchecked Sendable {
  /// The pattern as the schema has it.
  let source: String
  /// Set where the pattern is a chain.
  let shape: PatternShape?
  /// Set where it is none but regular, and small enough.
  let table: PatternTable?
  /// Whether machine code was made; hardened kernels may forbid it.
  fileprivate let isMachineCode: Bool
  /// Bytes of it.
  private let machineCodeBytes: Int
  fileprivate let code: OpaquePointer?
  /// Whether it refers to what a group has matched: such an item may compare whole texts.
  fileprivate let hasReferences: Bool
  /// How many times as dear as with the dearest property its largest set makes a character: beyond
  /// ASCII the engine looks through a set entry by entry.
  let weight: Int

  /// Compiles a pattern of ECMA-262 on its own.
  convenience init(_ source: String) throws(PatternFault) {
    var effort = SchemaLimits.tableEffort
    try self.init(source, effort: &effort)
  }

  /// Compiles a pattern of ECMA-262. About 10 µs, and what its table takes; needs no lock.
  ///
  /// - Parameter effort: what tables may still take, together for all patterns of a schema.
  init(_ source: String, effort: inout Int) throws(PatternFault) {
    self.source = source
    let (tree, parser) = try PatternParser.parse(source)
    shape = PatternShape(tree)
    table = shape == nil ? PatternTableBuild.table(tree, effort: &effort) : nil
    guard shape == nil, table == nil else {
      unsafe self.code = nil
      self.isMachineCode = false
      self.machineCodeBytes = 0
      self.hasReferences = false
      self.weight = 1
      return
    }
    self.weight = 1 + tree.largestSet / 8
    let rendered = try PatternRendering.render(tree, names: parser.names)
    let code = unsafe try Self.compile(rendered)
    unsafe self.code = code
    var highestReference: UInt32 = 0
    unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_BACKREFMAX), &highestReference)
    hasReferences = highestReference > 0
    self.isMachineCode = unsafe pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE)) == 0
    var bytes = 0
    unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_JITSIZE), &bytes)
    machineCodeBytes = bytes
  }

  /// Whether it is the same text, byte by byte: texts that Unicode takes for equal, as `é` in one
  /// code point and in two, fit different texts.
  func isSame(as other: Pattern) -> Bool { source.utf8.elementsEqual(other.source.utf8) }

  /// What each item costs, in halves of units: more where it is interpreted, or where so much code
  /// was made of repeated groups that it does not stay in the cache.
  fileprivate var itemHalves: Int { !isMachineCode ? 12 : machineCodeBytes > 16_384 ? 7 : 3 }

  deinit { unsafe pcre2_code_free_8(code) }

  /// Bytes that it takes: its text, its links or its code, machine code included.
  var memory: Int {
    let fixed = 128 + source.utf8.count
    if let shape { return fixed + shape.links.count * MemoryLayout<PatternShape.Link>.stride }
    if let table { return fixed + table.memory }
    var (bytes, machine) = (0, 0)
    unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_SIZE), &bytes)
    unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_JITSIZE), &machine)
    return fixed + bytes + machine
  }

  private static func compile(_ text: String) throws(PatternFault) -> OpaquePointer {
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_UCP) | UInt32(PCRE2_NEVER_BACKSLASH_C)
      | UInt32(PCRE2_MATCH_UNSET_BACKREF) | UInt32(PCRE2_NO_UTF_CHECK)
      | UInt32(PCRE2_DOLLAR_ENDONLY) | UInt32(PCRE2_AUTO_CALLOUT)
    guard let context = unsafe pcre2_compile_context_create_8(nil) else {
      throw .engine(message: "out of memory")
    }
    defer { unsafe pcre2_compile_context_free_8(context) }
    // Rendering adds at most one group around each of ours.
    unsafe pcre2_set_parens_nest_limit_8(context, UInt32(4 * SchemaLimits.patternDepth))
    var errorCode: Int32 = 0
    var errorOffset = 0
    let bytes = Array(text.utf8)
    let code = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe pcre2_compile_8(
        buffer.baseAddress, buffer.count, options, &errorCode, &errorOffset, context)
    }
    guard let code = unsafe code else { throw .engine(message: message(errorCode)) }
    return unsafe code
  }

  private static func message(_ errorCode: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let length = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
      unsafe pcre2_get_error_message_8(errorCode, buffer.baseAddress, buffer.count)
    }
    return String(decoding: buffer.prefix(max(0, Int(length))), as: UTF8.self)
  }
}

/// What a pattern said about a text.
enum PatternVerdict: Equatable {
  case match
  case noMatch
  /// The step limit or the subject limit was hit: a refusal, never a verdict.
  case limit
}

/// The writable side of matching: one per scratch, used by one thread at a time.
///
/// SAFETY: owns four allocations, made in `init` and freed in `deinit`; no pointer leaves.
@safe final class PatternMatcher {
  /// What the match that runs may cost, in halves of units, and where it was last.
  private struct Meter {
    var halves = 0
    var position = 0
    /// What each item costs.
    var item = 0
    var weight = 1
  }

  private typealias Step =
    @convention(c) (
      UnsafeMutablePointer<pcre2_callout_block_8>?, UnsafeMutableRawPointer?
    ) -> Int32

  private let data: OpaquePointer?
  private let context: OpaquePointer?
  private let stack: OpaquePointer?
  private let meter: UnsafeMutablePointer<Meter>

  init() {
    unsafe meter = .allocate(capacity: 1)
    unsafe meter.initialize(to: Meter())
    unsafe data = pcre2_match_data_create_8(1, nil)
    unsafe context = pcre2_match_context_create_8(nil)
    // All of it at once: a stack that grows gives its memory back after each match.
    unsafe stack = pcre2_jit_stack_create_8(
      SchemaLimits.matchStackBytes, SchemaLimits.matchStackBytes, nil)
    unsafe pcre2_set_match_limit_8(context, SchemaLimits.matchSteps)
    unsafe pcre2_set_depth_limit_8(context, SchemaLimits.matchSteps)
    // In KiB; only the interpreter uses it.
    unsafe pcre2_set_heap_limit_8(context, 4 * 1024)
    unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
    unsafe pcre2_set_callout_8(context, Self.step, UnsafeMutableRawPointer(meter))
  }

  deinit {
    unsafe pcre2_jit_stack_free_8(stack)
    unsafe pcre2_match_context_free_8(context)
    unsafe pcre2_match_data_free_8(data)
    unsafe meter.deallocate()
  }

  /// Counts one item of a pattern, and how far the match has moved in the text: four bytes a unit
  /// are what the dearest properties of characters take, and large sets more. Ends the match when
  /// its fuel is gone.
  ///
  /// SAFETY: PCRE2 passes the block of the match that runs, and the meter that `init` gave it.
  private static let step: Step = { block, data in
    let meter = unsafe data.unsafelyUnwrapped.assumingMemoryBound(to: Meter.self)
    let position = unsafe block.unsafelyUnwrapped.pointee.current_position
    let moved = unsafe position &- meter.pointee.position
    unsafe meter.pointee.position = position
    unsafe meter.pointee.halves &-=
      meter.pointee.item &+ (abs(moved) &* meter.pointee.weight) &>> 1
    return unsafe meter.pointee.halves >= 0 ? 0 : PCRE2_ERROR_CALLOUT
  }

  /// Whether `pattern`, which is no chain, is found in `text`, which is well-formed UTF-8.
  /// Allocates nothing once warm.
  ///
  /// - Parameter fuel: what the match may cost. With a table as there; else three units for every
  ///   two items of the pattern that are tried and one for every four bytes that are moved over.
  ///   Below 0 where that was not enough.
  func verdict(_ pattern: Pattern, on text: Span<UInt8>, fuel: inout Int) -> PatternVerdict {
    if let table = pattern.table {
      let isMatch = table.matches(text, fuel: &fuel)
      return fuel < 0 ? .limit : isMatch ? .match : .noMatch
    }
    guard text.count <= SchemaLimits.patternSubjectBytes else { return .limit }
    unsafe meter.pointee = Meter(
      halves: 2 &* fuel,
      item: pattern.itemHalves &+ (pattern.hasReferences ? text.count &>> 2 : 0),
      weight: pattern.weight)
    let outcome = unsafe text.withUnsafeBufferPointer { subject -> Int32 in
      // PCRE2 wants a pointer even for the empty text.
      guard let base = subject.baseAddress else {
        var nothing: UInt8 = 0
        return unsafe run(pattern, on: &nothing, count: 0)
      }
      return unsafe run(pattern, on: base, count: subject.count)
    }
    fuel = unsafe meter.pointee.halves &>> 1
    if outcome >= 0 { return .match }
    return outcome == PCRE2_ERROR_NOMATCH ? .noMatch : .limit
  }

  private func run(
    _ pattern: Pattern, on subject: UnsafePointer<UInt8>, count: Int
  ) -> Int32 {
    if pattern.isMachineCode {
      return unsafe pcre2_jit_match_8(pattern.code, subject, count, 0, 0, data, context)
    }
    return unsafe pcre2_match_8(
      pattern.code, subject, count, 0, UInt32(PCRE2_NO_UTF_CHECK), data, context)
  }
}
