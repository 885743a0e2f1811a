import Bytes
import Schemas
import Tenancy
import Testing
import Topics

extension LogConformance {
  func documentVersionsCount(_ bench: Bench<Log>) async throws {
    let log = bench.log
    let (shop, look) = (
      try proofs.namespace("shop", .manage), try proofs.namespace("shop", .subscribe)
    )
    #expect(log.documents(in: look).documents.isEmpty)
    let first = try proofs.document("common/address", #"{"type":"object"}"#, uri: "urn:x:address")
    let stored = try await log.putDocument(first, in: shop, replacing: nil)
    #expect(stored.version == 1 && stored.registered == bench.clock.wall && !stored.isDeleted)
    #expect(stored.text == first.text && stored.uri?.text == "urn:x:address")
    let second = try proofs.document(
      "common/address", "true", dialect: .draft07, identifiers: ["https://x.example/a"])
    await #expect(throws: CatalogueFailure.documentChanged(current: 1)) {
      try await log.putDocument(second, in: shop, replacing: 0)
    }
    #expect(try await log.putDocument(second, in: shop, replacing: 1).version == 2)
    _ = try await log.putDocument(proofs.document("b", "{}"), in: shop, replacing: 0)
    let shelf = log.documents(in: look)
    #expect(shelf.page(after: nil, limit: 9).map(\.name.text) == ["b", "common/address"])
    #expect(shelf.page(after: first.name, limit: 9).isEmpty)
    #expect(shelf.page(after: nil, limit: 1).map(\.name.text) == ["b"])
    #expect(shelf.live(first.name)?.current?.version == 2)
    #expect(shelf.live(first.name)?.version(1)?.text == first.text)
    #expect(shelf.document(identifiedBy: "https://x.example/a")?.name == first.name)
    // The first version's, and no longer the document's.
    #expect(shelf.document(identifiedBy: "urn:x:address") == nil)
    await #expect(
      throws: CatalogueFailure.identifierTaken("https://x.example/a", by: first.name)
    ) {
      try await log.putDocument(
        proofs.document("c", "{}", identifiers: ["https://x.example/a"]), in: shop, replacing: nil)
    }
    // A version that became current again would bring an identifier back that is another's now.
    let heir = try proofs.document("heir", "{}", uri: "urn:x:address")
    _ = try await log.putDocument(heir, in: shop, replacing: 0)
    await #expect(throws: CatalogueFailure.identifierTaken("urn:x:address", by: heir.name)) {
      try await log.deleteDocument(
        DocumentDeletion(name: first.name, version: 2), in: shop, replacing: nil)
    }
    // Names are of one namespace and one tenant.
    let yard = try proofs.namespace("yard", .manage)
    #expect(log.documents(in: yard).documents.isEmpty)
    let elsewhere = try Proofs(tenant: "b").namespace("shop", .manage)
    #expect(log.documents(in: elsewhere).documents.isEmpty)
    #expect(try await log.putDocument(first, in: elsewhere, replacing: 0).version == 1)
    await #expect(throws: CatalogueFailure.notGranted(.subscribe)) {
      try await log.putDocument(first, in: look, replacing: nil)
    }
  }

  func documentsAreDeletedInTwoSteps(_ bench: Bench<Log>) async throws {
    let log = bench.log
    let shop = try proofs.namespace("shop", .manage)
    let name = try proofs.document("a", "{}").name
    func document() -> SchemaDocument? { log.documents(in: shop).documents[name] }
    for text in ["{}", "true", "false"] {
      _ = try await log.putDocument(proofs.document("a", text), in: shop, replacing: nil)
    }
    await #expect(throws: CatalogueFailure.documentInUse(.isLive(version: 3))) {
      try await log.deleteDocument(
        DocumentDeletion(name: name, isPermanent: true), in: shop, replacing: nil)
    }
    let newest = DocumentDeletion(name: name, version: 3)
    await #expect(throws: CatalogueFailure.documentChanged(current: 3)) {
      try await log.deleteDocument(newest, in: shop, replacing: 2)
    }
    #expect(try await log.deleteDocument(newest, in: shop, replacing: 3) == [3])
    #expect(document()?.current?.version == 2)
    await #expect(throws: CatalogueFailure.unknownDocument) {
      try await log.deleteDocument(newest, in: shop, replacing: nil)
    }
    try await log.deleteDocument(
      DocumentDeletion(name: name, version: 3, isPermanent: true), in: shop, replacing: nil)
    #expect(document()?.versions.map(\.version) == [1, 2])
    try await log.deleteDocument(DocumentDeletion(name: name), in: shop, replacing: nil)
    #expect(document()?.current == nil && log.documents(in: shop).live(name) == nil)
    #expect(log.documents(in: shop).page(after: nil, limit: 9).isEmpty)
    #expect(log.documents(in: shop).page(after: nil, limit: 9, deleted: true).count == 1)
    // What was deleted softly comes back under the next number.
    #expect(
      try await log.putDocument(proofs.document("a", "{}"), in: shop, replacing: 0).version == 4)
    try await log.deleteDocument(DocumentDeletion(name: name), in: shop, replacing: nil)
    try await log.deleteDocument(
      DocumentDeletion(name: name, isPermanent: true), in: shop, replacing: nil)
    #expect(document() == nil && log.documents(in: shop).bytes == 0)
    await #expect(throws: CatalogueFailure.unknownDocument) {
      try await log.deleteDocument(DocumentDeletion(name: name), in: shop, replacing: nil)
    }
    #expect(
      try await log.putDocument(proofs.document("a", "{}"), in: shop, replacing: 0).version == 5)
  }

  /// The current version is moved on purpose, versions are deprecated and brought back, and all of
  /// it is there after a restart.
  func documentsMoveBackAndForth(_ bench: Bench<Log>) async throws {
    var log = bench.log
    let shop = try proofs.namespace("shop", .manage)
    let one = try proofs.document("a", "{}", identifiers: ["https://x.example/a"])
    let name = one.name
    for candidate in [one, try proofs.document("a", "true")] {
      _ = try await log.putDocument(candidate, in: shop, replacing: nil)
    }
    let back = DocumentEdit.setCurrent(name, version: 1)
    await #expect(throws: CatalogueFailure.documentChanged(current: 2)) {
      try await log.editDocument(back, in: shop, replacing: 1, expecting: nil)
    }
    await #expect(throws: CatalogueFailure.changed) {
      try await log.editDocument(back, in: shop, replacing: 2, expecting: .deprecated)
    }
    let moved = try await log.editDocument(back, in: shop, replacing: 2, expecting: .active)
    #expect(moved.current?.version == 1)
    #expect(log.documents(in: shop).document(identifiedBy: "https://x.example/a")?.name == name)
    bench.clock.step(.seconds(1))
    let deprecated = try await log.editDocument(
      .setState(name, version: 1, .deprecated), in: shop, replacing: nil, expecting: .active)
    // What another one has changed meanwhile is not what the caller saw.
    await #expect(throws: CatalogueFailure.changed) {
      try await log.editDocument(
        .setState(name, version: 1, .active), in: shop, replacing: nil, expecting: .active)
    }
    #expect(deprecated.version(1)?.state == .deprecated && deprecated.current?.version == 1)
    #expect(deprecated.version(1)?.changed == bench.clock.wall)
    await #expect(throws: CatalogueFailure.unknownDocument) {
      try await log.editDocument(
        .setState(name, version: 7, .active), in: shop, replacing: nil, expecting: nil)
    }
    log = try await reopen(log, bench.clock.clocks)
    #expect(log.documents(in: shop).live(name)?.current?.version == 1)
    #expect(log.documents(in: shop).live(name)?.version(1)?.changed == bench.clock.wall)

    // Deleted, it is current no more; its identifier may go to another document meanwhile.
    try await log.deleteDocument(
      DocumentDeletion(name: name, version: 1), in: shop, replacing: nil)
    #expect(log.documents(in: shop).live(name)?.current?.version == 2)
    await #expect(throws: CatalogueFailure.schemaAbsent(.isDeleted(version: 1))) {
      try await log.editDocument(back, in: shop, replacing: nil, expecting: nil)
    }
    let restored = try await log.editDocument(
      .setState(name, version: 1, .active), in: shop, replacing: nil, expecting: nil)
    #expect(restored.version(1)?.state == .active && restored.current?.version == 2)
    _ = try await log.putDocument(
      proofs.document("b", "{}", identifiers: ["https://x.example/a"]), in: shop, replacing: nil)
    let other = try proofs.document("b", "").name
    await #expect(throws: CatalogueFailure.identifierTaken("https://x.example/a", by: other)) {
      try await log.editDocument(back, in: shop, replacing: nil, expecting: nil)
    }
    // What is put next is current, and what went for good leaves its numbers behind.
    #expect(
      try await log.putDocument(proofs.document("a", "[]"), in: shop, replacing: 2).version == 3)
    try await log.deleteDocument(DocumentDeletion(name: name), in: shop, replacing: nil)
    try await log.deleteDocument(
      DocumentDeletion(name: name, isPermanent: true), in: shop, replacing: nil)
    log = try await reopen(log, bench.clock.clocks)
    #expect(log.documents(in: shop).documents[name] == nil)
    #expect(
      try await log.putDocument(proofs.document("a", "{}"), in: shop, replacing: 0).version == 4)
  }

  func documentsInUseStay(_ bench: Bench<Log>) async throws {
    let log = bench.log
    let (shop, yard) = (
      try proofs.namespace("shop", .manage), try proofs.namespace("yard", .manage)
    )
    _ = try await log.putDocument(
      proofs.document("a", "{}", identifiers: ["https://x.example/a"]), in: shop, replacing: nil)
    _ = try await log.putDocument(
      proofs.document("b", "{}", targets: ["https://x.example/a"]), in: shop, replacing: nil)
    _ = try await log.putDocument(
      proofs.document("c", "{}", targets: ["https://h/v1/schemas/acme/shop/a"]), in: yard,
      replacing: nil)
    // Another namespace's identifiers are not seen, nor is what a document says of itself.
    _ = try await log.putDocument(
      proofs.document("d", "{}", targets: ["https://x.example/a", "/v1/schemas/acme/yard/d"]),
      in: yard, replacing: nil)
    let name = try proofs.document("a", "").name
    let (b, c) = (try proofs.document("b", "").name, try proofs.document("c", "").name)
    let users: [DocumentReferrer] = [
      .document(namespace: shop.namespace, name: b, version: 1),
      .document(namespace: yard.namespace, name: c, version: 1),
    ]
    #expect(log.referrers(to: name, in: shop) == users)
    let deletion = DocumentDeletion(name: name)
    await #expect(throws: CatalogueFailure.documentInUse(.referredTo(by: users))) {
      try await log.deleteDocument(deletion, in: shop, replacing: nil)
    }
    try await log.deleteDocument(DocumentDeletion(name: b), in: shop, replacing: nil)
    try await log.deleteDocument(DocumentDeletion(name: c), in: yard, replacing: nil)

    _ = try await bench.make("orders")
    let orders = try proofs.topic("orders", .manage)
    let pin = SchemaPin(
      uri: ByteSlice(utf8: "https://x.example/a"), document: ByteSlice(utf8: "shop/a"), version: 1)
    let schema = try await log.registerSchema(
      proofs.schema("true", references: [pin]), for: orders, at: 0)
    let user = DocumentReferrer.topic(
      namespace: shop.namespace, topic: orders.topic, version: schema.version, pinned: 1,
      isLive: true)
    #expect(log.referrers(to: name, in: shop) == [user])
    #expect(log.pinned([pin], by: orders).first??.version.text.text == "{}")
    await #expect(throws: CatalogueFailure.documentInUse(.referredTo(by: [user]))) {
      try await log.deleteDocument(deletion, in: shop, replacing: nil)
    }
    // A later version is nobody's.
    _ = try await log.putDocument(proofs.document("a", "true"), in: shop, replacing: 1)
    try await log.deleteDocument(
      DocumentDeletion(name: name, version: 2), in: shop, replacing: nil)
    // A softly deleted schema may come back: what it was registered with stays, if softly deleted.
    try await log.deleteSchemas(of: orders)
    try await log.deleteDocument(deletion, in: shop, replacing: nil)
    await #expect(throws: CatalogueFailure.self) {
      try await log.deleteDocument(
        DocumentDeletion(name: name, version: 1, isPermanent: true), in: shop, replacing: nil)
    }
    // Nothing can be registered with what is gone.
    await #expect(throws: CatalogueFailure.referencesChanged) {
      try await log.registerSchema(
        proofs.schema("false", references: [pin]), for: orders, at: 2)
    }
    try await log.deleteTopic(orders)
    try await log.deleteDocument(
      DocumentDeletion(name: name, isPermanent: true), in: shop, replacing: nil)
    #expect(log.documents(in: shop).documents[name] == nil)
  }

  /// What is tried is judged as in earnest, and leaves nothing behind.
  func trialsChangeNothing(_ bench: Bench<Log>) async throws {
    let log = bench.log
    let (manage, shop) = (
      try proofs.topic("orders", .manage), try proofs.namespace("shop", .manage)
    )
    guard
      case .created = try await log.trial.createTopic(
        manage, TopicConfiguration(requireSchema: true))
    else { throw ConformanceBreach.notCreated }
    #expect(log.topic(manage) == nil)
    await #expect(throws: CatalogueFailure.unknownTopic) {
      try await log.trial.deleteTopic(manage)
    }
    let info = try await bench.make("orders")
    try await bench.append("orders", "0", "1", "2")
    let address = try proofs.topic("orders", .subscribe)
    let growth = try log.growth(of: address)
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 9)
    let start = Cursor(ledger: info.ledger, next: 0)
    let kept = try await log.createSubscription(
      proofs.name("kept"), terms, startingAt: start, of: address
    ).thing
    _ = try await log.putDocument(proofs.document("a", "{}"), in: shop, replacing: nil)
    _ = try await log.registerSchema(proofs.schema("true"), for: manage, at: 0)

    _ = try await log.trial.configureTopic(manage, TopicConfiguration(requireSchema: true))
    try await log.trial.setPolicy(NamespacePolicy(requireSchema: true), of: shop)
    #expect(
      try await log.trial.registerSchema(proofs.schema("{}"), for: manage, at: 1).version
        == 2)
    try await log.trial.deleteSchemas(of: manage)
    #expect(
      try await log.trial.putDocument(proofs.document("a", "true"), in: shop, replacing: 1).version
        == 2)
    #expect(
      try await log.trial.deleteDocument(
        DocumentDeletion(name: proofs.document("a", "").name), in: shop, replacing: nil) == [1])
    _ = try await log.trial.createSubscription(
      proofs.name("tried"), terms, startingAt: start, of: address)
    try await log.trial.deleteSubscription(proofs.name("kept"), of: address)
    try await log.trial.trim(manage, before: 2)
    try await log.trial.deleteTopic(manage)
    await #expect(throws: CatalogueFailure.schemaBookChanged(revision: 1)) {
      try await log.trial.registerSchema(proofs.schema("{}"), for: manage, at: 0)
    }

    #expect(log.topic(manage)?.configuration == TopicConfiguration())
    #expect(log.policy(of: shop) == nil)
    #expect(log.schemas(of: manage).map(\.version) == [1])
    #expect(log.documents(in: shop).documents.values.flatMap(\.versions).map(\.version) == [1])
    #expect(log.subscriptions(of: address) == [kept])
    #expect(try log.growth(of: address) === growth)
    #expect(try bench.payloads("orders") == ["0", "1", "2"])
    // What comes after a trial is stored as if it had not been.
    try await bench.append("orders", "3")
    #expect(
      try await log.registerSchema(proofs.schema("{}"), for: manage, at: 1).version == 2)
    let reopened = try await reopen(log, bench.clock.clocks)
    #expect(reopened.schemas(of: manage).map(\.version) == [1, 2])
    #expect(reopened.documents(in: shop).documents.values.flatMap(\.versions).count == 1)
    #expect(reopened.subscriptions(of: address) == [kept])
    let again = Bench(log: reopened, clock: bench.clock, proofs: proofs)
    #expect(try again.payloads("orders") == ["0", "1", "2", "3"])
  }

  func changesMeetWhatTheyExpect(_ bench: Bench<Log>) async throws {
    let log = bench.log
    let manage = try proofs.topic("orders", .manage)
    let first = try await bench.make("orders")
    let configured = try await log.configureTopic(
      manage, TopicConfiguration(requireSchema: true), expecting: .exactly(first))
    await #expect(throws: CatalogueFailure.changed) {
      try await log.configureTopic(manage, TopicConfiguration(), expecting: .exactly(first))
    }
    await #expect(throws: CatalogueFailure.changed) {
      try await log.deleteTopic(manage, expecting: .exactly(first))
    }
    // A schema is no part of the configuration.
    _ = try await log.registerSchema(proofs.schema("true"), for: manage, at: 0)
    let shop = try proofs.namespace("shop", .manage)
    await #expect(throws: CatalogueFailure.changed) {
      try await log.setPolicy(
        NamespacePolicy(), of: shop, expecting: .exactly(NamespacePolicy(autoCreate: true)))
    }
    try await log.setPolicy(NamespacePolicy(), of: shop, expecting: .exactly(nil))
    await #expect(throws: CatalogueFailure.changed) {
      try await log.removePolicy(of: shop, expecting: .exactly(nil))
    }
    try await log.removePolicy(of: shop, expecting: .exactly(NamespacePolicy()))
    let address = try proofs.topic("orders", .subscribe)
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 9)
    let (name, start) = (try proofs.name("billing"), Cursor(ledger: first.ledger, next: 0))
    let old = try await log.createSubscription(name, terms, startingAt: start, of: address).thing
    try await log.deleteSubscription(name, of: address)
    _ = try await log.createSubscription(name, terms, startingAt: start, of: address)
    await #expect(throws: CatalogueFailure.changed) {
      try await log.deleteSubscription(old.heldName, of: address, expecting: .exactly(old))
    }
    try await log.deleteTopic(manage, expecting: .exactly(configured))
    #expect(log.topic(manage) == nil)
  }

  /// Pins lead to the same texts after a reopening, whatever was put since.
  func pinnedDocumentsSurviveReopening(_ bench: Bench<Log>) async throws {
    let shop = try proofs.namespace("shop", .manage)
    let text = #"{"$id":"https://x.example/size","type":"integer"}"#
    let size = try proofs.document("size", text, identifiers: ["https://x.example/size"])
    _ = try await bench.log.putDocument(size, in: shop, replacing: nil)
    let pin = SchemaPin(
      uri: ByteSlice(utf8: "https://x.example/size"), document: ByteSlice(utf8: "shop/size"),
      version: 1)
    _ = try await bench.make("orders")
    let orders = try proofs.topic("orders", .manage)
    let schema = #"{"$ref":"https://x.example/size"}"#
    let library = try bench.log.library(of: [pin], by: orders)
    _ = try await bench.log.registerSchema(
      proofs.schema(schema, references: [pin], library: library), for: orders, at: 0)
    _ = try await bench.log.putDocument(
      proofs.document("size", "false", identifiers: ["https://x.example/size"]), in: shop,
      replacing: 1)
    let gone = try proofs.document("gone", "{}")
    _ = try await bench.log.putDocument(gone, in: shop, replacing: nil)
    try await bench.log.deleteDocument(
      DocumentDeletion(name: gone.name), in: shop, replacing: nil)

    let log = try await reopen(bench.log, bench.clock.clocks)
    let shelf = log.documents(in: shop)
    #expect(shelf.live(size.name)?.versions.map(\.text.text) == [text, "false"])
    #expect(shelf.documents[gone.name]?.current == nil)
    #expect(shelf.documents[gone.name]?.versions.count == 1)
    #expect(shelf.document(identifiedBy: "https://x.example/size")?.name == size.name)
    #expect(log.schemas(of: orders).first?.references == [pin])
    let stored = try #require(log.schemas(of: orders).first)
    #expect(log.binding(of: orders)?.schema(for: nil)?.version == stored.version)
    let program = try log.recompileSchema(stored, of: orders)
    let scratch = SchemaScratch()
    #expect(program.validate(ByteSlice(utf8: "7"), scratch) == nil)
    #expect(program.validate(ByteSlice(utf8: #""7""#), scratch) != nil)
    #expect(
      try await log.putDocument(proofs.document("gone", "{}"), in: shop, replacing: 0).version
        == 2)
  }
}
