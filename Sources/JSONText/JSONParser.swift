public import Bytes

/// Reads strict JSON (RFC 8259) into a tape of tokens, one pass, and refuses what readers of the
/// stored bytes could understand differently: duplicate members, lone surrogates, invalid UTF-8.
///
/// Reusable: once warm, a parse allocates nothing unless a node still refers to the last tape.
/// Confined to one loop or thread.
public final class JSONParser {
  public let limits: JSONLimits
  /// The text of the last successful parse; empty before the first.
  public private(set) var source: ByteSlice
  /// Its tokens.
  public private(set) var tokens: JSONTape
  private var scratch: JSONScratch

  /// Tokens and bytes of scratch kept from one text to the next; more is given back.
  private static let keptTokens = 1 << 16
  private static let keptScratch = 1 << 20

  public init(limits: JSONLimits = .payload) {
    self.limits = limits
    source = .empty
    tokens = JSONTape(capacity: 256)
    scratch = JSONScratch(depth: limits.maxDepth)
  }

  deinit { scratch.free() }

  /// The last text's value, as a tree to walk; valid only after a successful parse.
  public var root: JSONNode { document.root }

  /// The last text with its tokens. While it lives, the next parse takes fresh memory.
  public var document: JSONDocument { JSONDocument(source: source, tokens: tokens) }

  /// The same for one that is kept, with tokens of its own: the parser keeps its memory.
  public var keptDocument: JSONDocument { JSONDocument(source: source, tokens: tokens.copy) }

  /// Reads `bytes`, which must be exactly one value and white space around it. After a fault the
  /// parser holds nothing.
  public func parse(_ bytes: ByteSlice) throws(JSONFault) {
    prepare()
    guard bytes.count <= limits.maxBytes else {
      source = .empty
      throw JSONFault(.tooManyBytes, at: limits.maxBytes, in: .empty)
    }
    var scan = JSONScan(
      limits: limits, tape: tokens, lexer: bytes.borrowedLexer(), scratch: scratch)
    let stop: ScanStop?
    do throws(ScanStop) {
      try scan.text()
      stop = nil
    } catch { stop = error }
    scratch = scan.scratch
    if let stop {
      source = .empty
      if stop.code == .duplicateMember {
        throw JSONFault(
          stop.code, at: scan.offset(ofKey: stop.offset), in: bytes,
          pointer: scan.path(of: stop.offset, in: bytes))
      }
      throw JSONFault(
        stop.code, at: stop.offset, in: bytes, pointer: scan.stoppedPath(in: bytes),
        expected: stop.expected)
    }
    tokens.finish(count: scan.count)
    source = bytes
    extendLifetime(bytes)
  }

  private func prepare() {
    if !isKnownUniquelyReferenced(&tokens) || tokens.capacity > Self.keptTokens {
      tokens = JSONTape(capacity: 256)
    } else {
      tokens.finish(count: 0)
    }
    if scratch.names.footprint > Self.keptScratch {
      scratch.free()
      scratch = JSONScratch(depth: limits.maxDepth)
    }
  }
}

extension ByteSlice {
  /// The bytes for a lexer that does not outlive this slice.
  fileprivate func borrowedLexer() -> JSONLexer {
    // SAFETY: callers use the lexer only while they hold the slice, whose bytes do not move.
    unsafe withUnsafeBytes { bytes in
      unsafe JSONLexer(base: bytes.baseAddress.unsafelyUnwrapped, end: bytes.count)
    }
  }
}
