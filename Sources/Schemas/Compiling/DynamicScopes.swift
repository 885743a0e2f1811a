import Bytes

/// The dynamic scopes that a schema can be met in, as far as they matter: which schema each name of
/// a `$dynamicRef` means there. With them each `$dynamicRef` has one target, and a schema that is
/// met in several scopes becomes several nodes of the graph; without a `$dynamicRef` there is one.
struct DynamicScopes {
  private struct Step: Hashable {
    let scope: Int
    let resource: Int
  }

  /// Places by resource and name, as far as a `$dynamicRef` looks for the name.
  private let anchors: [Int: [ByteSlice: Int]]
  private var bindings: [[ByteSlice: Int]] = [[:]]
  private var numbers: [[ByteSlice: Int]: Int] = [[:]: 0]
  private var entered: [Step: Int] = [:]

  /// The scope outside all resources.
  static let empty = 0

  init(anchors: [Int: [ByteSlice: Int]], names: Set<ByteSlice>) {
    self.anchors = anchors.compactMapValues { named in
      let kept = named.filter { names.contains($0.key) }
      return kept.isEmpty ? nil : kept
    }
  }

  /// The scope inside `resource` when it is entered from `scope`: the outermost bearer of a name
  /// keeps it.
  mutating func entering(_ resource: Int, from scope: Int) -> Int {
    guard let named = anchors[resource] else { return scope }
    let step = Step(scope: scope, resource: resource)
    if let known = entered[step] { return known }
    let binding = bindings[scope].merging(named) { outer, _ in outer }
    let number = numbers[binding] ?? bindings.count
    if number == bindings.count {
      bindings.append(binding)
      numbers[binding] = number
    }
    entered[step] = number
    return number
  }

  /// The schema that `name` means in a scope.
  func target(_ name: ByteSlice, in scope: Int) -> Int? { bindings[scope][name] }
}
