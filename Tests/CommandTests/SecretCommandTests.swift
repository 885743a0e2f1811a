import Bytes
import Foundation
import Testing

@testable import jodrell

@Suite struct SecretCommandTests {
  private func run(
    _ command: String, limit: Int = 100, within patience: TimeSpan = .seconds(600)
  ) throws -> String {
    try SecretCommand.output(of: command, limit: limit, within: patience).text
  }

  @Test func `what a command prints is the secret`() throws {
    #expect(try run("printf one; printf two") == "onetwo")
    #expect(try run("cat; exit 0") == "", "there is nothing to read for it")
    #expect(try run("exec 1>&-; sleep 0.1") == "")
  }

  @Test(
    "a command that fails, prints too much, or does not end is refused",
    arguments: [
      ("echo no >&2; exit 3", TimeSpan.seconds(600), "ended with status 3"),
      ("kill -9 $$", .seconds(600), "status 137"),
      ("yes", .seconds(600), "more than 100 bytes"),
      ("sleep 600", .milliseconds(100), "longer than"),
      ("exec 1>&-; sleep 600", .milliseconds(100), "longer than"),
    ])
  func refusals(_ command: String, patience: TimeSpan, words: String) {
    do {
      _ = try run(command, within: patience)
      Issue.record("taken: \(command)")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  @Test func `what a command has started ends with it`() throws {
    let file = NSTemporaryDirectory() + "secret-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: file) }
    #expect(throws: SecretFault.self) {
      _ = try run("sleep 600 & echo $! > \(file); wait", within: .milliseconds(500))
    }
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let number = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    // It is killed with the shell, and gone when the kernel comes to it.
    func isThere() -> Bool {
      let command = try? String(contentsOfFile: "/proc/\(number)/cmdline", encoding: .utf8)
      return command?.hasPrefix("sleep") == true
    }
    for _ in 0..<1000 where isThere() { usleep(10_000) }
    #expect(!isThere())
  }
}
