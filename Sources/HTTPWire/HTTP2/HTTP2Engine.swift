import Bytes
private import CNGHTTP2

/// libnghttp2's side of a server's connection behind types of our own: the only place that knows
/// its names. What it has to say it says to `HTTP2Session`, inside the calls below. Loop-confined.
@safe final class HTTP2Engine {
  /// The types of frames that we tell apart (RFC 9113 §6).
  enum Frame: Sendable {
    case data, headers, priority, reset, settings, ping, windowUpdate, other

    fileprivate init(_ type: UInt8) {
      switch UInt32(type) {
      case NGHTTP2_DATA.rawValue: self = .data
      case NGHTTP2_HEADERS.rawValue: self = .headers
      case NGHTTP2_PRIORITY.rawValue: self = .priority
      case NGHTTP2_RST_STREAM.rawValue: self = .reset
      case NGHTTP2_SETTINGS.rawValue: self = .settings
      case NGHTTP2_PING.rawValue: self = .ping
      case NGHTTP2_WINDOW_UPDATE.rawValue: self = .windowUpdate
      default: self = .other
      }
    }
  }

  /// Error codes that we send (RFC 9113 §7).
  enum ErrorCode {
    case none, `protocol`, `internal`, refused, cancel, calm

    fileprivate var value: UInt32 {
      switch self {
      case .none: NGHTTP2_NO_ERROR.rawValue
      case .protocol: NGHTTP2_PROTOCOL_ERROR.rawValue
      case .internal: NGHTTP2_INTERNAL_ERROR.rawValue
      case .refused: NGHTTP2_REFUSED_STREAM.rawValue
      case .cancel: NGHTTP2_CANCEL.rawValue
      case .calm: NGHTTP2_ENHANCE_YOUR_CALM.rawValue
      }
    }
  }

  /// What a stream gave when it was asked for bytes.
  enum Poured {
    case bytes(Int, isEnd: Bool)
    /// Nothing yet: not asked again before `resume`.
    case later
    /// There is no such stream any more.
    case gone
  }

  private var session: OpaquePointer?
  private var list: [nghttp2_nv] = unsafe []
  /// The session cannot go on: no memory, or the peer broke the protocol beyond repair.
  private(set) var hasFailed = false

  init(limits: WireLimits) {
    var callbacks: OpaquePointer?
    var option: OpaquePointer?
    guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0,
      unsafe nghttp2_option_new(&option) == 0
    else { preconditionFailure("no memory for an HTTP/2 connection") }
    defer {
      unsafe nghttp2_session_callbacks_del(callbacks)
      unsafe nghttp2_option_del(option)
    }
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headersBegan)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, headerReceived)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
    unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, frameInvalid)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataReceived)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    unsafe nghttp2_option_set_max_outbound_ack(option, 2 * limits.controlFrames)
    unsafe nghttp2_option_set_max_continuations(option, limits.continuations)
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      option, UInt64(limits.streamResets), UInt64(limits.streamResetsPerSecond))
    guard unsafe nghttp2_session_server_new2(&session, callbacks, nil, option) == 0 else {
      preconditionFailure("no memory for an HTTP/2 connection")
    }
  }

  deinit { unsafe nghttp2_session_del(session) }

  /// From now on `owner` is told. It owns this object, so the pointer is good for its time.
  func attach(_ owner: HTTP2Session) {
    // SAFETY: handed back during calls of this object only, which end with its owner.
    unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(owner).toOpaque())
  }

  /// Our settings and the connection's window, ahead of everything else.
  func open(streams: Int, headerList: Int, streamWindow: Int, connectionWindow: Int) {
    let settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: UInt32(streams)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
        value: UInt32(streamWindow)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(headerList)),
      // The priority trees of RFC 7540 are work that others can make us do (RFC 9218 §2.1).
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
    ]
    unsafe settings.withUnsafeBufferPointer { entries in
      note(unsafe nghttp2_submit_settings(session, noFlags, entries.baseAddress, entries.count))
    }
    note(
      unsafe nghttp2_session_set_local_window_size(session, noFlags, 0, Int32(connectionWindow)))
  }

  /// Fatal results end the session; others belong to a stream that is over already.
  private func note(_ result: Int32) { if result < -900 { hasFailed = true } }

  // MARK: - In

  /// Takes all of `bytes`; what came of them has been told when it returns.
  func receive(_ bytes: UnsafeRawBufferPointer) {
    let taken = unsafe nghttp2_session_mem_recv(
      session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    if taken == bytes.count { return }
    terminate(taken == Int(NGHTTP2_ERR_FLOODED.rawValue) ? .calm : .protocol)
    hasFailed = true
  }

  /// The connection's window opens by as many bytes as the client has used of it.
  func consumeConnection(_ count: Int) {
    note(unsafe nghttp2_session_consume_connection(session, count))
  }

  func consume(_ count: Int, on stream: Int32) {
    note(unsafe nghttp2_session_consume_stream(session, stream, count))
  }

  // MARK: - Out

  /// Frames that wait to be framed.
  var queued: Int { unsafe nghttp2_session_get_outbound_queue_size(session) }

  var isOver: Bool {
    if hasFailed { return true }
    return unsafe nghttp2_session_want_read(session) == 0
      && nghttp2_session_want_write(session) == 0
  }

  /// Hands the next frames to `take`, some or one at a time.
  ///
  /// - Returns: false when there are none.
  func send(_ take: (Span<UInt8>) -> Void) -> Bool {
    var data: UnsafePointer<UInt8>?
    let count = unsafe nghttp2_session_mem_send(session, &data)
    guard count > 0, let start = unsafe data else {
      if count < 0 { hasFailed = true }
      return false
    }
    // SAFETY: the bytes are libnghttp2's until its next call.
    take(unsafe Span<UInt8>(_unsafeStart: start, count: count))
    return true
  }

  /// Sends a head; libnghttp2 copies the fields.
  ///
  /// - Parameters:
  ///   - hasBody: whether the stream is asked for one.
  ///   - isInterim: a head of the 1xx kind; another one follows.
  func respond(_ fields: HTTP2Fields, hasBody: Bool, isInterim: Bool, on stream: Int32) {
    unsafe fields.bytes.span.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      let base = unsafe UnsafeMutablePointer(mutating: start)
      unsafe list.removeAll(keepingCapacity: true)
      for field in fields.ranges {
        let flags = field.isUnique ? UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : 0
        // SAFETY: the ranges lie within the bytes, which are only read.
        unsafe list.append(
          nghttp2_nv(
            name: base + field.name.lowerBound, value: base + field.value.lowerBound,
            namelen: field.name.count, valuelen: field.value.count, flags: flags))
      }
      let count = unsafe list.count
      unsafe list.withUnsafeBufferPointer { list in
        if isInterim {
          note(
            unsafe nghttp2_submit_headers(
              session, noFlags, stream, nil, list.baseAddress, count, nil))
          return
        }
        var source = unsafe nghttp2_data_provider()
        unsafe source.read_callback = bytesWanted
        unsafe withUnsafePointer(to: &source) { source in
          note(
            unsafe nghttp2_submit_response(
              session, stream, list.baseAddress, count, hasBody ? source : nil))
        }
      }
    }
  }

  /// A stream that answered `later` has something.
  func resume(_ stream: Int32) { note(unsafe nghttp2_session_resume_data(session, stream)) }

  func reset(_ stream: Int32, _ code: ErrorCode) {
    note(unsafe nghttp2_submit_rst_stream(session, noFlags, stream, code.value))
  }

  /// Whether the stream is there and not answered to its end.
  func takesAnswer(_ stream: Int32) -> Bool {
    unsafe nghttp2_session_get_stream_local_close(session, stream) == 0
  }

  /// Whether the client may still send on this stream.
  func isOpen(_ stream: Int32) -> Bool {
    unsafe nghttp2_session_get_stream_remote_close(session, stream) == 0
  }

  /// Takes no new streams.
  func goAway() {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
    let code = ErrorCode.none.value
    note(unsafe nghttp2_submit_goaway(session, noFlags, last, code, nil, 0))
  }

  /// Ends all streams; nothing follows the GOAWAY.
  func terminate(_ code: ErrorCode) {
    note(unsafe nghttp2_session_terminate_session(session, code.value))
  }
}

