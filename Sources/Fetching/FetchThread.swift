import Bytes
private import CCurl
import Synchronization

/// The one thread that fetches: some transfers at a time, the rest wait in a bounded line. Loops
/// hand over and go on; completions run on this thread and must not block.
///
/// SAFETY: `@unchecked Sendable` because `transfers` (libcurl's handle of all of them) is used by
/// `run` alone, but for `curl_multi_wakeup`, which any thread may call; everything else that is
/// shared stands behind `line`.
@safe public final class FetchThread: @unchecked Sendable {
  private struct Waiting {
    let fetch: Fetch
    let completion: @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  }

  private struct Line {
    var waiting: [Waiting] = []
    var isStopping = false
  }

  /// Transfers at once.
  public static let atOnce = 32
  /// Documents that may wait behind them.
  public static let most = 256
  /// Between two looks of `tick` while nothing else happens.
  private static let pause: Int32 = 1000

  private let line = Mutex(Line())
  private let transfers: UnsafeMutableRawPointer

  /// Nil when libcurl cannot begin.
  public init?() {
    guard ccurl_initialize() == CURLE_OK, let transfers = unsafe curl_multi_init() else {
      return nil
    }
    unsafe self.transfers = transfers
    _ = unsafe ccurl_multi_set_long(transfers, CURLMOPT_MAXCONNECTS, 32)
  }

  deinit { _ = unsafe curl_multi_cleanup(transfers) }

  /// Hands a document over to be fetched; `completion` is called exactly once, on the fetching
  /// thread, or here when the line is full.
  public func fetch(
    _ fetch: Fetch,
    _ completion: @escaping @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  ) {
    let isTaken = line.withLock { line in
      guard !line.isStopping, line.waiting.count < Self.most else { return false }
      line.waiting.append(Waiting(fetch: fetch, completion: completion))
      return true
    }
    if isTaken { wake() } else { completion(.failure(.overloaded)) }
  }

  /// Ends `run`: what is under way or waits fails.
  public func stop() {
    line.withLock { $0.isStopping = true }
    wake()
  }

  private func wake() { _ = unsafe curl_multi_wakeup(transfers) }

  /// The thread's life; returns after `stop`.
  ///
  /// - Parameter tick: called after each wait, at least once a second.
  public func run(_ tick: () -> Void) {
    var running: [UnsafeMutableRawPointer: Transfer] = unsafe [:]
    while true {
      let (next, isStopping) = line.withLock { line in
        let room = unsafe Self.atOnce - running.count
        let next = Array(line.waiting.prefix(room))
        line.waiting.removeFirst(next.count)
        return (next, line.isStopping)
      }
      for waiting in next { unsafe begin(waiting, &running) }
      if isStopping { break }
      var active: Int32 = 0
      _ = unsafe curl_multi_perform(transfers, &active)
      unsafe settle(&running)
      tick()
      let isEager = unsafe line.withLock { !$0.waiting.isEmpty } && running.count < Self.atOnce
      if !isEager { _ = unsafe curl_multi_poll(transfers, nil, 0, Self.pause, nil) }
    }
    let left = line.withLock { line in
      defer { line.waiting = [] }
      return line.waiting
    }
    for unsafe(handle, transfer) in unsafe running {
      _ = unsafe curl_multi_remove_handle(transfers, handle)
      transfer.completion(.failure(.overloaded))
    }
    for waiting in left { waiting.completion(.failure(.overloaded)) }
  }

  private func begin(
    _ waiting: Waiting, _ running: inout [UnsafeMutableRawPointer: Transfer]
  ) {
    guard let transfer = Transfer(waiting.fetch, waiting.completion),
      unsafe curl_multi_add_handle(transfers, transfer.handle) == CURLM_OK
    else {
      waiting.completion(.failure(.connection("libcurl refuses the transfer")))
      return
    }
    unsafe running[transfer.handle] = transfer
  }

  /// Hands on what has ended.
  private func settle(_ running: inout [UnsafeMutableRawPointer: Transfer]) {
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(transfers, &left) {
      guard unsafe message.pointee.msg == CURLMSG_DONE,
        let handle = unsafe message.pointee.easy_handle
      else { continue }
      let code = unsafe message.pointee.data.result
      _ = unsafe curl_multi_remove_handle(transfers, handle)
      guard let transfer = unsafe running.removeValue(forKey: handle) else { continue }
      transfer.completion(transfer.result(code.rawValue))
    }
  }
}
