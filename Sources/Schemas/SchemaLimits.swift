/// The bounds of the room, each with its reason; `docs/limits.md` lists them.
public enum SchemaLimits {
  /// Bytes of a schema's text. Registration parses it in one piece; larger ones are generated
  /// unions that belong into several topics.
  public static let sourceBytes = 1 << 20
  /// Places in a schema that constrain something: bounds compile time and the program's memory
  /// (about 100 bytes each).
  public static let nodes = 20_000
  /// Bytes of the pointers to those places and of the URIs that references and `$id`s come to: each
  /// holds all names on its way, so that one long name may stand in thousands of them. Also of the
  /// full names that an Avro definition comes to.
  public static let addressBytes = 4 << 20
  /// Bytes of the schemas that are read once more because they are met in another dynamic scope:
  /// they have lists of their own in each.
  public static let scopedBytes = 4 << 20
  /// So many times as much of both may what is kept already come to: it may be from before there
  /// was a bound, and has to stay readable.
  public static let keptFactor = 8

  /// What a text may come to where `limit` is for new ones.
  static func bound(_ limit: Int, isNew: Bool) -> Int { isNew ? limit : keptFactor * limit }

  /// Bytes of memory that one compiled schema may take, as `CompiledSchema.memory` estimates them:
  /// a text of a megabyte that lists nothing but short words comes to nine.
  public static let programBytes = 16 << 20
  /// Bytes of all compiled schemas that are kept for publishing, in the whole gateway. What is used
  /// least goes first and is compiled again when it is needed.
  public static let cachedPrograms = 128 << 20
  /// Words of an `enum` up to which each has a slot of forty bytes; longer lists of values are
  /// found by hash, with some bytes for each.
  public static let tableWords = 1_024
  /// Documents of the library that one schema refers to, directly or through others.
  public static let libraryDocuments = 256
  /// Bytes of those documents together: parsed anew by each compilation.
  public static let libraryBytes = 4 << 20
  /// Names that the `$dynamicRef`s of one schema look for: each makes dynamic scopes larger.
  public static let dynamicNames = 64
  /// Constants and words by which the unions of one schema are told apart, those of unions inside
  /// unions several times. They may weigh twice as much: one for each value that is in them and one
  /// for every 64 bytes, in each union anew; and eight times as much with those of members that are
  /// looked at and not chosen. What does not fit any more is tried branch by branch.
  public static let selectedValues = 50_000
  /// Schemas that apply to one and the same value inside one another (`$ref`, `allOf`, …). With the
  /// payload's depth limit it bounds the evaluator's stack.
  public static let inPlaceDepth = 64
  /// Nested evaluations of one payload, each under 700 bytes of stack in release: about 1 MiB.
  public static let evaluationDepth = 1_500
  /// Bytes of one `pattern`: patterns come from tenants and are compiled to machine code.
  public static let patternBytes = 1024
  /// Patterns of one schema: each holds machine code of some KiB.
  public static let patterns = 1_000
  /// Groups inside one another in a `pattern`; PCRE2 recurses over them while compiling.
  public static let patternDepth = 50
  /// Steps of the table that decides a regular pattern in one pass, two bytes each; one that needs
  /// more runs in PCRE2.
  public static let tableSteps = 4_096
  /// Sets and anchors that such a pattern has once its repetitions are written out.
  public static let tableItems = 1_000
  /// Ranges of characters that such a pattern names.
  public static let tableRanges = 64
  /// States of automata that are walked through while such a table is made: about a millisecond.
  public static let tableEffort = 20_000
  /// The same of all patterns of one schema together.
  public static let tablesEffort = 400_000
  /// Backtracking steps of one match from one character on, as PCRE2 counts them. It is the fuel
  /// that ends a hostile match: `PatternMatcher`.
  public static let matchSteps: UInt32 = 50_000
  /// Bytes of a text that is given to the pattern engine.
  public static let patternSubjectBytes = 64 * 1024
  /// Bytes of machine stack for compiled patterns, per scratch.
  public static let matchStackBytes = 256 * 1024
  /// Work that one payload may cost, in units of some four nanoseconds: nodes visited, members
  /// walked, items compared, bytes of texts searched. An ordinary event of 1 KB uses some hundred.
  /// Each may use `leastFuel`, a unit for every eight of its first 8 KiB and three for every two
  /// bytes behind them, less seven for every eight of its tokens, and no more than this.
  public static let fuel = 500_000
  /// What the smallest payload may cost.
  public static let leastFuel = 5_376

