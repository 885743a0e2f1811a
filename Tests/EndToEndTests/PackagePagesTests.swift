import Foundation
import Testing

/// What the packages carry beside the programs: manual pages, completions, the configuration.
extension EndToEnd {
  @Suite struct PackagePages {
    private static let bash = URL(filePath: "/bin/bash")
    private static let sources = Workplace.root.appending(path: "Sources/Debian")

    /// Runs `body` with a folder in which the pages of both programs lie.
    private func withPages(_ body: (URL) async throws -> Void) async throws {
      let place = try Workplace.directory("pages")
      defer { try? FileManager.default.removeItem(at: place) }
      for program in [Workplace.jodrell, Workplace.bench] {
        let made = try await Workplace.run(
          Self.sources.appending(path: "pages"),
          [program.path(), place.path(), "1.2.3", "2026-03-01"])
        try #require(made.code == 0, "\(made.errors)")
      }
      try await body(place)
    }

    private func text(_ file: URL) throws -> String {
      try String(contentsOf: file, encoding: .utf8)
    }

    /// What a program's help lists: its commands, and the options of each.
    private func options(of program: URL) async throws -> [String: Set<String>] {
      let name = program.lastPathComponent
      var found: [String: Set<String>] = [:]
      for line in try await Workplace.run(program, ["--help"]).output.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard line.hasPrefix("  "), words.count > 1, words[0] == name else { continue }
        let command = String(words[1])
        let help = try await Workplace.run(program, [command, "--help"]).output
        var options: Set<String> = []
        for line in help.split(separator: "\n") where line.hasPrefix("    -") {
          // Each of several on a line, too: "--rate N, --from F   as elsewhere".
          let names = String(line.dropFirst(4).split(separator: "  ")[0])
          options.formUnion(names.matches(of: #/(?:^|, )(--?[a-z][a-z-]*)/#).map { String($0.1) })
        }
        found[command] = options
      }
      return found
    }

    /// What the bash completion in `file` offers for `name` and `words`, of which the last is the
    /// one to complete.
    private func offered(
      _ words: String, by file: URL, of name: String
    ) async throws -> Set<String> {
      let script =
        "source '\(file.path())'; COMP_WORDS=(\(name) \(words)); "
        + "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _\(name.replacing("-", with: "_")); "
        + #"printf '%s\n' "${COMPREPLY[@]}""#
      let answer = try await Workplace.run(Self.bash, ["-c", script])
      #expect(answer.code == 0 && answer.errors.isEmpty, "\(answer.errors)")
      return Set(answer.output.split(separator: "\n").map(String.init))
    }

    /// The arguments that the zsh completion `page` knows of a command.
    private func arguments(of command: String, in page: String) throws -> Substring {
      let start = try #require(page.firstRange(of: "\n    \(command))\n"))
      let end = try #require(page[start.upperBound...].firstRange(of: ";;\n"))
      return page[start.upperBound..<end.lowerBound]
    }

    @Test func `manual pages name every command, option and exit code`() async throws {
      try await withPages { place in
        for (program, codes) in [
          (Workplace.jodrell, [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 64]),
          (Workplace.bench, [0, 1, 2, 64]),
        ] {
          let name = program.lastPathComponent
          let page = try text(place.appending(path: "\(name).1"))
          #expect(page.hasPrefix(".TH \(name.uppercased()) 1 \"2026-03-01\" \"\(name) 1.2.3\""))
          let commands = try await options(of: program)
          #expect(commands.count >= 2)
          let titles = page.matches(of: #/\n\.SS \S+ (\w+)\n/#).map { String($0.1) }
          #expect(Set(titles) == Set(commands.keys))
          for (command, options) in commands {
            let section = try #require(
              page.split(separator: "\n.SS ").first {
                $0.hasPrefix("\(name.replacing("-", with: "\\-")) \(command)\n")
              })
            for option in options {
              let line = ".B \(option.replacing("-", with: "\\-"))"
              #expect(section.contains(line + "\n") || section.contains(line + "\\fR"), "\(option)")
            }
          }
          let end = try #require(page.split(separator: ".SH EXIT STATUS").last)
          let listed = end.matches(of: #/\n\.TP\n\.B (\d+)\n/#).compactMap { Int($0.1) }
          #expect(listed == codes)
        }
      }
    }

    @Test func `bash and zsh offer every command and option`() async throws {
      try await withPages { place in
        for program in [Workplace.jodrell, Workplace.bench] {
          let name = program.lastPathComponent
          let file = place.appending(path: "\(name).bash")
          let zsh = try text(place.appending(path: "_\(name)"))
          let commands = try await options(of: program)
          #expect(try await offered("''", by: file, of: name).isSuperset(of: commands.keys))
          for (command, options) in commands {
            let found = try await offered("\(command) -", by: file, of: name)
            #expect(found == options.union(["--help"]), "\(command)")
            let known = try arguments(of: command, in: zsh)
            for option in options { #expect(known.contains("'\(option)"), "\(command) \(option)") }
          }
        }
      }
    }

    /// By name, so that a change of how help is written cannot take them out of both sides.
    @Test func `verbs of commands are offered, and what is easily missed`() async throws {
      try await withPages { place in
        for (name, command, verbs) in [
          ("jodrell", "schema", ["check", "validate", "diff"]), ("jodrell", "audit", ["verify"]),
          ("jodrell-bench", "verify", ["run", "check"]),
        ] {
          let file = place.appending(path: "\(name).bash")
          let found = try await offered("\(command) ''", by: file, of: name)
          #expect(found == Set(verbs), "\(command)")
          let zsh = try text(place.appending(path: "_\(name)"))
          let known = try arguments(of: command, in: zsh)
          #expect(known.contains("'1:form:(\(verbs.joined(separator: " ")))'"), "\(command)")
        }
        let bench = "jodrell-bench"
        let file = place.appending(path: "\(bench).bash")
        #expect(try await offered("roundtrip --du", by: file, of: bench) == ["--duration"])
        let zsh = try text(place.appending(path: "_\(bench)"))
        #expect(try arguments(of: "roundtrip", in: zsh).contains("'--duration="))
      }
    }

    @Test func `the service may write where the pages have data and audit log`() throws {
      let unit = try text(Self.sources.appending(path: "jodrell.service"))
      let postinst = try text(Self.sources.appending(path: "postinst"))
      let postrm = try text(Self.sources.appending(path: "postrm"))
      for (key, folder, page, option) in [
        ("StateDirectory", "/var/lib/jodrell", "README.md", "data: /var/lib/jodrell\n"),
        ("LogsDirectory", "/var/log/jodrell", "docs/audit.md", "file: /var/log/jodrell/"),
      ] {
        #expect(try text(Workplace.root.appending(path: page)).contains(option))
        #expect(unit.contains("\n\(key)=jodrell\n\(key)Mode=0750\n"), "\(key)")
        #expect(postinst.contains(folder) && postrm.contains("rmdir \(folder)"), "\(folder)")
      }
    }

    @Test func `the shipped configuration is closed, and its proposal is right`() async throws {
      let place = try Workplace.directory("configuration")
      defer { try? FileManager.default.removeItem(at: place) }
      let shipped = try text(Self.sources.appending(path: "jodrell.yaml"))
      let file = place.appending(path: "jodrell.yaml")
      try shipped.write(to: file, atomically: true, encoding: .utf8)
      let closed = try await Workplace.run(Workplace.jodrell, ["check", "-c", file.path()])
      #expect(closed.code == 0 && closed.output.contains("issuers 0"), "\(closed.errors)")
      #expect(!shipped.contains(#/\n +\w+: "(?!127\.0\.0\.1:)/#), "it listens on loopback only")

      try FileManager.default.copyItem(
        at: Workplace.root.appending(path: "schemas/jodrell.example.keys.json"),
        to: place.appending(path: "keys.json"))
      try shipped.replacing("\n#|", with: "\n").write(to: file, atomically: true, encoding: .utf8)
      let open = try await Workplace.run(Workplace.jodrell, ["check", "-c", file.path()])
      #expect(open.code == 0 && open.output.contains("policy tests passed 2"), "\(open.errors)")
    }
  }
}