private let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)

private func owner(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Session? {
  // SAFETY: the pointer is the session's own, see `attach`.
  unsafe pointer.map { unsafe Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

/// SAFETY: libnghttp2 calls these inside the calls of a session, with pointers that are valid for
/// their time.
private let headersBegan: nghttp2_on_begin_headers_callback = { _, frame, this in
  guard let frame = unsafe frame else { return 0 }
  // Trailers have another category.
  let isRequest = unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
  unsafe owner(this)?.headBegan(isRequest: isRequest)
  return 0
}

private let headerReceived: nghttp2_on_header_callback = {
  _, _, name, nameCount, value, valueCount, _, this in
  let goesOn = unsafe owner(this)?.headField(
    UnsafeRawBufferPointer(start: name, count: nameCount),
    UnsafeRawBufferPointer(start: value, count: valueCount))
  // Whatever is left of the block would be unfolded and checked all the same.
  return goesOn == true ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
}

private let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, this in
  guard let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  unsafe owner(this)?.received(
    HTTP2Engine.Frame(header.type), stream: header.stream_id, length: header.length,
    isEnd: header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
  return 0
}

private let frameInvalid: nghttp2_on_invalid_frame_recv_callback = { _, _, _, this in
  unsafe owner(this)?.receivedInvalid()
  return 0
}

private let frameSent: nghttp2_on_frame_send_callback = { _, frame, this in
  guard let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  let kind = HTTP2Engine.Frame(header.type)
  let code = unsafe frame.pointee.rst_stream.error_code
  let isError = kind == .reset && code != NGHTTP2_NO_ERROR.rawValue
  unsafe owner(this)?.sent(
    kind, stream: header.stream_id,
    isEnd: header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, isError: isError)
  return 0
}

private let dataReceived: nghttp2_on_data_chunk_recv_callback = {
  _, _, stream, data, count, this in
  unsafe owner(this)?.received(UnsafeRawBufferPointer(start: data, count: count), on: stream)
  return 0
}

private let streamClosed: nghttp2_on_stream_close_callback = { _, stream, _, this in
  unsafe owner(this)?.closed(stream)
  return 0
}

private let bytesWanted: nghttp2_data_source_read_callback = {
  _, stream, room, count, flags, _, this in
  guard let session = unsafe owner(this), let flags = unsafe flags else {
    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  }
  let room = unsafe UnsafeMutableRawBufferPointer(start: room, count: count)
  switch unsafe session.pour(stream, into: room) {
  case .bytes(let count, let isEnd):
    if isEnd { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
  case .later: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  case .gone: return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
  }
}
