import Bytes

/// What schemas that are kept together say of members by name: the same for all cases that keep
/// these, of which there may be one for each name.
struct ObjectOutline {
  /// Names in `properties`, in byte order.
  let names: [ByteSlice]
  /// The same names.
  let known: Set<ByteSlice>
  /// Different patterns, up to one more than are looked into.
  let patterns: [Pattern]
  /// What the writer's schemas among them take; nil where there are none.
  let declared: Coverage?
  /// Names that were gone through for it.
  let weight: Int
  private let shapes: [(shape: Literal, rule: ObjectConstraint, schemas: [ByteSlice: Int])]

  init(_ kept: [Literal], in pair: SchemaPair) {
    var known: Set<ByteSlice> = []
    var patterns: [Pattern] = []
    var declared: Coverage?
    var weight = 1
    var shapes: [(shape: Literal, rule: ObjectConstraint, schemas: [ByteSlice: Int])] = []
    for shape in kept {
      let isWriter = shape.side == .writer
      if isWriter, declared == nil { declared = Coverage() }
      guard let rule = pair[shape].object else { continue }
      if isWriter { declared?.add(rule) }
      for (pattern, _) in rule.patterns where patterns.count <= ObjectSearch.mostPatterns {
        if !patterns.contains(where: { $0.isSame(as: pattern) }) { patterns.append(pattern) }
      }
      var schemas: [ByteSlice: Int] = [:]
      for (name, schema) in rule.properties { schemas[name] = schema }
      known.formUnion(schemas.keys)
      weight += rule.properties.count
      shapes.append((shape, rule, schemas))
    }
    names = known.sorted()
    self.known = known
    self.patterns = patterns
    self.declared = declared
    self.weight = weight
    self.shapes = shapes
  }

  /// What the value of a member must agree with, as far as patterns can be tried.
  func literals(for name: ByteSlice, _ judge: Judge) -> [Literal] {
    var literals: [Literal] = []
    for (shape, rule, schemas) in shapes {
      guard let found = judge.schemas(for: name, rule, named: schemas[name]) else { continue }
      literals += found.map { shape.other($0, isKept: true) }
    }
    return literals
  }
}
