import Bytes
import JSONText

/// Which schemas of two graphs say the same, spelling, order and names of definitions aside: what
/// most of a schema and its successor have in common.
///
/// Partition refinement: schemas that look alike are told apart by what they refer to, until
/// nothing changes. Recursive schemas are alike where no finite look tells them apart, which is
/// enough, for values are finite.
struct SchemaClasses {
  /// The class of each schema, the writer's first.
  private var classes: [Int]
  private let readers: Int
  /// A schema of each class: a reader's if there is one, and a writer's.
  private var reader: [Int?] = []
  private var writer: [Int?] = []

  /// Rounds after which schemas that are still alike are taken for different.
  private static let mostRounds = 200

  /// - Parameter fuel: a unit is taken for each schema and round, and for every 32 bytes of what
  ///   schemas say; without any left, nothing is alike.
  init(_ pair: SchemaPair, fuel: inout Int) {
    readers = pair.writer.count
    // By bytes: patterns and names that Unicode takes for equal say different things.
    var own: [ByteSlice: Int] = [:]
    var bytes = 0
    let looks = (pair.writer + pair.reader).enumerated().map {
      index, node -> (Int, [SchemaLook.Group]) in
      var look = SchemaLook(node)
      let offset = index < pair.writer.count ? 0 : pair.writer.count
      look.children = look.children.map { $0.moved(by: offset) }
      let text = ByteSlice(utf8: look.text)
      bytes += text.count
      let number = own[text] ?? own.count
      own[text] = number
      return (number, look.children)
    }
    fuel -= bytes / 32
    classes = Array(repeating: 0, count: looks.count)
    var count = 1
    for round in 0... {
      fuel -= looks.count
      guard round < Self.mostRounds, fuel > 0 else {
        // Not settled: nothing is alike.
        classes = Array(looks.indices)
        break
      }
      var numbers: [[Int]: Int] = [:]
      classes = looks.map { own, children in
        var key = [own]
        for group in children {
          let schemas = group.schemas.map { classes[$0] }
          key.append(-1)
          key += group.isSorted ? schemas.sorted() : schemas
        }
        if let number = numbers[key] { return number }
        numbers[key] = numbers.count
        return numbers.count - 1
      }
      if numbers.count == count { break }
      count = numbers.count
    }
    choose(pair)
  }

  private mutating func choose(_ pair: SchemaPair) {
    let count = (classes.max() ?? 0) + 1
    reader = Array(repeating: nil, count: count)
    writer = Array(repeating: nil, count: count)
    for index in pair.writer.indices where writer[classes[index]] == nil {
      writer[classes[index]] = index
    }
    for index in pair.reader.indices where reader[classes[readers + index]] == nil {
      reader[classes[readers + index]] = index
    }
  }

  /// The literal of the first schema that says the same.
  ///
  /// - Parameter closing: whether the writer's kept schemas are read in another way than others.
  func first(_ literal: Literal, closing: Bool) -> Literal {
    let isWriter = literal.side == .writer
    let number = classes[literal.index + (isWriter ? 0 : readers)]
    if !(closing && isWriter && literal.isKept), let index = reader[number] {
      return Literal(.reader, index, isKept: literal.isKept)
    }
    return Literal(.writer, writer[number] ?? literal.index, isKept: literal.isKept)
  }
}

/// What one schema says by itself, and the schemas it refers to.
private struct SchemaLook {
  struct Group {
    var schemas: [Int]
    /// Whether their order says nothing.
    var isSorted = false

    func moved(by offset: Int) -> Group {
      Group(schemas: schemas.map { $0 + offset }, isSorted: isSorted)
    }
  }

  private(set) var text: String
  var children: [Group] = []

  init(_ node: GraphNode) {
    text = "\(node.types.rawValue)"
    if let rule = node.string {
      let pattern = rule.pattern.map { "\($0.source.utf8.count):\($0.source)" } ?? ""
      let format = rule.format.map { "\($0.rawValue)" } ?? ""
      text += " s\(rule.minimum),\(rule.maximum ?? -1),\(pattern),\(format)"
    }
    if let rule = node.number {
      let all = [
        rule.minimum, rule.exclusiveMinimum, rule.maximum, rule.exclusiveMaximum, rule.multipleOf,
      ]
      text +=
        " n"
        + all.map { $0.map { CanonicalJSON.text(of: $0).text } ?? "" }
        .joined(separator: ",")
    }
    if let rule = node.array { add(rule) }
    if let rule = node.object { add(rule) }
    for branch in node.branches { add(branch) }
  }

  private mutating func add(_ word: String, _ schemas: [Int], isSorted: Bool = false) {
    text += " \(word)\(schemas.count)"
    children.append(Group(schemas: schemas, isSorted: isSorted))
  }

  private mutating func add(_ names: [ByteSlice]) {
    for name in names.sorted() { text += " \(name.count):\(name.text)" }
  }

  private mutating func add(_ rule: ArrayConstraint) {
    text += " a\(rule.minimum),\(rule.maximum ?? -1),\(rule.unique),\(rule.containsEvaluates)"
    text += ",\(rule.minimumContains),\(rule.maximumContains ?? -1)"
    add("p", rule.prefix)
    add("r", rule.rest.map { [$0] } ?? [])
    add("c", rule.contains.map { [$0] } ?? [])
  }

  private mutating func add(_ rule: ObjectConstraint) {
    text += " o\(rule.minimum),\(rule.maximum ?? -1)"
    add(rule.required)
    let properties = rule.properties.sorted { $0.name < $1.name }
    add("p", properties.map(\.schema))
    add(properties.map(\.name))
    let patterns = rule.patterns.map {
      (source: ByteSlice(utf8: $0.pattern.source), schema: $0.schema)
    }.sorted { $0.source < $1.source }
    add("m", patterns.map(\.schema))
    add(patterns.map(\.source))
    add("r", rule.additional.map { [$0] } ?? [])
    add("k", rule.names.map { [$0] } ?? [])
    for (name, names) in rule.dependentRequired.sorted(by: { $0.name < $1.name }) {
      text += " d\(names.count)"
      add([name])
      add(names)
    }
    let dependent = rule.dependentSchemas.sorted { $0.name < $1.name }
    add("s", dependent.map(\.schema))
    add(dependent.map(\.name))
  }

  private mutating func add(_ branch: GraphBranch) {
    switch branch {
    case .constant(let node): add(value: "=", node)
    case .enumeration(let list): add(value: "e", list)
    case .content(let content): text += " b\(content.rawValue)"
    case .reference(let target): add("f", [target])
    case .all(let schemas): add("A", schemas, isSorted: true)
    case .any(let schemas): add("O", schemas, isSorted: true)
    case .one(let schemas): add("X", schemas, isSorted: true)
    case .negation(let schema): add("N", [schema])
    case .condition(let test, let then, let otherwise):
      add("I", [test])
      add("t", then.map { [$0] } ?? [])
      add("l", otherwise.map { [$0] } ?? [])
    case .unevaluatedProperties(let schema): add("U", [schema])
    case .unevaluatedItems(let schema): add("V", [schema])
    }
  }

  private mutating func add(value word: String, _ node: JSONNode) {
    let value = CanonicalJSON.text(of: node)
    text += " \(word)\(value.count):\(value.text)"
  }
}
