import Foundation
import TestSupport

/// One disk that a crash could have left: everything durable, and a part of the rest that a seed
/// chose.
struct Image {
  /// Sectors are written whole or not at all.
  static let sector = 512

  /// How much of what was not synced is there.
  private enum Luck {
    case nothing, everything
    /// What was made before this change, as an orderly file system would have it; of the change
    /// itself a part.
    case until(Int)
    /// Each change, and of each write each sector, with this chance of so many in 16. Names of one
    /// directory come in their order all the same, up to some change of each directory.
    case each(UInt64)
  }

  private var dice: Dice
  private let luck: Luck
  private let namesLuck: Luck
  let text: String

  init(of disk: Disk, seed: UInt64) {
    dice = Dice(seed: seed)
    let changes = UInt64(disk.count)
    // Near the end: what is older has mostly been synced.
    let cut = Luck.until(disk.count - Int(dice.next() % min(changes + 1, 40)))
    switch dice.next() % 8 {
    case 0: (luck, namesLuck) = (.nothing, .nothing)
    case 1: (luck, namesLuck) = (.everything, .everything)
    case 2: (luck, namesLuck) = (.nothing, .everything)
    case 3: (luck, namesLuck) = (.everything, .nothing)
    case 4, 5: (luck, namesLuck) = (cut, cut)
    default: (luck, namesLuck) = (.each(dice.next() % 16), .each(dice.next() % 16))
    }
    text = "bytes: \(luck), names: \(namesLuck)"
  }

  /// Writes the image into the empty directory `place`.
  mutating func write(_ disk: Disk, to place: URL) throws {
    var names: [ObjectIdentifier: [String: Disk.Node]] = [:]
    func known(_ node: Disk.Node) -> [String: Disk.Node] {
      names[ObjectIdentifier(node)] ?? node.durableNames
    }
    var gone: Set<ObjectIdentifier> = []
    for change in disk.pendingNames {
      // Journals keep the order within a directory; RocksDB counts on it when it renames CURRENT.
      guard !gone.contains(change.directory) else { continue }
      guard isThere(change.number, namesLuck) else {
        gone.insert(change.directory)
        continue
      }
      switch change.what {
      case .add(let directory, let name, let node):
        names[ObjectIdentifier(directory), default: directory.durableNames][name] = node
      case .remove(let directory, let name):
        names[ObjectIdentifier(directory), default: directory.durableNames][name] = nil
      case .move(let from, let old, let to, let new):
        // Its first name may have been lost with an earlier change.
        guard let node = known(from)[old] else { continue }
        names[ObjectIdentifier(from), default: from.durableNames][old] = nil
        names[ObjectIdentifier(to), default: to.durableNames][new] = node
      }
    }
    var written: [ObjectIdentifier: URL] = [:]
    try write(disk.root, to: place, names, &written)
  }

  private mutating func write(
    _ directory: Disk.Node, to place: URL, _ names: [ObjectIdentifier: [String: Disk.Node]],
    _ written: inout [ObjectIdentifier: URL]
  ) throws {
    let files = FileManager.default
    try files.createDirectory(at: place, withIntermediateDirectories: true)
    let entries = names[ObjectIdentifier(directory)] ?? directory.durableNames
    for (name, node) in entries.sorted(by: { $0.key < $1.key }) {
      let path = place.appending(path: name)
      if node.current == nil {
        try write(node, to: path, names, &written)
      } else if let first = written[ObjectIdentifier(node)] {
        try files.linkItem(at: first, to: path)
      } else {
        try Data(content(of: node)).write(to: path)
        written[ObjectIdentifier(node)] = path
      }
    }
  }

  /// A file's bytes: the durable ones, then what luck left of the changes since.
  private mutating func content(of node: Disk.Node) -> [UInt8] {
    var bytes = node.durable ?? []
    for change in node.pending {
      switch (luck, change.what) {
      case (.nothing, _): break
      case (.everything, let what): bytes.apply(what)
      case (.until(let cut), let what) where change.number < cut: bytes.apply(what)
      case (.until(let cut), .write(let offset, let written)) where change.number == cut:
        let most = UInt64(written.count / Self.sector + 1)
        let end = (offset / Self.sector + Int(dice.next() % most)) * Self.sector
        if end > offset {
          bytes.apply(.write(offset: offset, bytes: Array(written.prefix(end - offset))))
        }
      case (.until, _): break
      case (.each(let chance), .size): if dice.next() % 16 < chance { bytes.apply(change.what) }
      case (.each(let chance), .write(let offset, let written)):
        tear(written, offset, chance, &bytes)
      }
    }
    return bytes
  }

  private mutating func tear(
    _ written: [UInt8], _ offset: Int, _ chance: UInt64, _ bytes: inout [UInt8]
  ) {
    // Half of the writes are there or not as a whole; with thousands of sectors no other luck would
    // leave one whole.
    let isWhole = dice.next() % 2 == 0
    let all = dice.next() % 16 < chance
    var start = 0
    while start < written.count {
      let sectorEnd = ((offset + start) / Self.sector + 1) * Self.sector
      let end = min(sectorEnd - offset, written.count)
      if isWhole ? all : dice.next() % 16 < chance {
        bytes.apply(.write(offset: offset + start, bytes: Array(written[start..<end])))
      }
      start = end
    }
  }

  private mutating func isThere(_ number: Int, _ luck: Luck) -> Bool {
    switch luck {
    case .nothing: false
    case .everything: true
    case .until(let cut): number < cut
    case .each(let chance): dice.next() % 16 <= chance
    }
  }
}
