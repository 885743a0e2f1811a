import Foundation
import Glibc
import Synchronization

/// An HTTP server of few words on a loopback port: an issuer for tests. Answers one request per
/// connection with what the test has put under its path; one thread.
package final class HTTPNeighbour: Sendable {
  package struct Answer: Sendable {
    package var status = 200
    package var fields: [String: String] = [:]
    package var body = ""

    package init(_ body: String, status: Int = 200, fields: [String: String] = [:]) {
      self.status = status
      self.fields = fields
      self.body = body
    }
  }

  /// A request as it came: method, path, fields by lower-case name, body.
  package struct Request: Sendable {
    package let method: String
    package let path: String
    package let fields: [String: String]
    package let body: String
  }

  package let port: UInt16
  private let listener: Int32
  private let handler = Mutex<@Sendable (Request) -> Answer>({ _ in Answer("", status: 404) })
  private let seen = Mutex<[Request]>([])

  package init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
        unsafe bind(descriptor, plain, length) == 0 && listen(descriptor, 128) == 0
          && getsockname(descriptor, plain, &length) == 0
      }
    }
    guard code else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in serve() }
  }

  package var url: String { "http://127.0.0.1:\(port)" }

  /// The requests so far.
  package var requests: [Request] { seen.withLock { $0 } }

  /// From now on answers like this.
  package func answer(_ handler: @escaping @Sendable (Request) -> Answer) {
    self.handler.withLock { $0 = handler }
  }

  package func stop() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      if let request = read(connection) {
        seen.withLock { $0.append(request) }
        write(handler.withLock { $0 }(request), to: connection)
      }
      close(connection)
    }
    close(listener)
  }

  private func read(_ connection: Int32) -> Request? {
    var text: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = unsafe recv(connection, &room, room.count, 0)
      guard count > 0 else { return nil }
      text += room[..<count]
      let whole = String(decoding: text, as: UTF8.self)
      guard let end = whole.range(of: "\r\n\r\n") else { continue }
      let lines = whole[..<end.lowerBound].components(separatedBy: "\r\n")
      var fields: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      let body = String(whole[end.upperBound...])
      guard body.utf8.count >= Int(fields["content-length"] ?? "0") ?? 0 else { continue }
      let words = lines[0].split(separator: " ")
      guard words.count == 3 else { return nil }
      return Request(
        method: String(words[0]), path: String(words[1]), fields: fields, body: body)
    }
  }

  private func write(_ answer: Answer, to connection: Int32) {
    var text = "HTTP/1.1 \(answer.status) X\r\nContent-Length: \(answer.body.utf8.count)\r\n"
    text += "Connection: close\r\n"
    for (name, value) in answer.fields { text += "\(name): \(value)\r\n" }
    text += "\r\n" + answer.body
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { room in
        unsafe send(
          connection, room.baseAddress?.advanced(by: sent), bytes.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}
