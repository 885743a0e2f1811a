import Foundation
import Glibc
import JSONText
import Testing

/// More clients than descriptors: they are refused, and the log never misses one.
extension EndToEnd {
  @Suite struct Descriptors {
    @Test(.timeLimit(.minutes(2)))
    func `a flood of connections takes no descriptor from the log`() async throws {
      let wrapper = ["/bin/sh", "-c", "ulimit -n 256; exec \"$0\" \"$@\""]
      try await withGateway(under: wrapper) { gateway in
        let token = try await gateway.token()
        let load = try await VerifiedLoad(on: gateway, seconds: 3, connections: 4)
        try await Task.sleep(for: .milliseconds(300))
        let flood = Flood(port: await gateway.port, connections: 400)
        try await Task.sleep(for: .milliseconds(1500))
        let open = try FileManager.default.contentsOfDirectory(
          atPath: "/proc/\(await gateway.pid)/fd")
        #expect(open.count < 240, "\(open.count) descriptors")
        #expect(flood.refusals() > 200)
        flood.end()
        let verdict = try await load.verdict()
        #expect(verdict.code == 0, "\(verdict.text)")
        #expect(verdict.acknowledged > 100)
        #expect(
          try await gateway.send(
            "POST", "/v1/topics/~/after/events", token: token, body: "{}"
          ).status == 201)
        #expect(try await gateway.terminate() == 0)
        // Opening has enough of them, too.
        try await gateway.start()
        #expect(try await gateway.terminate() == 0)
      }
    }
  }
}

/// Connections that say nothing.
private struct Flood {
  private let sockets: [Int32]

  init(port: Int, connections: Int) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    sockets = (0..<connections).compactMap { _ in
      let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard file >= 0 else { return nil }
      let code = unsafe withUnsafePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          unsafe connect(file, address, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if code == 0 { return file }
      close(file)
      return nil
    }
  }

  /// How many have been answered, which silence is only when the server turns them away, or ended.
  func refusals() -> Int {
    sockets.count { file in
      var byte: UInt8 = 0
      let count = unsafe recv(file, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
      return count >= 0 || errno == ECONNRESET
    }
  }

  func end() { for file in sockets { close(file) } }
}
