import Bytes
import HTTPWire
import JSONText
import Synchronization

/// One subscription, which is everybody's: each event goes to one worker, once.
extension ToyGateway {
  func serveWorkers(
    _ method: HTTPMethod, _ path: String, _ body: ByteSlice, _ answer: inout AnswerWriter
  ) async {
    switch method {
    case .put:
      log.handedOut.store(log.count, ordering: .relaxed)
      answer.start(log.fault == .hasSubscription ? 200 : 201)
      answer.finishEmpty()
    case .delete:
      log.removals.wrappingAdd(1, ordering: .relaxed)
      answer.start(log.fault == .keepsSubscription ? 403 : 204)
      answer.finishEmpty()
    default:
      if path.hasSuffix("/receive") {
        await receive(&answer)
      } else {
        acknowledge(body, &answer)
      }
    }
  }

  private func receive(_ answer: inout AnswerWriter) async {
    var taken = log.handOut(10)
    for _ in 0..<50 where taken.isEmpty && !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(2))
      taken = log.handOut(10)
    }
    var text = ByteWriter()
    text.append("{\"deliveries\":[")
    for (index, event) in taken.enumerated() {
      text.append(index > 0 ? ",{\"ackToken\":\"" : "{\"ackToken\":\"")
      text.append(decimal: index)
      text.append("\",\"deliveryCount\":1,\"event\":{\"data\":")
      text.append(event.payload)
      text.append("}}")
    }
    text.append("]}")
    answer.start(200)
    answer.finish(contentType: "application/json", body: text)
  }

  private func acknowledge(_ body: ByteSlice, _ answer: inout AnswerWriter) {
    let tokens = try? JSONDocument(parsing: body).root["ackTokens"]
    var text = ByteWriter()
    text.append("{\"acknowledged\":")
    text.append(decimal: tokens?.count ?? 0)
    text.append("}")
    answer.start(200)
    answer.finish(contentType: "application/json", body: text)
  }
}

extension ToyGateway.Log {
  /// The next events that no worker has, at most so many.
  fileprivate func handOut(_ most: Int) -> [ToyGateway.Stored] {
    events.withLock { events in
      let first = handedOut.load(ordering: .relaxed)
      let taken = Array(events.dropFirst(first).prefix(most))
      handedOut.store(first + taken.count, ordering: .relaxed)
      return taken
    }
  }
}
