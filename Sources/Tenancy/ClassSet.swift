public import Bytes
import Settings

/// The classes of data that a reader may see. One that is named stands for all that are within it:
/// `pii` for `pii.contact` too. Equal exactly when they mean the same.
public struct ClassSet: Sendable, Hashable {
  /// Whether it is every class there is: `*`.
  public let isAll: Bool
  /// In byte order, none within another; empty beside `isAll`.
  private let labels: [ClassLabel]

  /// What a grant without `classes` shows: nothing that is classified.
  public static let none = ClassSet(isAll: false, [])
  public static let all = ClassSet(isAll: true, [])

  private init(isAll: Bool, _ labels: [ClassLabel]) {
    self.isAll = isAll
    self.labels = labels
  }

  /// These classes and all within them.
  public init(_ labels: some Sequence<ClassLabel>) {
    var kept: [ClassLabel] = []
    for label in Set(labels).sorted(by: { $0.bytes.count < $1.bytes.count })
    where !kept.contains(where: { label.isWithin($0) }) {
      kept.append(label)
    }
    self.init(isAll: false, kept.sorted())
  }

  /// Classes one grant or offer names at most.
  static let most = 64

  /// Compiles `[pii.contact, finance]`, or `["*"]`.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    let elements = try node.elements()
    guard !elements.isEmpty, elements.count <= Self.most else {
      throw node.fault(.invalid("a list of 1 to \(Self.most) classes"))
    }
    var labels: [ClassLabel] = []
    var isAll = false
    for element in elements {
      let text = try element.bytes()
      if text.equals("*") {
        isAll = true
      } else if let label = ClassLabel(text) {
        labels.append(label)
      } else {
        throw element.fault(.invalid(ClassLabel.rule))
      }
    }
    if isAll { self = .all } else { self.init(labels) }
  }

  /// Whether it holds what is labelled so.
  public func covers(_ label: ClassLabel) -> Bool {
    isAll || labels.contains { label.isWithin($0) }
  }

  /// What either of the two holds.
  func union(_ other: ClassSet) -> ClassSet {
    if isAll || other.isAll { return .all }
    if other.labels.isEmpty { return self }
    return labels.isEmpty ? other : ClassSet(labels + other.labels)
  }

  /// What both hold.
  func intersection(_ other: ClassSet) -> ClassSet {
    if isAll { return other }
    if other.isAll { return self }
    return ClassSet(
      labels.filter { other.covers($0) } + other.labels.filter { covers($0) })
  }

  /// As the configuration spells them, in byte order.
  public var texts: [ByteSlice] { isAll ? [ByteSlice(utf8: "*")] : labels.map(\.bytes) }

  public var isEmpty: Bool { !isAll && labels.isEmpty }
}
