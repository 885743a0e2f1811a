import Bytes
import Foundation
import Testing

@testable import jodrell_bench

@Suite("Log audit")
struct LogAuditTests {
  private struct Stored {
    var id: String
    var position: MessagePosition
    var payload: String
  }

  private static let run: UInt64 = 0xABCD_EF01

  private func id(_ sender: Int, _ sequence: Int) -> String {
    LogAudit.eventID(run: Self.run, LogAudit.Key(sender: sender, sequence: sequence))
  }

  private func payload(_ sender: Int, _ sequence: Int) -> String {
    "{\"from\":\(sender),\"number\":\(sequence)}"
  }

  /// Two senders with four events each, interleaved at 7:0 … 7:7.
  private var log: [Stored] {
    (0..<8).map { entry in
      Stored(
        id: id(entry % 2, entry / 2), position: MessagePosition(ledger: 7, entry: UInt64(entry)),
        payload: payload(entry % 2, entry / 2))
    }
  }

  private func journal(
    _ change: (Int, Int) -> JournalEntry.Fate? = { _, _ in nil }
  ) throws -> JournalFile {
    var text = "jodrell-verify 1 00000000abcdef01 a/b/c\n"
    for sender in 0..<2 {
      for sequence in 0..<4 {
        let hash = String(contentHash(ByteSlice(utf8: payload(sender, sequence))), radix: 16)
        switch change(sender, sequence)
          ?? .acknowledged(
            MessagePosition(ledger: 7, entry: UInt64(sequence * 2 + sender)))
        {
        case .acknowledged(let position):
          text += "a \(sender) \(sequence) \(position.text) \(hash)\n"
        case .unknown: text += "u \(sender) \(sequence) - \(hash)\n"
        case .refused(let status): text += "r \(sender) \(sequence) \(status) \(hash)\n"
        }
      }
    }
    return try #require(JournalFile(text))
  }

  private func audit(_ log: [Stored], _ journal: JournalFile? = nil) throws -> LogAudit {
    var audit = try LogAudit(journal ?? self.journal())
    for event in log {
      audit.read(id: event.id, at: event.position, payload: ByteSlice(utf8: event.payload))
    }
    audit.finish()
    return audit
  }

  @Test("a log that keeps every promise has no findings")
  func clean() throws {
    let audit = try audit(log)
    #expect(audit.counts == [:])
    #expect(audit.faults == 0)
    #expect(audit.eventsRead == 8)
  }

  @Test("each removed event is missing")
  func missing() throws {
    for gone in 0..<8 {
      var log = log
      log.remove(at: gone)
      #expect(try audit(log).counts == [.missing: 1])
    }
    #expect(try audit([]).counts == [.missing: 8])
  }

  @Test("an event that comes twice, at its place or later, is found")
  func duplicated() throws {
    var log = log
    var copy = log[3]
    copy.position = MessagePosition(ledger: 7, entry: 8)
    log.append(copy)
    #expect(try audit(log).counts[.duplicated] == 1)
    log = self.log
    log.insert(log[3], at: 4)
    #expect(try audit(log).counts[.duplicated] == 1)
    #expect(try audit(log).counts[.reordered] == 1)
  }

  @Test("events of one sender out of order, or ids that fall, are found")
  func reordered() throws {
    var log = log
    (log[2].id, log[4].id) = (log[4].id, log[2].id)
    (log[2].payload, log[4].payload) = (log[4].payload, log[2].payload)
    let swapped = try audit(log)
    #expect(swapped.counts == [.reordered: 1, .contradicted: 2])
    log = self.log
    log.swapAt(6, 7)
    #expect(try audit(log).counts[.reordered] == 1)
  }

  @Test("any changed byte is found")
  func altered() throws {
    for byte in 0..<log[0].payload.utf8.count {
      var log = log
      var bytes = Array(log[5].payload.utf8)
      bytes[byte] ^= 1
      log[5].payload = String(decoding: bytes, as: UTF8.self)
      #expect(try audit(log).counts == [.altered: 1])
    }
  }