  /// What a payload of so many bytes and tokens may cost: meant to decide 8 KiB within 45 µs and
  /// 64 KiB within 0.9 ms, tokenising included, which is why tokens are taken off. Enough to look
  /// at each of them it always has.
  static func fuel(bytes: Int, tokens: Int) -> Int {
    let first = min(bytes, 8_192)
    let most = leastFuel + first / 8 + (bytes - first) / 2 * 3
    return min(fuel, max(tokens + 8, most - tokens / 8 * 7))
  }
  /// What explaining a refusal may cost: as much as the check and, for hints, `hintFuel` more, and
  /// never more than `mostExplanationFuel`: meant to be a millisecond.
  static func explanationFuel(bytes: Int, tokens: Int) -> Int {
    min(mostExplanationFuel, fuel(bytes: bytes, tokens: tokens) + hintFuel)
  }
  /// Where explanations end, in the same units.
  public static let mostExplanationFuel = 150_000
  /// What suggestions of names may cost beside the rest of an explanation.
  public static let hintFuel = 20_000
  /// What checking one schema against the metaschema of its dialect may cost, in the same units; at
  /// registration, on a worker.
  public static let metaschemaFuel = 20_000_000
  /// Different classes that one schema may name: a set of them is one machine word.
  public static let classes = 64
  /// What redacting one payload of at most 8 KiB may cost an event loop, in the units of `fuel`:
  /// meant to be 50 µs. Each byte behind them adds three and a half, so that 64 KiB are a
  /// millisecond. What takes more is for a worker.
  public static let loopRedactionFuel = 10_000
  /// What it may cost a worker, besides three units for each byte; what takes more is withheld as a
  /// whole. As much as checking one may, and more for large ones: the labels of two versions count,
  /// and every branch does.
  public static let redactionFuel = 500_000
  static func redactionFuel(bytes: Int, aside: Bool) -> Int {
    aside ? redactionFuel + 3 * bytes : loopRedactionFuel + max(0, bytes - 8_192) / 2 * 7
  }
  /// What comparing two classifications may cost: places looked at, names looked up, steps of
  /// patterns. Some tenths of a second at the most.
  public static let classificationFuel = 2_000_000
  /// Places that such a comparison reports.
  public static let loosenings = 16
  /// Violations that one refusal reports.
  public static let violations = 32
  /// Bytes of a pointer in a violation.
  public static let pointerBytes = 256
  /// Bytes of a schema's own value in `expected`.
  public static let expectedBytes = 256
  /// Warnings that one registration reports.
  public static let warnings = 32
  /// Steps of one comparison of two schemas: about a second at the most.
  public static let inclusionFuel = 2_000_000
  /// Values inside one another that a comparison looks into.
  public static let inclusionDepth = 64
  /// Undecided unions inside one another in a comparison; with the depth it bounds the stack.
  public static let inclusionFrames = 400
  /// Questions that one comparison remembers the answers of: some hundred bytes each.
  public static let inclusionMemory = 50_000
  /// States of one pattern as an automaton.
  public static let automatonStates = 3_000
  /// States of several automata run together.
  public static let productStates = 3_000
  /// Steps of such products that one comparison remembers, 8 bytes each.
  public static let productCells = 1 << 20
  /// Code points of a word that is looked for.
  public static let wordLength = 20_000
  /// Reasons that one comparison reports.
  public static let incompatibilities = 16
  /// Errors that stay with an event which is stored although it breaks its schema.
  public static let marks = 8
  /// Bytes of them together: an attribute is stored with its event and sent to every reader.
  public static let markBytes = 4 << 10
  /// Rules of one binding: an event's type is held against those with a `*` one by one.
  public static let bindingRules = 64
  /// Lines of versions of one topic.
  public static let subjects = 64
  /// Named documents that one version refers to.
  public static let references = 256
  /// Bytes of text of all versions that one topic keeps: they lie in memory.
  public static let topicBytes = 16 << 20
  /// The same of all topics of one namespace.
  public static let namespaceBytes = 64 << 20
  /// Bytes of text, documents referred to included, of the versions that one registration compares
  /// with: all of them are compiled.
  public static let comparedBytes = 4 << 20
  /// Bytes of what is said of a deprecated version.
  public static let noticeBytes = 512
  /// Properties that are kept with one version.
  public static let properties = 64
  /// Bytes of them together.
  public static let propertyBytes = 16 << 10
}
