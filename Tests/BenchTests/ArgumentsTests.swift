import Bytes
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
  }
}
