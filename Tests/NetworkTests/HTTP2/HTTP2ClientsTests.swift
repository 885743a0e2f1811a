import Bytes
import Crypto
import Foundation
import HTTPWire
import TestSupport
import Testing

@testable import Network

@Suite("HTTP/2: other people's clients", .serialized)
struct HTTP2ClientsTests {
  @Test("curl by prior knowledge: answers, bodies of every size, errors")
  func byPriorKnowledge() async throws {
    try await withServer { server, _, journal in
      #expect(
        try await curl(server.port, "/a", ["-w", " %{http_version} %{http_code}"]) == "/a 2 200")
      for size in [0, 1, 5000, 70_000, 3_000_000] {
        try await withBody(size) { file in
          for coding in [[], ["-H", "Transfer-Encoding: chunked"]] {
            let text = try await curl(
              server.port, "/echo",
              ["--data-binary", "@\(file)", "-o", "/dev/null", "-w", "%{size_download}"] + coding)
            #expect(text == "\(size)")
          }
        }
      }
      try await withBody(5_000_000) { file in
        let code = try await curl(
          server.port, "/echo", ["--data-binary", "@\(file)", "-w", "%{http_code}"])
        #expect(code == "413")
        #expect(journal.now.bodyFailures == [.tooLarge(limit: 4 << 20)])
      }
      #expect(try await curl(server.port, "/stream") == "tick\ntick\ntick\n")
      #expect(try await curl(server.port, "/a", ["-I", "-w", "%{http_code}"]).hasSuffix("200"))
      #expect(try await curl(server.port, "/forgetful", ["-w", "%{http_code}"]) == "000")
    }
  }

  @Test("what HTTP/1.1 refuses is refused with the same status, and the connection lives on")
  func refusals() async throws {
    try await withServer { server, _, _ in
      let long = String(repeating: "x", count: 9000)
      for (arguments, path, status) in [
        (["-H", "long: \(long)"], "/a", "431"), ([], "/\(long)", "414"),
        (["-H", "expect: miracles"], "/a", "417"), (["-X", "BREW"], "/a", "501"),
      ] {
        let codes = try await curl(
          server.port, path,
          arguments + ["-o", "/dev/null", "-w", "%{http_code}"])
        #expect(codes == status)
      }
      try await withBody(9_000_000) { file in
        let code = try await curl(
          server.port, "/echo",
          ["--data-binary", "@\(file)", "-o", "/dev/null", "-w", "%{http_code}"])
        #expect(code == "413")
      }
    }
  }

  @Test("nghttp and h2load, many streams at once")
  func tools() async throws {
    try await withServer { server, _, journal in
      let (code, text, _) = try await ChildProgram.run(
        "nghttp", ["http://127.0.0.1:\(server.port)/a", "http://127.0.0.1:\(server.port)/b"])
      #expect(code == 0)
      #expect(text.contains("/a") && text.contains("/b"))
      let load = try await ChildProgram.run(
        "h2load",
        ["-n", "4000", "-c", "4", "-m", "100", "http://127.0.0.1:\(server.port)/staged"])
      #expect(load.output.contains("4000 succeeded, 0 failed"), "\(load.output)")
      #expect(journal.now.turnSizes.contains { $0 > 1 })
      #expect(server.counters.http2Connections == 5)
    }
  }

  @Test("over TLS by ALPN, and HTTP/1.1 for those who ask for it")
  func secure() async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:localhost")
    let identity = try ServerIdentity(
      certificate: authority.bytes("server.pem"), key: authority.bytes("server.key"))
    var configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(host: "127.0.0.1", port: 0, tls: TLSDoor(try TLSServer([identity])))
    ])
    configuration.loops = 1
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, Journal()) }
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
      try await withBody(1_000_000) { file in
        let (_, text, _) = try await ChildProgram.run(
          "curl",
          [
            "-sS", option, "--cacert", authority.path("ca.pem"), "--data-binary", "@\(file)",
            "-o", "/dev/null", "-w", "%{size_download} %{http_version}",
            "https://localhost:\(server.port)/echo",
          ])
        #expect(text == "1000000 \(version)")
      }
    }
    let load = try await ChildProgram.run(
      "h2load", ["-n", "2000", "-c", "4", "-m", "32", "https://localhost:\(server.port)/staged"])
    #expect(load.output.contains("2000 succeeded, 0 failed"), "\(load.output)")
    await server.drain(within: .seconds(1))
  }
}
