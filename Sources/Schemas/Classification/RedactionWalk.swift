import Bytes
import JSONText
import Tenancy

/// One walk over a payload's tokens beside the places of its schemas: finds what is to be replaced,
/// in the order of the text. Not part of the check, which leaves branches untried. Everything it
/// does is paid for before it is done, in the units of `SchemaLimits.fuel`.
struct RedactionWalk {
  struct Edit {
    /// In the payload; what is inserted replaces it.
    let range: Range<Int>
    let text: ByteSlice
  }

  private enum Verdict {
    case pass
    case replace(Replacement)
    case drop
  }

  /// What things cost.
  private enum Price {
    static let child = 8
    static let name = 12
    static let place = 8
    static let edit = 40
  }

  private let views: [ClassifiedView]
  private let tokens: JSONTape
  let source: ByteSlice
  private let matcher: PatternMatcher
  private let scratch: RedactionScratch
  /// By view: which labels were in the way.
  private(set) var hits: [SchemaClassification.Labels]
  private(set) var edits: [Edit] = []
  private(set) var fuel: Int
  /// Whether what the first view does not describe is hidden.
  private let hides: Bool

  /// - Parameters:
  ///   - views: of the version that the payload was checked against, and perhaps another. The first
  ///     alone tells what is described: a later version must not show what it hides.
  ///   - fuel: what it may cost.
  init(
    _ views: [ClassifiedView], _ tokens: JSONTape, _ source: ByteSlice, _ matcher: PatternMatcher,
    _ scratch: RedactionScratch, fuel: Int
  ) {
    self.views = views
    self.tokens = tokens
    self.source = source
    self.matcher = matcher
    self.scratch = scratch
    self.fuel = fuel
    hits = views.map { _ in 0 }
    hides = views.contains(where: \.hidesUndeclared)
    scratch.begin(views.map(\.classification.nodes.count))
  }

  /// Whether it would have cost too much: nothing is known of the payload then.
  var isStopped: Bool { fuel < 0 }

  mutating func run() {
    for view in views.indices { scratch.open.append(RedactionScratch.Place(view: view, node: 0)) }
    let root = closure()
    defer { scratch.close(root) }
    switch verdict(root, tokens[0].kind) {
    case .pass: visit(0, root)
    case .replace(let replacement): replace(0, replacement)
    case .drop: replace(0, .null)
    }
  }

  private mutating func spend(_ units: Int) -> Bool {
    fuel &-= units
    return fuel >= 0
  }

  /// The open places and all that could apply to the same value.
  private mutating func closure() -> Range<Int> {
    scratch.nextTurn()
    let start = scratch.places.count
    while let place = scratch.open.popLast() {
      guard scratch.meets(place) else { continue }
      let targets = views[place.view].classification.nodes[place.node].inPlace
      guard spend(Price.place + targets.count) else {
        scratch.open.removeAll(keepingCapacity: true)
        break
      }
      scratch.places.append(place)
      for target in targets {
        scratch.open.append(RedactionScratch.Place(view: place.view, node: Int(target)))
      }
    }
    return start..<scratch.places.count
  }

  /// What becomes of a value by the labels it has. One that is neither object nor array where such
  /// a value would hold labelled ones has their labels, and so has one of these where the other
  /// would.
  private mutating func verdict(_ places: Range<Int>, _ kind: JSONKind) -> Verdict {
    var strictest: Replacement?
    for index in places {
      let place = scratch.places[index]
      let missing = views[place.view].missing
      if views[place.view].classification.nodes[place.node].reach & missing == 0 { continue }
      for mark in views[place.view].classification.nodes[place.node].marks
      where mark.labels & missing != 0 && mark.isAbout(kind) {
        hits[place.view] |= mark.labels & missing
        strictest = strictest.map { $0.combined(with: mark.replacement) } ?? mark.replacement
      }
      let misplaced =
        views[place.view].classification.nodes[place.node].below.misplaced(in: kind) & missing
      if misplaced != 0 {
        hits[place.view] |= misplaced
        strictest = max(strictest ?? .null, .null)
      }
    }
    switch strictest {
    case nil: return .pass
    case .drop?: return .drop
    case let replacement?: return .replace(replacement)
    }
  }

  // MARK: - Inside

  private mutating func visit(_ at: Int, _ places: Range<Int>) {
    let kind = tokens[at].kind
    guard !isStopped, kind == .object || kind == .array, hides || holds(places) else { return }
    kind == .object ? visitMembers(at, places) : visitItems(at, places)
  }

  /// Whether something inside a value could be labelled.
  private func holds(_ places: Range<Int>) -> Bool {
    places.contains { index in
      let place = scratch.places[index]
      return views[place.view].classification.nodes[place.node].below.all
        & views[place.view].missing != 0
    }
  }

  private mutating func visitMembers(_ at: Int, _ places: Range<Int>) {
    var cut = Cut()
    var key = at + 1
    let end = at + Int(tokens[at].extent)
    while key < end, spend(Price.child + places.count) {
      let value = key + 1
      let isDescribed = member(key, places)
      let range = Int(tokens[key].offset) - 1..<range(of: value).upperBound
      settle(value, range, isDescribed, .drop, &cut)
      key = value + Int(tokens[value].extent)
    }
    if let edit = cut.rest { append(edit) }
  }

