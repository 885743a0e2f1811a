import Bytes
import Foundation
import JSONText
import Testing

/// Classified data as a user meets it: a policy's file, curl, an event stream, and a gateway that
/// is killed and comes back.
extension EndToEnd {
  @Suite struct ClassifiedData {
    private let topic = "/v1/topics/public/default/customers"
    private let schema = #"""
      {"type":"object","properties":{"id":{"type":"integer"},
       "email":{"type":"string","x-classification":"pii.contact","x-redact":"mask:domain"},
       "iban":{"type":"string","x-classification":"pii.bank"}}}
      """#
    private let stored = #"{"id" : 7, "email":"ann@mail.example","iban":"DE02","typo":"x"}"#
    private let contact = #"{"id" : 7, "email":"ann@mail.example","iban":null}"#
    private let stranger = #"{"id" : 7, "email":"****@mail.example","iban":null}"#

    private func curl(_ gateway: GatewayChild, _ path: String, as token: String) async throws
      -> String
    {
      let url = await gateway.url
      let made = try await Workplace.run(
        URL(filePath: "/usr/bin/curl"),
        ["-sS", "-i", "-H", "Authorization: Bearer \(token)", url + path])
      return made.output
    }

    /// The first event of a stream; the stream itself ends with the gateway.
    private func streamed(_ gateway: GatewayChild, as token: String) async throws -> String {
      let url = await gateway.url
      let made = try await Workplace.run(
        URL(filePath: "/bin/bash"),
        [
          "-c",
          "grep -m1 specversion < <(curl -sN --max-time 120 -H 'Authorization: Bearer \(token)' "
            + "-H 'Accept: text/event-stream' '\(url)\(topic)/events?from=earliest' 2>/dev/null)",
        ])
      return made.output
    }

    @Test func `each reader gets its own, and kill -9 changes nothing of it`() async throws {
      let mapping = """
          - {id: contact, issuer: development, when: {"/sub": {eq: carl}}, tenant: public,
             namespace: default, principal: "{/sub}",
             allow: [{subscribe: ["./*"], classes: [pii.contact]}]}
          - {id: all, issuer: development, when: {"/sub": {eq: olga}}, tenant: public,
             namespace: default, principal: "{/sub}",
             allow: [{subscribe: ["./*"], classes: [pii]}, {admin: ["*/*"]}]}
        tests:
          - {name: carl sees whom to write to, issuer: development,
             claims: {tenant: public, sub: carl}, request: {subscribe: default/customers},
             expect: {status: 200, classes: [pii.contact]}}

        """
      let grants =
        #"allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]"#
      try await Policies().withPolicy(mapping, grants: grants) { place in
        let gateway = place.gateway
        let tokens = try await (
          gateway.token(), gateway.token(subject: "carl"), gateway.token(subject: "olga")
        )
        let registered = try await gateway.send(
          "PUT", "\(topic)/schema", token: tokens.0, body: schema,
          type: "application/schema+json")
        try #require(registered.status == 201, "\(registered.text)")
        let published = try await gateway.send(
          "POST", "\(topic)/events", token: tokens.0, body: stored)
        try #require(published.status == 201, "\(published.text)")
        for isAgain in [false, true] {
          for (token, data, classes) in [
            (tokens.0, stranger, "pii.bank,pii.contact"), (tokens.1, contact, "pii.bank"),
            (tokens.2, stored, nil),
          ] {
            let poll = try await curl(gateway, "\(topic)/events?from=earliest", as: token)
            #expect(poll.contains("\"data\":\(data)"), "\(poll)")
            #expect(poll.contains("Jodrell-Redacted: \(classes ?? "")\r\n") == (classes != nil))
            let one = try await curl(gateway, "\(topic)/events/1:0?view=data", as: token)
            #expect(one.hasSuffix("\r\n\r\n\(data)"), "\(one)")
            let event = try await streamed(gateway, as: token)
            #expect(event.contains("\"data\":\(data)"), "\(event)")
            #expect(event.contains("\"redacted\":\"\(classes ?? "")\"") == (classes != nil))
          }
          if isAgain { break }
          try await gateway.killNine()
          try await gateway.start()
        }
        let loosened = try await gateway.send(
          "PUT", "\(topic)/schema", token: tokens.0,
          body: schema.replacing(#","x-classification":"pii.bank""#, with: ""),
          type: "application/schema+json")
        #expect(loosened.status == 403, "\(loosened.text)")
        #expect(try loosened.json["code"]?.text == "classification_loosened")
      }
    }
  }
}
