import Bytes
import Foundation
import Testing

@testable import jodrell_bench

@Suite("Arguments")
struct ArgumentsTests {
  @Test("options are taken once, in both spellings, and the rest is refused")
  func options() throws {
    var arguments = Arguments([
      "--batch=5", "--json", "--header", "A: b", "--topic", "~/t", "--header=C: d", "--duration",
      "250ms",
    ])
    let batch = try arguments.number("--batch", in: 1...10, or: 1)
    #expect(batch == 5)
    let flags = [arguments.flag("--json"), arguments.flag("--json")]
    #expect(flags == [true, false])
    let headers = try arguments.texts("--header")
    #expect(headers.sorted() == ["A: b", "C: d"])
    let span = try arguments.span("--duration")
    #expect(span == .milliseconds(250))
    #expect(throws: UsageFault.self) { try arguments.finish() }
    let topic = try arguments.required("--topic")
    #expect(topic == "~/t")
    try arguments.finish()
    #expect(throws: UsageFault.self) { try arguments.required("--topic") }
  }

  @Test("values that make no sense are refused")
  func nonsense() {
    for words in [["--batch"], ["--batch", "0"], ["--batch", "11"], ["--batch", "x"]] {
      var arguments = Arguments(words)
      #expect(throws: UsageFault.self) { try arguments.number("--batch", in: 1...10, or: 1) }
    }
    for topic in ["t", "a/b", "a/b/c/d", "~/", "a//c", "~/a/b/c"] {
      var arguments = Arguments(["--topic", topic])
      #expect(throws: UsageFault.self, "\(topic)") { try Target(&arguments) }
    }
    for words in [
      ["--arrivals", "odd"], ["--rate", "-1"], ["--rate", "9999999"], ["--duration", "0s"],
    ] {
      var arguments = Arguments(words)
      #expect(throws: UsageFault.self, "\(words)") { try LoadOptions(&arguments) }
    }
    var spread = Arguments(["--topic", "a/b/c", "--topics", "2"])
    #expect(throws: UsageFault.self) { try Target(&spread, spreads: true) }
  }

  @Test("options that would have no effect are refused")
  func idle() throws {
    let topic = ["--topic", "a/b/c"]
    let others = [
      ["--count", "5"], ["--connections=5"], ["--arrivals", "poisson"], ["--seed", "7"],
    ]
    for words in others {
      #expect(throws: UsageFault.self, "\(words)") { try WorkersRun(topic + words) }
      _ = try WorkersRun(topic + words + ["--publish-rate", "5"])
    }
    for words in others + [["--publish-path", "/p"]] {
      #expect(throws: UsageFault.self, "\(words)") { try SubscribeRun(topic + words, as: .fanOut) }
      _ = try SubscribeRun(topic + words + ["--publish-rate", "5"], as: .fanOut)
    }
    let payload = ["--payload", #filePath]
    let typed = topic + ["--content-type", "text/plain"]
    let seed = ["--seed=7"]
    for words in [
      topic + ["--arrivals", "even"], typed, typed + payload + ["--batch", "2"],
      topic + payload + seed, topic + payload + seed + ["--rate", "5"],
    ] {
      #expect(throws: UsageFault.self, "\(words)") { try PublishRun(words) }
    }
    _ = try PublishRun(typed + payload)
    _ = try PublishRun(topic + seed)
    let poisson = ["--rate", "5", "--arrivals", "poisson"]
    _ = try PublishRun(topic + payload + seed + poisson)
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path()
    _ = try PublishRun(replaying: [folder] + typed)
    #expect(throws: UsageFault.self) {
      try PublishRun(replaying: [folder] + typed + ["--batch", "2"])
    }
    #expect(throws: UsageFault.self) { try PublishRun(replaying: [folder] + topic + seed) }
    _ = try PublishRun(replaying: [folder] + topic + seed + poisson)
  }

  @Test("https takes the authorities of a file, and no file that holds none")
  func tls() throws {
    let words = ["--topic", "a/b/c", "--url", "https://gateway.example"]
    var plain = Arguments(words)
    #expect(try Target(&plain).url == words[3])
    for (file, reason) in [(#filePath, "no certificate"), ("/nowhere/ca.pem", "cannot read")] {
      var arguments = Arguments(words + ["--ca", file])
      let fault = #expect(throws: UsageFault.self) { try Target(&arguments) }
      #expect(fault?.message.contains(reason) == true)
    }
  }

  @Test("a topic pattern names many topics, a token file many callers")
  func spread() throws {
    let path = NSTemporaryDirectory() + "jodrell-tokens-\(UInt64.random(in: 0...UInt64.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "one\ntwo\n\nthree\n".write(toFile: path, atomically: true, encoding: .utf8)
    var arguments = Arguments([
      "--topic", "acme/shop/t{}-x", "--topics", "3", "--token-file", path, "publish",
    ])
    let word = arguments.word()
    #expect(word == nil)
    let target = try Target(&arguments, spreads: true)
    #expect(target.tokens.map(\.text) == ["one", "two", "three"])
    #expect((2..<5).map { target.token(of: $0)?.text } == ["three", "one", "two"])
    let expected = [0, 1, 2, 0].map { "/v1/topics/acme/shop/t\($0)-x/events" }
    #expect((0..<4).map { target.paths[$0] } == expected)
    let behind = arguments.word()
    #expect(behind == "publish")
  }

  @Test("a pace: closed without a rate; an open loop has its count and time in the timetable")
  func pace() throws {
    var closed = Arguments(["--count", "10", "--batch", "4"])
    let peak = try LoadOptions(&closed)
    #expect(peak.rate == nil && peak.duration == nil && peak.requests == 3)
    #expect(peak.pacer(for: peak.control) == nil)
    var open = Arguments(["--rate", "50", "--arrivals", "poisson", "--duration", "2s"])
    let steady = try LoadOptions(&open)
    #expect(steady.rate == 50 && steady.arrivals == .poisson && steady.requests == nil)
    #expect(steady.watchedDuration.map { $0 > .seconds(2) } == true)
    var endless = Arguments([])
    let replay = try LoadOptions(&endless, LoadOptions.Defaults(endsByItself: true))
    #expect(replay.duration == nil && replay.replaying(7).portions == Portions(count: 7, pass: 7))
    var long = Arguments(["--duration", "1m", "--batch", "3"])
    let again = try LoadOptions(&long, LoadOptions.Defaults(endsByItself: true)).replaying(7)
    #expect(again.portions == Portions(batch: 3, pass: 7) && again.requests == nil)
  }
}