  private mutating func visitItems(_ at: Int, _ places: Range<Int>) {
    var cut = Cut()
    var index = 0
    var item = at + 1
    let end = at + Int(tokens[at].extent)
    while item < end, spend(Price.child + places.count) {
      let isDescribed = self.item(index, places)
      settle(item, range(of: item), isDescribed, .replace(.null), &cut)
      item += Int(tokens[item].extent)
      index += 1
    }
    if let edit = cut.rest { append(edit) }
  }

  /// Decides about one member or item, whose schemas are open, and what is inside it.
  ///
  /// - Parameter range: of the text that goes with it when it is dropped.
  private mutating func settle(
    _ value: Int, _ range: Range<Int>, _ isDescribed: Bool, _ undescribed: Verdict,
    _ cut: inout Cut
  ) {
    var verdict = undescribed
    var places = scratch.places.count..<scratch.places.count
    defer { scratch.close(places) }
    if hides, !isDescribed {
      hideUndescribed()
      scratch.open.removeAll(keepingCapacity: true)
    } else {
      places = closure()
      verdict = self.verdict(places, tokens[value].kind)
    }
    if case .drop = verdict {
      if let edit = cut.drop(range) { append(edit) }
      return
    }
    if let edit = cut.keep(range) { append(edit) }
    if case .replace(let replacement) = verdict {
      replace(value, replacement)
    } else {
      visit(value, places)
    }
  }

  /// Something is hidden for want of a description.
  private mutating func hideUndescribed() {
    for view in views.indices where views[view].hidesUndeclared {
      hits[view] |= views[view].missing
    }
  }

  private mutating func append(_ edit: Edit) {
    if spend(Price.edit) { edits.append(edit) }
  }

  private mutating func replace(_ at: Int, _ replacement: Replacement) {
    let token = tokens[at]
    // A mask reads the text that it leaves something of.
    guard token.kind != .string || spend(token.range.count &>> 1) else { return }
    append(
      Edit(
        range: range(of: at), text: replacement.text(for: token.kind, source[token.range])))
  }

  /// Where a value stands in the text, quotes included.
  private func range(of at: Int) -> Range<Int> {
    let range = tokens[at].range
    return tokens[at].kind == .string ? range.lowerBound - 1..<range.upperBound + 1 : range
  }

  // MARK: - Steps

  /// Opens the schemas that could apply to a member; tells whether the first view describes it.
  private mutating func member(_ key: Int, _ places: Range<Int>) -> Bool {
    var isDescribed = false
    var name = source[tokens[key].range]
    if tokens[key].flags.contains(.hasEscape) {
      guard spend(Price.edit + name.count &>> 1) else { return false }
      name = JSONEscapes.unescape(name)
    }
    for index in places {
      let place = scratch.places[index]
      let view = views[place.view].classification
      guard let steps = view.nodes[place.node].members else { continue }
      var isNamed = false
      if !steps.named.isEmpty {
        guard spend(Price.name + name.count &>> 3) else { return false }
        if let schema = steps.named[name] {
          scratch.open.append(RedactionScratch.Place(view: place.view, node: Int(schema)))
          isNamed = true
        }
      }
      for (pattern, schema) in steps.patterns {
        guard spend(Price.name), let fits = view.fits(pattern, name, matcher, fuel: &fuel) else {
          fuel = min(fuel, -1)
          return false
        }
        guard fits else { continue }
        scratch.open.append(RedactionScratch.Place(view: place.view, node: Int(schema)))
        isNamed = true
      }
      if isNamed, place.view == 0 { isDescribed = true }
      if !isNamed, let rest = steps.additional { open(rest, place, &isDescribed) }
      if let rest = steps.unevaluated { open(rest, place, &isDescribed) }
    }
    return isDescribed
  }

  /// The same of an item.
  private mutating func item(_ index: Int, _ places: Range<Int>) -> Bool {
    var isDescribed = false
    for number in places {
      let place = scratch.places[number]
      guard let steps = views[place.view].classification.nodes[place.node].items else { continue }
      if index < steps.prefix.count {
        scratch.open.append(
          RedactionScratch.Place(view: place.view, node: Int(steps.prefix[index])))
        if place.view == 0 { isDescribed = true }
      } else if let rest = steps.rest {
        open(rest, place, &isDescribed)
      }
      if let rest = steps.contains { open(rest, place, &isDescribed) }
      if let rest = steps.unevaluated { open(rest, place, &isDescribed) }
    }
    return isDescribed
  }

  /// Opens a schema that is not about this member by its name: it describes it if it says anything.
  private func open(
    _ schema: Int32, _ place: RedactionScratch.Place, _ isDescribed: inout Bool
  ) {
    scratch.open.append(RedactionScratch.Place(view: place.view, node: Int(schema)))
    if place.view == 0, !views[0].classification.nodes[Int(schema)].isBare { isDescribed = true }
  }
}
