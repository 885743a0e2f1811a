/// The bounds of the room, each with its reason; `docs/limits.md` lists them.
public enum SchemaLimits {
  /// Bytes of a schema's text. Registration parses it in one piece; larger ones are generated
  /// unions that belong into several topics.
  public static let sourceBytes = 1 << 20
  /// Places in a schema that constrain something: bounds compile time and the program's memory
  /// (about 100 bytes each).
  public static let nodes = 20_000
  /// Documents of the library that one schema refers to, directly or through others.
  public static let libraryDocuments = 256
  /// Bytes of those documents together: parsed anew by each compilation.
  public static let libraryBytes = 4 << 20
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
  /// Backtracking steps of one match. A hostile pattern costs about 0.1 ms before it is stopped.
  public static let matchSteps: UInt32 = 50_000
  /// Bytes of a text that is given to the pattern engine.
  public static let patternSubjectBytes = 64 * 1024
  /// Bytes of machine stack for compiled patterns, per scratch.
  public static let matchStackBytes = 256 * 1024
  /// Nodes visited, members walked and items compared while one payload is checked. An ordinary
  /// event of 1 KB uses under a hundred.
  public static let fuel = 200_000
  /// Violations that one refusal reports.
  public static let violations = 32
  /// Bytes of a pointer in a violation.
  public static let pointerBytes = 256
  /// Bytes of a schema's own value in `expected`.
  public static let expectedBytes = 256
  /// Warnings that one registration reports.
  public static let warnings = 32
  /// Errors that stay with an event which is stored although it breaks its schema.
  public static let marks = 8
  /// Bytes of them together, but for the brackets.
  public static let markBytes = 1024
  /// Rules of one binding: an event's type is held against those with a `*` one by one.
  public static let bindingRules = 64
  /// Lines of versions of one topic.
  public static let subjects = 64
  /// Named documents that one version refers to.
  public static let references = 256
}
