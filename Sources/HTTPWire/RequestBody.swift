public import Bytes

/// A request's body, complete or still arriving. Loop-confined; read by the one task that serves
/// the request and dead once the answer is complete.
public final class RequestBody {
  private enum State {
    /// All of it is here, unread.
    case whole(ByteSlice)
    case arriving(any BodySource)
    /// Read to its end.
    case read
    case failed(BodyFailure)
  }

  /// Its length in bytes where the client said so beforehand; nil for a chunked body.
  public private(set) var declared: Int?
  private var state: State

  /// A body that has been received completely; reading it never suspends nor copies.
  public init(whole bytes: ByteSlice) {
    declared = bytes.count
    state = .whole(bytes)
  }

  /// A body that `source` reads from the connection on demand.
  public init(arrivingFrom source: any BodySource, declared: Int?) {
    self.declared = declared
    state = .arriving(source)
  }

  /// Makes it the body of the next request, received completely. The caller knows that nobody else
  /// refers to it.
  public func renew(whole bytes: consuming ByteSlice) {
    declared = bytes.count
    state = .whole(consume bytes)
    isUntouched = true
  }

  /// Whether nothing of it has been handed out yet, so that whoever reads it gets all of it.
  public private(set) var isUntouched = true

  /// Whether the answer has to end the connection because reading the rest would take too long.
  public var endsConnection: Bool {
    switch state {
    case .whole, .read: false
    case .failed: true
    case .arriving(let source): source.restIsTooMuch
    }
  }

  /// The next piece, never empty; nil at the end. The first call tells a waiting client to go on
  /// (`100 Continue`). Suspends until bytes arrive.
  public func next() async throws(BodyFailure) -> ByteSlice? {
    if declared != 0 { isUntouched = false }
    switch state {
    case .whole(let bytes):
      state = .read
      return bytes.isEmpty ? nil : bytes
    case .read: return nil
    case .failed(let failure): throw failure
    case .arriving(let source):
      do throws(BodyFailure) {
        let piece = try await source.nextPiece()
        if piece == nil { state = .read }
        return piece
      } catch {
        state = .failed(error)
        throw error
      }
    }
  }

  /// A body that has been received completely and not been read, to look at; nil for every other.
  public var received: ByteSlice? {
    guard case .whole(let bytes) = state else { return nil }
    return bytes
  }

  /// A body that has been received completely, as `collect` hands it out; nil, and nothing done,
  /// for every other.
  public func collectReceived(upTo limit: Int) throws(BodyFailure) -> ByteSlice? {
    guard case .whole(let bytes) = state else { return nil }
    if declared != 0 { isUntouched = false }
    guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
    state = .read
    return bytes
  }

  /// The rest of the body in one slice. Neither suspends nor copies when all of it is in the
  /// receive buffer already; throws `.tooLarge` as soon as more than `limit` bytes are announced or
  /// come in.
  public func collect(upTo limit: Int) async throws(BodyFailure) -> ByteSlice {
    if let received = try collectReceived(upTo: limit) { return received }
    if declared != 0 { isUntouched = false }
    switch state {
    case .whole, .read: return .empty
    case .failed(let failure): throw failure
    case .arriving(let source):
      do throws(BodyFailure) {
        let bytes = try await source.collectRest(upTo: limit)
        state = .read
        return bytes
      } catch {
        state = .failed(error)
        throw error
      }
    }
  }

  /// The connection has moved on: whoever still holds this body reads `.closed` from now on, and
  /// what nobody has read no longer keeps the receive buffer's memory.
  public func detach() { state = .failed(.closed) }
}

/// Where an arriving body comes from: a connection, or a test.
public protocol BodySource: AnyObject {
  /// The next piece, never empty; nil at the end.
  func nextPiece() async throws(BodyFailure) -> ByteSlice?
  /// All that is left, `.tooLarge` beyond `limit` bytes.
  func collectRest(upTo limit: Int) async throws(BodyFailure) -> ByteSlice
  /// Whether more is left than is worth reading just to keep the connection.
  var restIsTooMuch: Bool { get }
}

/// Why a body could not be read. The connection ends after the answer.
public enum BodyFailure: Error, Equatable, Sendable {
  /// It is longer than `limit` bytes.
  case tooLarge(limit: Int)
  /// The client sent nothing, or too little, for too long.
  case timedOut
  /// Its chunks break RFC 9112 §7.1.
  case malformed(WireRule)
  /// The client is gone; nobody will read an answer.
  case closed

  /// The refusal to answer with; nil when there is nobody to answer.
  public var refusal: WireRefusal? {
    switch self {
    case .tooLarge: .bodyTooLarge
    case .timedOut: .timeout
    case .malformed(let rule): .badRequest(rule)
    case .closed: nil
    }
  }
}
