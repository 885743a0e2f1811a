import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// What is counted and told of a batch.
extension GatewayResponder {
  /// Counts stored events, those apart that break a schema which only warns.
  func count(_ events: [ConformingEvent], _ latency: TimeSpan, at address: TopicAddress) {
    var (kept, keptBytes, marked, markedBytes) = (0, 0, 0, 0)
    for event in events {
      if event.standing == .marked {
        marked += 1
        markedBytes += event.draft.payload.count
      } else {
        kept += 1
        keptBytes += event.draft.payload.count
      }
    }
    let metrics = topicMetrics.topic(TopicKey(address))
    if kept > 0 { metrics.stored(events: kept, bytes: keptBytes, latency: latency) }
    if marked > 0 {
      metrics.stored(events: marked, bytes: markedBytes, latency: latency, as: .schemaWarned)
    }
  }

  /// Ends the answer to a batch.
  func finish(
    _ batch: Batch, _ terms: PublishTerms, _ address: TopicAddress,
    _ answer: inout AnswerWriter, id: RequestID
  ) -> AnswerEnd {
    let hindrance = batch.hindrance
    answer.start(batch.status(under: hindrance))
    hindrance?.writeRetryAfter(&answer)
    hindrance?.rateLimit?.write(&answer)
    if let deprecation = batch.deprecated {
      tell(deprecation, address, events: batch.deprecatedEvents, &answer)
    }
    if terms.wantsCountsOnly { answer.field("Preference-Applied", "return=minimal") }
    return finish(&answer) { json in
      json.beginObject()
      json.key("stored")
      json.integer(batch.stored)
      json.key("rejected")
      json.integer(batch.rejected)
      if batch.quarantined > 0 {
        json.key("quarantined")
        json.integer(batch.quarantined)
      }
      if !terms.wantsCountsOnly {
        json.key("results")
        json.beginArray()
        for (index, item) in batch.items.enumerated() { item.write(index, into: &json) }
        json.endArray()
      }
      json.endObject()
    }
  }
}
