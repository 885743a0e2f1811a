/// A disk as the recorded process left it: what is surely there, and what a crash may still lose.
///
/// The model promises hardly more than POSIX does: bytes last once their file was synced, names
/// once their directory was. Of the rest any part may be there, whatever the order it was made in;
/// only the names of one directory keep theirs, as in every journal.
struct Disk {
  final class Node {
    /// Content that survives, or nil for a directory.
    var durable: [UInt8]?
    /// Content as the process sees it.
    var current: [UInt8]?
    /// Changes of content since the last sync, oldest first.
    var pending: [ContentChange] = []
    /// Names that survive, and names as the process sees them; of directories.
    var durableNames: [String: Node] = [:]
    var names: [String: Node] = [:]

    init(isDirectory: Bool) {
      if !isDirectory { (durable, current) = ([], []) }
    }
  }

  struct ContentChange {
    let number: Int
    let what: What

    enum What {
      case write(offset: Int, bytes: [UInt8])
      case size(Int)
    }
  }

  struct NameChange {
    let number: Int
    let what: What

    enum What {
      case add(Node, String, Node)
      case remove(Node, String)
      case move(Node, String, to: Node, String)
    }

    /// Where the change is made; of a move, where the new name is.
    var directory: ObjectIdentifier {
      switch what {
      case .add(let place, _, _), .remove(let place, _), .move(_, _, let place, _):
        ObjectIdentifier(place)
      }
    }

    func concerns(_ directory: Node) -> Bool {
      switch what {
      case .add(let place, _, _), .remove(let place, _): place === directory
      case .move(let from, _, let to, _): from === directory || to === directory
      }
    }
  }

  struct Unknown: Error {
    let text: String
  }

  private struct Handle {
    let node: Node
    var offset: Int
    let appends: Bool
  }

  let root = Node(isDirectory: true)
  /// Changes of names whose directory has not been synced since, oldest first.
  private(set) var pendingNames: [NameChange] = []
  private var handles: [Int: Handle] = [:]
  /// How many changes have been made.
  private(set) var count = 0
  private let prefix: String

  /// An empty disk, seen at `path`.
  init(at path: String) { prefix = path }

  mutating func apply(_ made: Trace.Change) throws {
    count += 1
    switch made {
    case .start: handles = [:]
    case .open(let file, let path, let makes, let truncates, let appends):
      let node = try open(path, makes: makes)
      if truncates, node.current?.isEmpty == false { set(node, .size(0)) }
      handles[file] = Handle(node: node, offset: 0, appends: appends)
    case .write(let file, let bytes):
      guard var handle = handles[file] else { return }
      if handle.appends { handle.offset = handle.node.current?.count ?? 0 }
      set(handle.node, .write(offset: handle.offset, bytes: bytes))
      handle.offset += bytes.count
      handles[file] = handle
    case .writeAt(let file, let offset, let bytes):
      if let node = handles[file]?.node { set(node, .write(offset: offset, bytes: bytes)) }
    case .truncate(let file, let size):
      if let node = handles[file]?.node { set(node, .size(size)) }
    case .allocate(let file, let size):
      if let node = handles[file]?.node, node.current?.count ?? 0 < size {
        set(node, .size(size))
      }
    case .sync(let file): if let node = handles[file]?.node { sync(node) }
    case .close(let file): handles[file] = nil
    case .rename(let from, let to):
      // A file that was not made by a recorded call, such as RocksDB's diary, is no part of this.
      guard let old = try? place(from), let node = old.directory.names[old.name] else { return }
      let new = try place(to)
      old.directory.names[old.name] = nil
      new.directory.names[new.name] = node
      change(.move(old.directory, old.name, to: new.directory, new.name))
    case .link(let from, let to):
      guard let old = try? place(from), let node = old.directory.names[old.name] else { return }
      add(node, at: try place(to))
    case .unlink(let path), .removeDirectory(let path):
      let place = try place(path)
      guard place.directory.names.removeValue(forKey: place.name) != nil else { return }
      change(.remove(place.directory, place.name))
    case .makeDirectory(let path): add(Node(isDirectory: true), at: try place(path))
    case .mark: break
    }
  }

  private mutating func open(_ path: String, makes: Bool) throws -> Node {
    if path == prefix { return root }
    let place = try place(path)
    if let node = place.directory.names[place.name] { return node }
    guard makes else { return Node(isDirectory: false) }
    let node = Node(isDirectory: false)
    add(node, at: place)
    return node
  }

  private mutating func add(_ node: Node, at place: (directory: Node, name: String)) {
    place.directory.names[place.name] = node
    change(.add(place.directory, place.name, node))
  }

  private mutating func change(_ what: NameChange.What) {
    pendingNames.append(NameChange(number: count, what: what))
  }

  private func set(_ node: Node, _ what: ContentChange.What) {
    guard node.current != nil else { return }
    node.current?.apply(what)
    node.pending.append(ContentChange(number: count, what: what))
  }

  private mutating func sync(_ node: Node) {
    node.durable = node.current
    node.pending = []
    node.durableNames = node.names
    if node.current == nil { pendingNames.removeAll { $0.concerns(node) } }
  }

  private func place(_ path: String) throws -> (directory: Node, name: String) {
    guard path.hasPrefix(prefix + "/") else { throw Unknown(text: path) }
    var parts = path.dropFirst(prefix.count + 1).split(separator: "/").map(String.init)
    guard let name = parts.popLast() else { throw Unknown(text: path) }
    var directory = root
    for part in parts {
      guard let next = directory.names[part] else { throw Unknown(text: path) }
      directory = next
    }
    return (directory, name)
  }
}

extension [UInt8] {
  mutating func apply(_ change: Disk.ContentChange.What) {
    switch change {
    case .size(let size):
      if size < count {
        removeLast(count - size)
      } else {
        append(contentsOf: repeatElement(0, count: size - count))
      }
    case .write(let offset, let bytes):
      if offset > count { append(contentsOf: repeatElement(0, count: offset - count)) }
      let inside = Swift.min(bytes.count, count - offset)
      replaceSubrange(offset..<offset + inside, with: bytes[..<inside])
      append(contentsOf: bytes[inside...])
    }
  }
}
