import Bytes
import JSONText
import Tenancy

/// One walk over a payload's tokens beside the places of its schemas: finds what is to be replaced,
/// in the order of the text. Not part of the check, which leaves branches untried.
struct RedactionWalk {
  struct Edit {
    /// In the payload; what is inserted replaces it.
    let range: Range<Int>
    let text: ByteSlice
  }

  /// A schema of one of the views that could apply to a value.
  private struct Place {
    let view: Int
    let node: Int32
  }

  private enum Verdict {
    case pass
    case replace(Replacement)
    case drop
  }

  private let views: [ClassifiedView]
  private let tokens: JSONTape
  let source: ByteSlice
  private let matcher: PatternMatcher
  private(set) var edits: [Edit] = []
  /// By view: labels that were in the way.
  private var hits: [SchemaClassification.Labels]
  private var fuel: Int
  /// By view and node: the turn in which it was met last.
  private var stamps: [[UInt32]]
  private var turn: UInt32 = 0
  /// It would have cost too much.
  private(set) var isStopped = false

  /// - Parameter views: of the version that the payload was checked against, and perhaps another.
  init(
    _ views: [ClassifiedView], _ tokens: JSONTape, _ source: ByteSlice, _ matcher: PatternMatcher
  ) {
    self.views = views
    self.tokens = tokens
    self.source = source
    self.matcher = matcher
    hits = views.map { _ in 0 }
    stamps = views.map { Array(repeating: 0, count: $0.classification.nodes.count) }
    fuel = SchemaLimits.redactionFuel(tokens: tokens.count)
  }

  /// The labels that were in the way, sorted.
  var labels: [ClassLabel] {
    Set(views.indices.flatMap { views[$0].classification.labels(of: hits[$0]) }).sorted()
  }

  mutating func run() {
    let root = closure(views.indices.map { Place(view: $0, node: 0) })
    switch verdict(root, tokens[0].kind) {
    case .pass: visit(0, root)
    case .replace(let replacement): replace(0, replacement)
    case .drop: replace(0, .null)
    }
  }

  /// The places and all that could apply to the same value.
  private mutating func closure(_ seeds: [Place]) -> [Place] {
    turn &+= 1
    var open = seeds
    var all: [Place] = []
    while let place = open.popLast() {
      guard stamps[place.view][Int(place.node)] != turn else { continue }
      stamps[place.view][Int(place.node)] = turn
      fuel &-= 1
      all.append(place)
      for target in node(place).inPlace { open.append(Place(view: place.view, node: target)) }
    }
    return all
  }

  private func node(_ place: Place) -> SchemaClassification.Node {
    views[place.view].classification.nodes[Int(place.node)]
  }