  @Test("an event under another id than promised, or stored though refused, is found")
  func contradicted() throws {
    let other = try journal { sender, sequence in
      (sender, sequence) == (1, 3)
        ? .acknowledged(MessagePosition(ledger: 8, entry: 0)) : nil
    }
    #expect(try audit(log, other).counts == [.contradicted: 1])
    let refused = try journal { sender, sequence in
      (sender, sequence) == (0, 1) ? .refused(status: 422) : nil
    }
    #expect(try audit(log, refused).counts == [.contradicted: 1])
  }

  @Test("an unanswered event may be there or not, but once")
  func unknown() throws {
    let open = try journal { sender, sequence in sequence == 3 ? .unknown : nil }
    #expect(try audit(log, open).faults == 0)
    #expect(try audit(log, open).unknownStored == 2)
    #expect(try audit(Array(log.dropLast(2)), open).faults == 0)
    var twice = log
    twice.append(twice[7])
    twice[8].position = MessagePosition(ledger: 7, entry: 9)
    #expect(try audit(twice, open).counts == [.duplicated: 1])
  }

  @Test("events of others and of a writer that died unanswered are no findings")
  func others() throws {
    var log = log
    for (entry, name) in ["order-1", "0000000000000001.0.0", id(9, 0), id(0, 4)].enumerated() {
      log.append(
        Stored(
          id: name, position: MessagePosition(ledger: 7, entry: UInt64(10 + entry)), payload: "{}"))
    }
    let audit = try audit(log)
    #expect(audit.faults == 0)
    #expect(audit.foreignEvents == 2)
    log.append(Stored(id: id(9, 0), position: MessagePosition(ledger: 7, entry: 99), payload: "{}"))
    #expect(try self.audit(log).counts == [.duplicated: 1])
  }

  @Test("a run that is killed leaves what it has written down")
  func unclosedJournal() throws {
    let path = "/tmp/jodrell-journal-\(UInt64.random(in: 0...UInt64.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let journal = try #require(Journal(creating: path, run: 42, topic: "a/b/c"))
    let early = try #require(JournalFile(try String(contentsOfFile: path, encoding: .utf8)))
    #expect(early.run == 42 && early.entries.isEmpty)
    let entry = JournalEntry(sender: 3, sequence: 18, hash: .max, fate: .unknown)
    journal.write([entry])
    let late = try #require(JournalFile(try String(contentsOfFile: path, encoding: .utf8)))
    #expect(late.entries == [entry])
    #expect(journal.close())
  }

  @Test("a journal is read back as written, and a torn last line is left out")
  func journalFile() throws {
    let path = "/tmp/jodrell-journal-\(UInt64.random(in: 0...UInt64.max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let journal = try #require(Journal(creating: path, run: 42, topic: "a/b/c"))
    let entries = [
      JournalEntry(
        sender: 3, sequence: 17, hash: 0xFF,
        fate: .acknowledged(MessagePosition(ledger: 1, entry: 42))),
      JournalEntry(sender: 3, sequence: 18, hash: .max, fate: .unknown),
      JournalEntry(sender: 4, sequence: 0, hash: 0, fate: .refused(status: 422)),
    ]
    journal.write(entries)
    journal.write([entries[0]])
    let totals = journal.totals
    #expect(totals.acknowledged == 2)
    #expect(totals.unknown == 1)
    #expect(totals.refused == 1)
    #expect(totals.json == #"{"acknowledged":2,"refused":1,"unknown":1,"journaled":4}"#)
    #expect(journal.close())
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let file = try #require(JournalFile(text))
    #expect(file.run == 42)
    #expect(file.topic == "a/b/c")
    #expect(file.entries == entries + [entries[0]])
    #expect(JournalFile(String(text.dropLast(3)))?.entries == entries)
    #expect(JournalFile("") == nil)
    #expect(JournalFile("jodrell-verify 1 2a a/b/c\nx 1 2 3 4\n") == nil)
  }
}
