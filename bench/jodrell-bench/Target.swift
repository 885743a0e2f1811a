import Bytes
import Client
import Foundation

/// Where to send events, and as whom: what all subcommands share.
struct Target: Sendable {
  let url: String
  let endpoint: Endpoint
  /// The file of those who may sign the gateway's certificate; nil: the system's authorities.
  let authorities: String?
  /// What `--topic` said, or the path of `--path`.
  let topic: String
  /// Whether that is a gateway's topic, and no path of any server's.
  let isTopic: Bool
  let paths: Paths
  /// Used in turn; without any, requests carry none.
  let tokens: [ByteSlice]
  let headers: [(name: String, value: String)]

  /// Whom the request of that number asks as; nil without tokens.
  func token(of turn: Int) -> ByteSlice? { tokens.isEmpty ? nil : tokens[turn % tokens.count] }

  /// - Parameter spreads: whether `--topics` and `--path` are taken.
  init(_ arguments: inout Arguments, spreads: Bool = false) throws {
    url = try arguments.text("--url") ?? Self.variable("JODRELL_URL") ?? "http://127.0.0.1:8080"
    authorities = try arguments.text("--ca") ?? Self.variable("JODRELL_CA")
    endpoint = try Self.endpoint(of: url, as: "--url", authorities: authorities)
    if spreads, let path = try arguments.text("--path") {
      topic = path
      isTopic = false
      paths = try Paths(path, count: try arguments.number("--topics", in: 1...100_000, or: 1))
    } else {
      topic = try arguments.required("--topic")
      isTopic = true
      let count = spreads ? try arguments.number("--topics", in: 1...100_000, or: 1) : 1
      try Self.check(topic: topic)
      paths = try Paths("/v1/topics/\(topic)/events", count: count)
    }
    tokens = try Self.tokens(&arguments)
    headers = try Self.headers(&arguments)
  }

  /// The topic's events, as a path; of the first topic where there are several.
  var eventsPath: String { paths[0] }

  /// - Parameter option: what gave the URL, for whoever gets it wrong.
  static func endpoint(
    of url: String, as option: String, authorities file: String?
  ) throws -> Endpoint {
    let authorities = try file.map { try fileBytes($0, of: "--ca") }
    do throws(ClientFault) {
      return try Endpoint(url, authorities: authorities)
    } catch .badAuthorities(let words) {
      throw UsageFault("--ca: \(words)")
    } catch {
      throw UsageFault(
        "\(option) takes http://host[:port][/path], https://… or unix:/path, not \(url)")
    }
  }

  private static func check(topic: String) throws(UsageFault) {
    let parts = topic.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3 || parts.count == 2 && parts[0] == "~", parts.allSatisfy({ !$0.isEmpty })
    else { throw UsageFault("--topic takes tenant/namespace/topic or ~/topic") }
  }

  private static func tokens(_ arguments: inout Arguments) throws(UsageFault) -> [ByteSlice] {
    let given = try arguments.text("--token")
    if let path = try arguments.text("--token-file") {
      guard given == nil else { throw UsageFault("--token and --token-file exclude each other") }
      // Bytes: what a Character is would be looked up for each of megabytes.
      let lines = try fileBytes(path, of: "--token-file").text.utf8
        .split(whereSeparator: { $0 <= UInt8(ascii: " ") }).map { ByteSlice($0) }
      guard !lines.isEmpty else { throw UsageFault("--token-file: \(path) holds no token") }
      return lines
    }
    let one = given ?? variable("JODRELL_TOKEN")
    return one.map { [ByteSlice(utf8: $0)] } ?? []
  }

  /// Of the environment; one that is empty counts as absent.
  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func headers(
    _ arguments: inout Arguments
  ) throws(UsageFault) -> [(name: String, value: String)] {
    try arguments.texts("--header").map { text throws(UsageFault) in
      guard let colon = text.firstIndex(of: ":") else {
        throw UsageFault("--header takes 'Name: value'")
      }
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      return (String(text[..<colon]), value)
    }
  }
}

/// One path, or many that differ by a number where the pattern has `{}`.
struct Paths: Sendable {
  let count: Int
  /// What stands before and behind the number; the whole path when there is none.
  let before: String
  let after: String?

  init(_ pattern: String, count: Int) throws(UsageFault) {
    self.count = count
    if let hole = pattern.firstRange(of: "{}") {
      before = String(pattern[..<hole.lowerBound])
      after = String(pattern[hole.upperBound...])
    } else {
      guard count == 1 else {
        throw UsageFault("--topics needs a {} in --topic, where the number goes")
      }
      before = pattern
      after = nil
    }
  }

  subscript(index: Int) -> String {
    guard let after else { return before }
    return before + "\(index % count)" + after
  }
}
