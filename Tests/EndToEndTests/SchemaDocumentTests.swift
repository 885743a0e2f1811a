import Foundation
import JSONText
import Testing

/// A topic's schema over two levels of documents, and what a crash and a later version leave of it.
extension EndToEnd {
  @Suite struct SchemaDocuments {
    private static let type = "application/schema+json"
    private static let schemas = "/v1/schemas/public/default"
    private static let orders = "/v1/topics/public/default/orders"

    private func put(
      _ gateway: GatewayChild, _ token: String, _ target: String, _ text: String
    ) async throws -> Answer {
      try await gateway.send("PUT", target, token: token, body: text, type: Self.type)
    }

    private func publish(_ gateway: GatewayChild, _ token: String, _ payload: String) async throws
      -> Int
    {
      try await gateway.send("POST", "\(Self.orders)/events", token: token, body: payload).status
    }

    @Test func `pinned documents check the same after kill -9`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let city = "\(Self.schemas)/common/city"
        let address =
          #"{"type":"object","required":["city"],"properties":{"city":{"$ref":"city"}}}"#
        let made = try await put(gateway, token, city, #"{"type":"string","minLength":2}"#)
        #expect(made.status == 201, "\(made.text)")
        #expect(
          try await put(gateway, token, "\(Self.schemas)/common/address", address).status == 201)
        let schema = #"{"properties":{"to":{"$ref":"common/address"}},"required":["to"]}"#
        let bound = try await put(gateway, token, "\(Self.orders)/schema", schema)
        #expect(bound.status == 201, "\(bound.text)")
        #expect(try await publish(gateway, token, #"{"to":{"city":"Ulm"}}"#) == 201)
        #expect(try await publish(gateway, token, #"{"to":{"city":"U"}}"#) == 422)
        #expect(try await put(gateway, token, city, #"{"type":"integer"}"#).status == 201)

        for _ in 0..<2 {
          try await gateway.killNine()
          try await gateway.start()
          #expect(try await publish(gateway, token, #"{"to":{"city":"Ulm"}}"#) == 201)
          #expect(try await publish(gateway, token, #"{"to":{"city":"U"}}"#) == 422)
          #expect(try await publish(gateway, token, #"{"to":{"city":7}}"#) == 422)
        }
        let old = try await gateway.send("GET", "\(city)?version=1", token: token)
        #expect(old.text == #"{"type":"string","minLength":2}"#)
        #expect(old.field("etag") == made.field("etag"))
        let refused = try await gateway.send("DELETE", city, token: token)
        #expect(refused.status == 409, "\(refused.text)")
        let bundle = try await gateway.send(
          "GET", "\(Self.orders)/schema?bundle=true", token: token)
        #expect(bundle.status == 200)
        let alone = try await put(
          gateway, token, "/v1/topics/public/default/alone/schema", bundle.text)
        #expect(alone.status == 201, "\(alone.text)")
        #expect(try alone.json["references"]?.count == 0)

        // What is tried leaves nothing, in memory or on disk.
        let target = "\(Self.schemas)/tried"
        let tried = try await put(gateway, token, "\(target)?dryRun=true", "{}")
        #expect(tried.status == 201 && tried.field("dry-run") == "true")
        #expect(try await gateway.send("GET", target, token: token).status == 404)
        let gone = try await gateway.send("DELETE", "\(Self.orders)?dryRun=true", token: token)
        #expect(gone.status == 204)
        try await gateway.killNine()
        try await gateway.start()
        #expect(try await gateway.send("GET", target, token: token).status == 404)
        #expect(try await publish(gateway, token, #"{"to":{"city":"Ulm"}}"#) == 201)
      }
    }

    @Test func `a folder's schemas refer to documents, and are compared with them`() async throws {
      let folder = try Workplace.directory("schemas")
      defer { try? FileManager.default.removeItem(at: folder) }
      let home = folder.appending(path: "public/default")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      let file = home.appending(path: "orders.schema.json")
      try await withGateway(["--schemas", folder.path()]) { gateway in
        let token = try await gateway.token()
        let made = try await put(
          gateway, token, "\(Self.schemas)/common/city", #"{"type":"string","minLength":2}"#)
        #expect(made.status == 201, "\(made.text)")
        let texts = [
          #"{"properties":{"to":{"$ref":"common/city"}}}"#,
          #"{"properties":{"to":{"$ref":"common/city"},"by":{"type":"string"}}}"#,
        ]
        for (number, text) in texts.enumerated() {
          try text.write(to: file, atomically: true, encoding: .utf8)
          for _ in 0..<2 {
            try await gateway.killNine()
            try await gateway.start()
            let list = try await gateway.send("GET", "\(Self.orders)/schemas", token: token)
            #expect(try list.json["schemas"]?.count == number + 1)
          }
        }
        #expect(try await publish(gateway, token, #"{"to":"U"}"#) == 422)
      }
    }

    @Test func `a folder's schema shows readers no more than the one in force`() async throws {
      let folder = try Workplace.directory("schemas")
      defer { try? FileManager.default.removeItem(at: folder) }
      let home = folder.appending(path: "public/default")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      let file = home.appending(path: "orders.schema.json")
      func write(_ text: String) throws {
        try text.write(to: file, atomically: true, encoding: .utf8)
      }
      let labelled = #"{"type":"string","x-classification":"pii.contact"}"#
      try write("{\"properties\":{\"mail\":\(labelled)}}")
      try await withGateway(["--schemas", folder.path()]) { gateway in
        let token = try await gateway.token()
        try await gateway.killNine()
        try write("{\"properties\":{\"mail\":{\"type\":\"string\"},\"phone\":\(labelled)}}")
        let refused = try await Workplace.run(
          Workplace.jodrell,
          [
            "serve", "--data", gateway.data.path(), "--listen", "127.0.0.1:0", "--schemas",
            folder.path(),
          ])
        #expect(refused.code == 3 && refused.errors.contains("loosens a classification: /mail"))
        // More labels are no loss to anybody.
        try write("{\"properties\":{\"mail\":\(labelled),\"phone\":\(labelled)}}")
        try await gateway.start()
        let list = try await gateway.send("GET", "\(Self.orders)/schemas", token: token)
        #expect(try list.json["schemas"]?.count == 2)
      }
    }

    @Test func `a folder's schema comes back into force once it was deleted`() async throws {
      let folder = try Workplace.directory("schemas")
      defer { try? FileManager.default.removeItem(at: folder) }
      let home = folder.appending(path: "public/default")
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      let file = home.appending(path: "orders.schema.json")
      try #"{"type":"object"}"#.write(to: file, atomically: true, encoding: .utf8)
      try await withGateway(["--schemas", folder.path()]) { gateway in
        let token = try await gateway.token()
        // An event that is kept keeps the version among those that count.
        #expect(try await publish(gateway, token, "{}") == 201)
        let gone = try await gateway.send("DELETE", "\(Self.orders)/schema", token: token)
        #expect(gone.status == 204)
        try await gateway.killNine()
        try await gateway.start()
        #expect(try await publish(gateway, token, "7") == 422)
      }
    }
  }
}
