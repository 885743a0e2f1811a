private import CPCRE2

/// A compiled `pattern`: either a chain that needs no engine or code of PCRE2, shared by all loops.
///
/// PCRE2 runs without UCP, so that `\d` and `\w` are ASCII as ECMA-262 has them, with bounds on
/// steps and subject; whoever matches brings a `PatternMatcher` of its own.
///
/// SAFETY: `@unchecked Sendable` because compiled code is never written after `init` (PCRE2 states
/// that it may be used by several threads at once); it is freed with the last reference.
@safe final class Pattern: @unchecked Sendable {
  /// The pattern as the schema has it.
  let source: String
  /// Set where the pattern is a chain.
  let shape: PatternShape?
  /// Whether machine code was made; hardened kernels may forbid it.
  fileprivate let isMachineCode: Bool
  fileprivate let code: OpaquePointer?

  /// Compiles a pattern of ECMA-262. About 10 µs; needs no lock.
  init(_ source: String) throws(PatternFault) {
    self.source = source
    let (tree, parser) = try PatternParser.parse(source)
    if let shape = PatternShape(tree) {
      self.shape = shape
      unsafe self.code = nil
      self.isMachineCode = false
      return
    }
    self.shape = nil
    let rendered = try PatternRendering.render(tree, names: parser.names)
    let code = unsafe try Self.compile(rendered)
    unsafe self.code = code
    self.isMachineCode = unsafe pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE)) == 0
  }

  deinit { unsafe pcre2_code_free_8(code) }

  private static func compile(_ text: String) throws(PatternFault) -> OpaquePointer {
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_UCP) | UInt32(PCRE2_NEVER_BACKSLASH_C)
      | UInt32(PCRE2_MATCH_UNSET_BACKREF) | UInt32(PCRE2_NO_UTF_CHECK)
      | UInt32(PCRE2_DOLLAR_ENDONLY)
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
/// SAFETY: owns three allocations of PCRE2, made in `init` and freed in `deinit`; no pointer
/// leaves.
@safe final class PatternMatcher {
  private let data: OpaquePointer?
  private let context: OpaquePointer?
  private let stack: OpaquePointer?

  init() {
    unsafe data = pcre2_match_data_create_8(1, nil)
    unsafe context = pcre2_match_context_create_8(nil)
    unsafe stack = pcre2_jit_stack_create_8(32 * 1024, SchemaLimits.matchStackBytes, nil)
    unsafe pcre2_set_match_limit_8(context, SchemaLimits.matchSteps)
    unsafe pcre2_set_depth_limit_8(context, SchemaLimits.matchSteps)
    // In KiB; only the interpreter uses it.
    unsafe pcre2_set_heap_limit_8(context, 4 * 1024)
    unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
  }

  deinit {
    unsafe pcre2_jit_stack_free_8(stack)
    unsafe pcre2_match_context_free_8(context)
    unsafe pcre2_match_data_free_8(data)
  }

  /// Whether `pattern`, one that needs the engine, is found in `text`, which is well-formed UTF-8.
  /// Allocates nothing once warm.
  func verdict(_ pattern: Pattern, on text: Span<UInt8>) -> PatternVerdict {
    guard text.count <= SchemaLimits.patternSubjectBytes else { return .limit }
    let outcome = unsafe text.withUnsafeBufferPointer { subject -> Int32 in
      // PCRE2 wants a pointer even for the empty text.
      guard let base = subject.baseAddress else {
        var nothing: UInt8 = 0
        return unsafe run(pattern, on: &nothing, count: 0)
      }
      return unsafe run(pattern, on: base, count: subject.count)
    }
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
