import Bytes
import Foundation
import HTTPWire
import Metrics
import Testing
import Topics

@testable import Gateway

@Suite struct RefusalTests {
  @Test("docs/problems.md is what the table says")
  func documentation() throws {
    let path = #filePath.replacing(
      "Tests/GatewayTests/Problems/RefusalTests.swift", with: "docs/problems.md")
    let page = URL(filePath: path)
    if ProcessInfo.processInfo.environment["JODRELL_WRITE_PAGES"] == "1" {
      try ProblemCode.documentation.write(to: page, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: page, encoding: .utf8) == ProblemCode.documentation)
  }

  @Test(
    "every code has a status of the 4xx or 5xx kind, a title and advice",
    arguments: ProblemCode.allCases)
  func table(_ code: ProblemCode) {
    #expect((400..<600).contains(code.status))
    #expect(!code.row.title.isEmpty && !code.row.advice.isEmpty)
    #expect(code.isRetryable == [408, 429, 503].contains(code.status) || code.status == 409)
  }

  @Test("what the wire refuses has the wire's status")
  func wire() {
    let refusals: [WireRefusal] =
      WireRule.allCases.map { .badRequest($0) } + [
        .headersTooLarge, .uriTooLong, .bodyTooLarge, .timeout, .expectationFailed,
        .notImplemented(.method), .notImplemented(.transferCoding), .versionNotSupported,
        .tooManyConnections, .draining,
      ]
    for refusal in refusals { #expect(Refusal(refusal).code.status == refusal.status) }
  }

  @Test("errors of the log keep their meaning")
  func storage() {
    let cases: [(any Error, ProblemCode)] = [
      (AppendFailure.storageFull(retryAfter: .seconds(3)), .storageFull),
      (AppendFailure.overloaded(retryAfter: .seconds(1)), .overloaded),
      (AppendFailure.outcomeUnknown, .storageFailed), (AppendFailure.closing, .draining),
      (AppendFailure.unknownTopic, .notFound), (ReadFailure.unknownTopic, .notFound),
      (ReadFailure.corrupt(ledger: 1, first: 2, last: 3), .dataCorrupt),
      (ReadFailure.positionAhead(end: Cursor(ledger: 1, next: 4)), .positionAhead),
      (CatalogueFailure.schemaBookChanged(revision: 2), .schemaConflict),
      (WorkersBusy.full, .overloaded), (WorkersBusy.stopping, .draining),
      (BodyFailure.tooLarge(limit: 9), .tooLarge),
    ]
    for (error, code) in cases { #expect(Refusal(error).code == code, "\(error)") }
  }

  @Test("in Pulsar's words a refusal has the same fields, and another body")
  func forms() {
    let id = RequestID(run: 1, sequence: 1)
    func fields(_ refusal: Refusal, as form: Refusal.Form) -> [String] {
      let outbox = Outbox()
      var answer = AnswerWriter(
        into: outbox, commons: AnswerCommons(now: UnixTime(seconds: 0)), id: id,
        terms: AnswerTerms(isHead: false, version: .http11, keepAlive: true), body: nil)
      refusal.answer(
        id: id, as: form, metadata: ByteSlice(utf8: "https://events.example/m"),
        nonce: ByteSlice(utf8: "a-nonce"), showedProof: true, with: &answer)
      let text = String(decoding: outbox.bytes.bytes, as: UTF8.self)
      return text.components(separatedBy: "\r\n").prefix { !$0.isEmpty }
        .filter { !$0.hasPrefix("Content-") }
    }
    for refusal in [
      Refusal(ProblemCode.useNonce), Refusal(ProblemCode.invalidToken),
      Refusal(tooManyStreams: .tenantStreams, most: 2), Refusal.method("GET, OPTIONS"),
    ] {
      let ours = fields(refusal, as: .problem)
      #expect(ours == fields(refusal, as: .pulsar), "\(refusal.code)")
      #expect(ours.count > 3)
    }
    let asked = fields(Refusal(ProblemCode.useNonce), as: .pulsar)
    #expect(asked.contains("DPoP-Nonce: a-nonce"))
    #expect(asked.contains { $0.hasPrefix("WWW-Authenticate: DPoP ") })
    #expect(fields(Refusal(ProblemCode.badName), as: .pulsar).first?.contains(" 412 ") == true)
  }

  @Test("a refusal that can be retried says when")
  func retryAfter() {
    #expect(Refusal(AppendFailure.storageFull(retryAfter: .seconds(3))).retryAfter == .seconds(3))
    for code in ProblemCode.allCases {
      let expected: TimeSpan? = code.isRetryable ? .seconds(1) : nil
      #expect(Refusal(code).retryAfter == expected, "\(code)")
    }
    #expect(Refusal(CatalogueFailure.schemaBookChanged(revision: 2)).retryAfter == .seconds(1))
  }
}
