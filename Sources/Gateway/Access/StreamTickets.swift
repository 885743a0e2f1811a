import Authentication
public import Bytes
import Delivery
import HTTPWire
import Synchronization
import Tenancy

/// Tickets for streams: what a browser's `EventSource`, which can set no header, shows instead of a
/// token. Shared by the loops; every call takes the lock for a few look-ups.
///
/// A ticket opens one path for the caller who asked for it: first within 30 s, after that again
/// until the token's end, so that `EventSource` can reconnect. A second live use ends the first.
///
/// Whoever holds a ticket proves nothing. One of a token that is bound to a key is therefore good
/// for a single use, within 10 s: what is found in a log afterwards opens nothing.
public final class StreamTickets: Sendable {
  /// How long an unused ticket waits for its first use.
  public static let patience = TimeSpan.seconds(30)
  /// The same of a ticket for a bound token.
  public static let boundPatience = TimeSpan.seconds(10)
  /// Tickets kept at once; 200 B each.
  public static let most = 100_000
  /// Of one tenant's: a quarter of all, so that no tenant leaves others without.
  public static let mostOfTenant = 25_000
  /// The random part of a ticket, in bytes.
  public static let entropy = 24

  /// The stream that a ticket has opened last.
  private struct Use: Sendable {
    let stream: RequestID
    let lease: StreamLease
  }

  private struct Ticket: Sendable {
    let scope: TenantScope
    let path: ByteSlice
    let issued: UnixTime
    var use: Use?

    func isAlive(at now: UnixTime) -> Bool {
      guard now < scope.expires else { return false }
      if use != nil { return !scope.token.isBound }
      return now <= issued + StreamTickets.patience(of: scope)
    }
  }

  private struct State {
    var tickets: [ByteSlice: Ticket] = [:]
    /// How many there are of whom; those with none have no entry.
    var tenants: [Name: Int] = [:]
    /// No sweep before this instant.
    var nextSweep = UnixTime(nanoseconds: 0)
  }

  private let state = Mutex(State())
  private let most: Int
  private let mostOfTenant: Int
  private let random: @Sendable (Int) -> ByteSlice

  /// - Parameter random: that many unpredictable bytes.
  public init(
    most: Int = most, mostOfTenant: Int = mostOfTenant,
    random: @escaping @Sendable (Int) -> ByteSlice
  ) {
    self.most = most
    self.mostOfTenant = mostOfTenant
    self.random = random
  }

  /// A new ticket for `path`, or nil when too many are out, in all or of the caller's tenant.
  func issue(for path: ByteSlice, to scope: TenantScope, at now: UnixTime) -> ByteSlice? {
    let text = ByteSlice(utf8: Base64.encode(random(Self.entropy), as: .url))
    let ticket = Ticket(scope: scope, path: ByteSlice(copying: path.span), issued: now, use: nil)
    return state.withLock { state in
      Self.sweep(&state, at: now)
      let own = state.tenants[scope.tenant] ?? 0
      guard state.tickets.count < most, own < mostOfTenant else { return nil }
      state.tickets[text] = ticket
      state.tenants[scope.tenant] = own + 1
      return text
    }
  }

  /// For whom a ticket would open a stream now, which is not taken for one: whoever is refused for
  /// another reason may come again with it.
  func holder(of text: ByteSlice, for path: ByteSlice, at now: UnixTime) -> TenantScope? {
    state.withLock { state in
      guard let ticket = state.tickets[text], ticket.path == path, ticket.isAlive(at: now)
      else { return nil }
      return ticket.scope
    }
  }

  /// The stream that a ticket has opened last, which another use of it ends; nil when it has opened
  /// none.
  func stream(of text: ByteSlice) -> RequestID? {
    state.withLock { state in state.tickets[text]?.use?.stream }
  }

  /// Opens a stream with a ticket, and ends the one before; nil for a ticket that is unknown, over,
  /// or of another path.
  ///
  /// - Returns: what ends when the same ticket opens another stream.
  func redeem(
    _ text: ByteSlice, for path: ByteSlice, as stream: RequestID, at now: UnixTime
  ) -> StreamLease? {
    let lease = StreamLease()
    let (isGood, earlier): (Bool, StreamLease?) = state.withLock { state in
      guard var ticket = state.tickets[text], ticket.path == path, ticket.isAlive(at: now)
      else { return (false, nil) }
      let earlier = ticket.use?.lease
      ticket.use = Use(stream: stream, lease: lease)
      state.tickets[text] = ticket
      return (true, earlier)
    }
    earlier?.end()
    return isGood ? lease : nil
  }

  /// How long an unused ticket for such a caller waits.
  static func patience(of scope: TenantScope) -> TimeSpan {
    scope.token.isBound ? boundPatience : patience
  }

  /// Drops dead tickets, at most once a second.
  private static func sweep(_ state: inout State, at now: UnixTime) {
    guard now >= state.nextSweep else { return }
    state.nextSweep = now + .seconds(1)
    state.tickets = state.tickets.filter { $0.value.isAlive(at: now) }
    state.tenants = state.tickets.values.reduce(into: [:]) { $0[$1.scope.tenant, default: 0] += 1 }
  }
}
