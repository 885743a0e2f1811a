public import Bytes

extension AddressRange {
  /// Compiles one.
  public init(compiling node: SettingsNode) throws(SettingsFault) {
    guard let range = AddressRange(parsing: try node.bytes()) else {
      throw node.fault(.invalid("not a block of addresses such as 10.0.0.0/8, ::1 or fd00::/8"))
    }
    self = range
  }
}

extension TrustedPeers {
  /// Each connection and, behind proxies, each request is compared with all of them.
  static let most = 256

  /// Compiles a list of blocks; `unix` stands for whoever connects to a socket file.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    let nodes = try node.elements()
    guard (1...Self.most).contains(nodes.count) else {
      throw node.fault(.invalid("1 to \(Self.most) blocks of addresses"))
    }
    var blocks: [AddressRange] = []
    var includesLocal = false
    for node in nodes {
      if try node.bytes().equals("unix") {
        includesLocal = true
      } else {
        blocks.append(try AddressRange(compiling: node))
      }
    }
    self.init(blocks: blocks, includesLocal: includesLocal)
  }
}
