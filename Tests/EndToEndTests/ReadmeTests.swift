import Foundation
import Testing

/// The first page cannot lie: its commands are run, and print what it says they print.
extension EndToEnd {
  @Suite struct FirstPage {
    @Test(.timeLimit(.minutes(15)))
    func `the README's commands do what it says`() async throws {
      let page = try String(
        contentsOf: Workplace.root.appending(path: "README.md"), encoding: .utf8)
      let steps = Readme(page).steps
      #expect(steps.count >= 7)
      #expect(steps.filter { !$0.output.isEmpty }.count >= 6)
      let schemas = Workplace.root.appending(path: "schemas")
      try await withGateway(["--schemas", schemas.path()]) { gateway in
        let place = try Workplace.directory("readme")
        defer { try? FileManager.default.removeItem(at: place) }
        for (name, target) in [("data", gateway.data), ("schemas", schemas)] {
          try FileManager.default.createSymbolicLink(
            at: place.appending(path: name), withDestinationURL: target)
        }
        let script = place.appending(path: "walk.sh")
        try await Self.script(steps, url: gateway.url)
          .write(to: script, atomically: true, encoding: .utf8)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let walk = try await Workplace.run(
          URL(filePath: "/bin/bash"), [script.path()],
          environment: ["PATH": "\(Workplace.programs.path()):\(path)"], at: place)
        #expect(walk.code == 0, "\(walk.output)\n\(walk.errors)")

        let printed = walk.output.split(separator: "@@step\n", omittingEmptySubsequences: false)
          .dropFirst()
        try #require(printed.count == steps.count, "\(walk.output)\n\(walk.errors)")
        for (step, output) in zip(steps, printed) {
          let missing = Readme.missing(step.output, from: output)
          #expect(missing == nil, "\(step.commands)\nprinted\n\(output)")
        }
      }
    }

    /// All steps in one shell, as a person would type them. A `curl -N` would never end: a person
    /// ends it, here a clock does.
    private static func script(_ steps: [Readme.Step], url: String) -> String {
      var text = """
        set -euo pipefail
        curl() {
          if [ "$1" = -sN ]; then
            command curl --max-time 10 "$@" || [ $? -eq 28 ]
          else
            command curl "$@"
          fi
        }

        """
      for step in steps {
        text += "echo; echo @@step\n\(step.commands)\necho\n"
      }
      return text.replacing("http://127.0.0.1:8080", with: url)
    }
  }
}

@Suite struct ReadmeReading {
  @Test func `commands and what they print are found`() {
    let page = "a\n```sh\nx\ny\n```\n```text\n1…\n```\n```js\nno\n```\n```sh\nz\n```\n"
    let steps = Readme(page).steps
    #expect(steps.map(\.commands) == ["x\ny", "z"])
    #expect(steps.map(\.output) == [["1…"], []])
  }

  @Test func `an expected line must be there, and in order`() {
    #expect(Readme.missing(["a…c", "d"], from: "x\nabbcd") == nil)
    #expect(Readme.missing(["d", "a…c"], from: "x\nabbc\nd") == "a…c")
    #expect(Readme.missing(["a…b…c"], from: "axc") == "a…b…c")
    #expect(Readme.missing(["c…a"], from: "abc") == "c…a")
  }
}
