import Bytes
import Client
import HTTPWire
import JSONText

/// `jodrell tail`: follows a topic by server-sent events, across disconnects and restarts of the
/// gateway, without losing or repeating an event.
enum TailCommand {
  private struct Options: Sendable {
    let client: ClientOptions
    let topic: TopicArgument
    let from: String?
    let isRaw: Bool
    let isData: Bool
    let most: UInt64
  }

  static func run(_ arguments: Arguments) async throws(CommandFault) -> ExitCode {
    var arguments = arguments
    let client = try ClientOptions(&arguments)
    let from = try arguments.text("--from")
    let isRaw = arguments.flag("--raw")
    let isData = arguments.flag("--data-only")
    let most = try arguments.number("--count", in: 1...UInt64.max) ?? .max
    let topic = try TopicArgument(try arguments.rest(1...1, called: "the topic")[0])
    let options = Options(
      client: client, topic: topic, from: from, isRaw: isRaw || isData, isData: isData, most: most)
    return try await ClientSession.run { loop throws(CommandFault) -> ExitCode in
      try await follow(options, on: loop)
    }
  }

  private static func follow(
    _ options: Options, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> ExitCode {
    var shown: UInt64 = 0
    var last = ByteSlice.empty
    var start = options.from ?? "latest"
    var hasFollowed = false
    while true {
      let client: GatewayClient
      do throws(CommandFault) {
        client = try options.client.client(for: options.topic.tenant, ["subscribe"])
        if start == "latest", last.isEmpty {
          last = try await end(of: options.topic, client, on: loop)
          // An empty topic: whatever comes is new.
          if last.isEmpty { start = "earliest" }
        }
      } catch {
        throw ended(by: error, behind: last, hasFollowed: hasFollowed)
      }
      let view = options.isData ? "&view=data" : ""
      let follower = EventFollower(
        client, target: "\(options.topic.path)/events?from=\(ClientRequest.segment(start))\(view)",
        after: last, patience: .seconds(300))
      defer {
        follower.close(on: loop)
        client.close(on: loop)
      }
      var ending: StreamEnding?
      following: while ending == nil {
        let event: ServerEvent?
        do throws(ClientFault) {
          event = try await follower.next(on: loop)
        } catch {
          // The token has ended while the stream was away. One that never opened it was not good.
          guard case .refused(401, _) = error, options.client.canRenew, follower.hasOpened else {
            let fault = CommandFault(error, at: client.endpoint)
            throw ended(
              by: fault, behind: last, hasFollowed: hasFollowed || follower.hasOpened)
          }
          break following
        }
        guard let event else { return .done }
        switch event.notice {
        case .end: ending = StreamEnding(event.data)
        case .gap:
          last = ByteSlice(copying: event.id.span)
          Terminal.errors.line("events are gone: \(event.data.text.printable)")
        case .other: continue
        case nil:
          if let fault = show(event, options) {
            // Nobody reads any more.
            if fault.isGone { return .done }
            throw CommandFault(.failed, "standard output: \(fault); \(position(last))")
          }
          last = ByteSlice(copying: event.id.span)
          shown += 1
          if shown == options.most { return .done }
        }
      }
      if let ending, !ending.passes(canRenew: options.client.canRenew) {
        throw CommandFault(.failed, "the stream has ended: \(ending.reason); \(position(last))")
      }
      hasFollowed = true
      await follower.pause()
    }
  }

  /// The fault, with the last position once there is one, or could be.
  ///
  /// - Parameter hasFollowed: whether a stream was open. Then the command line was good, and what
  ///   has changed since is not the caller's.
  static func ended(
    by fault: CommandFault, behind last: ByteSlice, hasFollowed: Bool = false
  ) -> CommandFault {
    guard hasFollowed || !last.isEmpty else { return fault }
    let code = hasFollowed && fault.code == .usage ? ExitCode.failed : fault.code
    return CommandFault(code, "\(fault.message); \(position(last))")
  }

  /// Where whoever calls again can go on.
  private static func position(_ last: ByteSlice) -> String {
    last.isEmpty ? "no event was shown" : "the last position was \(last.text.printable)"
  }

  /// The newest event's id, so that `latest` means the same again after a reconnect; empty when
  /// there is no event.
  private static func end(
    of topic: TopicArgument, _ client: GatewayClient, on loop: isolated ClientLoop
  ) async throws(CommandFault) -> ByteSlice {
    let answer = try await client.ask(ClientRequest("HEAD", "\(topic.path)/events"), on: loop)
    switch answer.status {
    case 200:
      return answer.fields.first("jodrell-last").map { ByteSlice(copying: $0.span) } ?? .empty
    case 404: throw CommandFault(.failed, "there is no topic \(topic.text)")
    case 401: throw CommandFault(.failed, "the gateway does not accept the token (401)")
    case 403: throw CommandFault(.failed, "the token grants no reading of \(topic.text) (403)")
    default: throw CommandFault(answer)
    }
  }

  /// Nil when standard output has taken it.
  private static func show(_ event: ServerEvent, _ options: Options) -> WriteFault? {
    guard !options.isRaw, let document = try? JSONDocument(parsing: event.data) else {
      // Line ends inside JSON are white space between its tokens.
      let line = event.data.array.filter { $0 != ASCII.lineFeed && $0 != ASCII.carriageReturn }
      return Terminal.output.write(bytes: line + [ASCII.lineFeed])
    }
    let terminal = Terminal.output
    let room = terminal.isInteractive ? terminal.columns : .max
    let text = pretty(document.root, Ink(isOn: terminal.isColourful), room)
    return terminal.write(bytes: Array(text.utf8))
  }

  /// Time, id, publisher, then what is special about the event, then as much of its payload as the
  /// line has room for.
  private static func pretty(_ event: JSONNode, _ ink: Ink, _ room: Int) -> String {
    func text(_ name: StaticString) -> String? { event[name]?.text?.printable }
    let time = text("publishtime").map { String($0.dropFirst(11).dropLast()) } ?? ""
    let (id, publisher) = (text("messageid") ?? "", text("authid") ?? "")
    var line = "\(ink.dim(time)) \(ink.bold(id)) \(ink.name(publisher))"
    var width = time.count + id.count + publisher.count + 4
    let isDefaultType = text("source")?.hasPrefix("urn:jodrell:") ?? false
    let special: [StaticString] = ["type", "subject", "partitionkey"]
    for name in special.dropFirst(isDefaultType ? 1 : 0) {
      guard let value = text(name) else { continue }
      line += ink.dim(" \(name)=") + value
      width += name.utf8CodeUnitCount + value.count + 2
    }
    if let data = event["data"] {
      let payload = compactText(of: data.raw).printable
      let left = max(room - width, 20)
      line += "  " + (payload.count > left ? payload.prefix(left - 1) + "…" : payload)
    } else if let encoded = event["data_base64"]?.string {
      let type = text("datacontenttype") ?? "bytes"
      line += ink.dim("  [\(encoded.count / 4 * 3) B \(type)]")
    }
    return line + "\n"
  }
}
