import Bytes
private import CCurl
import Synchronization

/// The one thread that fetches: some transfers at a time, the rest wait in bounded lines, one for
/// each errand, so that a crowd in one holds up nobody in the other. Loops hand over and go on;
/// completions run on this thread and must not block.
///
/// SAFETY: `@unchecked Sendable` because `transfers` (libcurl's handle of all of them) is used by
/// `run` alone, but for `curl_multi_wakeup`, which any thread may call; everything else that is
/// shared stands behind `line`.
@safe public final class FetchThread: @unchecked Sendable {
  private struct Waiting {
    let fetch: Fetch
    let completion: @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  }

  private struct Lines {
    var waiting = [[Waiting]](repeating: [], count: Errand.allCases.count)
    var isStopping = false

    /// Takes the next ones of an errand out of its line.
    mutating func take(_ most: Int, of errand: Errand) -> [Waiting] {
      let next = Array(waiting[errand.rawValue].prefix(most))
      waiting[errand.rawValue].removeFirst(next.count)
      return next
    }
  }

  /// Transfers at once, of each errand.
  public static let atOnce = 32
  /// Documents that may wait behind them, of each errand.
  public static let most = 256
  /// Between two looks of `tick` while nothing else happens.
  private static let pause: Int32 = 1000

  private let line = Mutex(Lines())
  private let transfers: UnsafeMutableRawPointer

  /// Nil when libcurl cannot begin.
  public init?() {
    guard ccurl_initialize() == CURLE_OK, let transfers = unsafe curl_multi_init() else {
      return nil
    }
    unsafe self.transfers = transfers
    _ = unsafe ccurl_multi_set_long(transfers, CURLMOPT_MAXCONNECTS, 2 * Self.atOnce)
  }

  deinit { _ = unsafe curl_multi_cleanup(transfers) }

  /// Hands a document over to be fetched; `completion` is called exactly once, on the fetching
  /// thread, or here when the line is full.
  public func fetch(
    _ fetch: Fetch,
    _ completion: @escaping @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  ) {
    let isTaken = line.withLock { line in
      let errand = fetch.errand.rawValue
      guard !line.isStopping, line.waiting[errand].count < Self.most else { return false }
      line.waiting[errand].append(Waiting(fetch: fetch, completion: completion))
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
      let room = unsafe Self.room(beside: running)
      let (next, isStopping) = line.withLock { line in
        (Errand.allCases.flatMap { line.take(room[$0.rawValue], of: $0) }, line.isStopping)
      }
      for waiting in next { unsafe begin(waiting, &running) }
      if isStopping { break }
      var active: Int32 = 0
      _ = unsafe curl_multi_perform(transfers, &active)
      unsafe settle(&running)
      tick()
      let left = unsafe Self.room(beside: running)
      let isEager = line.withLock { line in
        Errand.allCases.contains { !line.waiting[$0.rawValue].isEmpty && left[$0.rawValue] > 0 }
      }
      if !isEager { _ = unsafe curl_multi_poll(transfers, nil, 0, Self.pause, nil) }
    }
    let left = line.withLock { line in
      defer { line.waiting = Lines().waiting }
      return line.waiting.flatMap { $0 }
    }
    for unsafe(handle, transfer) in unsafe running {
      _ = unsafe curl_multi_remove_handle(transfers, handle)
      transfer.completion(.failure(.overloaded))
    }
    for waiting in left { waiting.completion(.failure(.overloaded)) }
  }

  /// How many more transfers of each errand may begin.
  private static func room(
    beside running: [UnsafeMutableRawPointer: Transfer]
  ) -> [Int] {
    var room = [Int](repeating: atOnce, count: Errand.allCases.count)
    for unsafe(_, transfer) in unsafe running { room[transfer.errand.rawValue] -= 1 }
    return room
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