  /// What becomes of a value by the labels it has. One that is neither object nor array where such
  /// a value would hold labelled ones has their labels.
  private mutating func verdict(_ places: [Place], _ kind: JSONKind) -> Verdict {
    var strictest: Replacement?
    let isPlain = kind != .object && kind != .array && kind != .null
    for place in places {
      let node = node(place)
      let missing = views[place.view].missing
      for mark in node.marks where mark.labels & missing != 0 {
        hits[place.view] |= mark.labels & missing
        strictest = strictest.map { $0.combined(with: mark.replacement) } ?? mark.replacement
      }
      if isPlain, node.below & missing != 0 {
        hits[place.view] |= node.below & missing
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

  private mutating func visit(_ at: Int, _ places: [Place]) {
    let hides = views.contains(where: \.hidesUndeclared)
    guard !isStopped,
      hides || places.contains(where: { node($0).below & views[$0.view].missing != 0 })
    else { return }
    switch tokens[at].kind {
    case .object: visitMembers(at, places)
    case .array: visitItems(at, places)
    default: break
    }
  }

  private mutating func visitMembers(_ at: Int, _ places: [Place]) {
    var cut = Cut()
    var key = at + 1
    let end = at + Int(tokens[at].extent)
    while key < end {
      let value = key + 1
      let (seeds, isDescribed) = member(name(at: key), places)
      guard spend(1 + places.count) else { return }
      let range = Int(tokens[key].offset) - 1..<range(of: value).upperBound
      settle(value, range, seeds, isDescribed, .drop, &cut)
      key = value + Int(tokens[value].extent)
    }
    if let edit = cut.rest { edits.append(edit) }
  }

  private mutating func visitItems(_ at: Int, _ places: [Place]) {
    var cut = Cut()
    var index = 0
    var item = at + 1
    let end = at + Int(tokens[at].extent)
    while item < end {
      let (seeds, isDescribed) = self.item(index, places)
      guard spend(1 + places.count) else { return }
      settle(item, range(of: item), seeds, isDescribed, .replace(.null), &cut)
      item += Int(tokens[item].extent)
      index += 1
    }
    if let edit = cut.rest { edits.append(edit) }
  }

  /// Decides about one member or item, and what is inside it.
  ///
  /// - Parameter range: of the text that goes with it when it is dropped.
  private mutating func settle(
    _ value: Int, _ range: Range<Int>, _ seeds: [Place], _ isDescribed: [Bool],
    _ undescribed: Verdict, _ cut: inout Cut
  ) {
    var verdict = Verdict.pass
    var places: [Place] = []
    if hide(isDescribed) {
      verdict = undescribed
    } else {
      places = closure(seeds)
      verdict = self.verdict(places, tokens[value].kind)
    }
    if case .drop = verdict {
      if let edit = cut.drop(range) { edits.append(edit) }
      return
    }
    if let edit = cut.keep(range) { edits.append(edit) }
    if case .replace(let replacement) = verdict {
      replace(value, replacement)
    } else {
      visit(value, places)
    }
  }

  /// Whether something that the views describe so is hidden for want of a description.
  private mutating func hide(_ isDescribed: [Bool]) -> Bool {
    var hides = false
    for view in views.indices
    where views[view].hidesUndeclared && !isDescribed[view] && !isDescribed[0] {
      hits[view] |= views[view].missing
      hides = true
    }
    return hides
  }

  private mutating func replace(_ at: Int, _ replacement: Replacement) {
    let token = tokens[at]
    edits.append(
      Edit(
        range: range(of: at), text: replacement.text(for: token.kind, source[token.range])))
  }

  /// Where a value stands in the text, quotes included.
  private func range(of at: Int) -> Range<Int> {
    let range = tokens[at].range
    return tokens[at].kind == .string ? range.lowerBound - 1..<range.upperBound + 1 : range
  }

  private func name(at key: Int) -> ByteSlice {
    let text = source[tokens[key].range]
    return tokens[key].flags.contains(.hasEscape) ? JSONEscapes.unescape(text) : text
  }

  private mutating func spend(_ units: Int) -> Bool {
    fuel &-= units
    if fuel < 0 { isStopped = true }
    return !isStopped
  }

  // MARK: - Steps

  /// The schemas that could apply to a member, and which views describe it.
  private mutating func member(
    _ name: ByteSlice, _ places: [Place]
  ) -> (seeds: [Place], isDescribed: [Bool]) {
    var seeds: [Place] = []
    var isDescribed = views.map { _ in false }
    for place in places {
      guard let steps = node(place).members else { continue }
      var isNamed = false
      if let schema = steps.named[name] {
        seeds.append(Place(view: place.view, node: schema))
        isNamed = true
      }
      for (pattern, schema) in steps.patterns {
        let view = views[place.view].classification
        guard let fits = view.fits(pattern, name, matcher, fuel: &fuel) else {
          isStopped = true
          return (seeds, isDescribed)
        }
        guard fits else { continue }
        seeds.append(Place(view: place.view, node: schema))
        isNamed = true
      }
      if isNamed { isDescribed[place.view] = true }
      for rest in [isNamed ? nil : steps.additional, steps.unevaluated] {
        add(rest, place, &seeds, &isDescribed)
      }
    }
    return (seeds, isDescribed)
  }

  private func item(
    _ index: Int, _ places: [Place]
  ) -> (seeds: [Place], isDescribed: [Bool]) {
    var seeds: [Place] = []
    var isDescribed = views.map { _ in false }
    for place in places {
      guard let steps = node(place).items else { continue }
      if index < steps.prefix.count {
        seeds.append(Place(view: place.view, node: steps.prefix[index]))
        isDescribed[place.view] = true
      }
      for rest in [
        index < steps.prefix.count ? nil : steps.rest, steps.contains, steps.unevaluated,
      ] {
        add(rest, place, &seeds, &isDescribed)
      }
    }
    return (seeds, isDescribed)
  }

  /// A schema that is not about this member by its name: it describes it if it says anything.
  private func add(
    _ schema: Int32?, _ place: Place, _ seeds: inout [Place], _ isDescribed: inout [Bool]
  ) {
    guard let schema else { return }
    let seed = Place(view: place.view, node: schema)
    seeds.append(seed)
    if !node(seed).isBare { isDescribed[place.view] = true }
  }
}

/// Takes members or items out of their container, each with one comma.
private struct Cut {
  /// Behind the last that was kept, or dropped behind one.
  private var end: Int?
  /// Dropped ahead of all that are kept.
  private var leading: Range<Int>?

  mutating func drop(_ range: Range<Int>) -> RedactionWalk.Edit? {
    if let end {
      self.end = range.upperBound
      return RedactionWalk.Edit(range: end..<range.upperBound, text: .empty)
    }
    leading = (leading?.lowerBound ?? range.lowerBound)..<range.upperBound
    return nil
  }

  mutating func keep(_ range: Range<Int>) -> RedactionWalk.Edit? {
    defer {
      end = range.upperBound
      leading = nil
    }
    return leading.map {
      RedactionWalk.Edit(range: $0.lowerBound..<range.lowerBound, text: .empty)
    }
  }

  /// Where nothing was kept.
  var rest: RedactionWalk.Edit? { leading.map { RedactionWalk.Edit(range: $0, text: .empty) } }
}
