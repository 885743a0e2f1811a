import Bytes
import Settings
import Testing

@testable import jodrell

@Suite("Arguments")
struct ArgumentsTests {
  @Test("options are taken once, in both spellings, and operands are what is left")
  func options() throws {
    var arguments = Arguments([
      "orders", "--listen=127.0.0.1:0", "--quiet", "--ttl", "5m", "--allow", "publish,manage", "-",
    ])
    #expect(try arguments.text("--listen") == "127.0.0.1:0")
    #expect(try arguments.text("--listen") == nil)
    let flags = [arguments.flag("--quiet"), arguments.flag("--quiet")]
    #expect(flags == [true, false])
    #expect(try arguments.span("--ttl") == .seconds(300))
    #expect(try arguments.list("--allow") == ["publish", "manage"])
    #expect(try arguments.rest(1...2, called: "the topic") == ["orders", "-"])
  }

  @Test("words behind -- are operands, whatever they look like")
  func operands() throws {
    var arguments = Arguments(["--key", "k", "topic", "--", "--lines", "-c"])
    let isLines = arguments.flag("--lines")
    #expect(!isLines)
    #expect(try arguments.text("--key") == "k")
    #expect(try arguments.rest(1...9, called: "") == ["topic", "--lines", "-c"])
  }

  @Test(
    "mistakes are refused with the code of a wrong command line",
    arguments: [
      ["--data"], ["--data", ""], ["--data="], ["--data", "a", "--data", "b"],
      ["--data=a", "--data=b"], ["--ttl", "5"], ["--allow", "a,,b"], ["--accept-loss", "-1"],
      ["--accept-loss", "x"], ["--nonsense"], ["extra"],
    ])
  func mistakes(_ words: [String]) {
    let fault = #expect(throws: CommandFault.self) {
      var arguments = Arguments(words)
      _ = try arguments.text("--data")
      _ = try arguments.span("--ttl")
      _ = try arguments.list("--allow")
      _ = try arguments.number("--accept-loss", in: 0...UInt64.max)
      try arguments.finish()
    }
    #expect(fault?.code == .usage)
  }

  @Test(
    "serve refuses addresses of other machines in development mode, and its options with a file")
  func serve() throws {
    for address in ["[::1]:0", "unix:/run/j.sock"] {
      #expect(try ServeOptions(Arguments(["--listen", address])).listen?.text == address)
    }
    for words in [
      ["--listen", "0.0.0.0:80"], ["--management", "10.0.0.1:1"], ["--listen", "here"],
      ["--listen", "unix:@name"],
      ["-c", "f", "--tenants", "a"], ["-c", "f", "--banner"], ["--tenants", "a b"],
    ] {
      let fault = #expect(throws: CommandFault.self) { try ServeOptions(Arguments(words)) }
      #expect(fault?.code == .usage, "\(words)")
    }
    #expect(try ServeOptions(Arguments(["-c", "f", "--listen", "0.0.0.0:80"])).file == "f")
  }

  @Test("a topic is written in three ways")
  func topics() throws {
    let whole = try TopicArgument("acme/default/orders")
    #expect(whole.tenant == "acme" && whole.path == "/v1/topics/acme/default/orders")
    for text in ["orders", "~/orders"] {
      let own = try TopicArgument(text)
      #expect(own.tenant == nil && own.path == "/v1/topics/~/orders" && own.text == "~/orders")
    }
    for text in ["", "a/b", "a/b/c/d", "a//c", "~/a/b", "or ders", "-x"] {
      #expect(throws: CommandFault.self, "\(text)") { try TopicArgument(text) }
    }
  }
}
