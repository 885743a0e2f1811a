import Bytes
import Delivery
import HTTPWire
import Tenancy
import Topics

/// Where readers and subscriptions start.
extension GatewayResponder {
  /// The place that a position means; what lies in the future is none.
  ///
  /// A client's clock may be a little ahead of the gateway's, and publish times far, where that was
  /// set back: an instant behind which there are events is always good.
  func place(_ position: StartPosition, in topic: TopicAddress) async throws -> FeedStart {
    let place = try await site.place(position, in: topic, of: parts.engine)
    guard case .from(let instant) = position,
      instant > timers.clocks.wall() + GatewayLimits.positionLead,
      try place.cursor.next >= parts.engine.bounds(of: topic).end
    else { return place }
    throw Refusal(.positionAhead, "the instant lies in the future")
      .with("latest", place.cursor.text)
  }
}
