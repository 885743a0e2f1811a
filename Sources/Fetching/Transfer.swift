import Authentication
import Bytes
private import CCurl
import Settings

/// One document on its way: owns its handle of libcurl. Lives on the fetching thread.
///
/// SAFETY: sole owner of `handle` and `fields`, made in `init`, freed in `deinit`. libcurl gets a
/// pointer to this object that it uses only inside `curl_multi_perform`, while `FetchThread` holds
/// the object.
@safe final class Transfer {
  let handle: UnsafeMutableRawPointer
  let completion: @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  let errand: Errand
  private let addresses: AddressGuard
  private let limit: Int
  /// For how long after it was made a connection is used for more questions, in seconds.
  private static let sharedFor = 60
  private var fields: UnsafeMutablePointer<curl_slist>?
  private var body = ByteWriter()
  private var isTooLarge = false
  private var hasRefusedAddress = false

  /// Nil when the system has no memory or libcurl refuses an option.
  init?(
    _ fetch: Fetch,
    _ completion: @escaping @Sendable (Result<FetchedDocument, FetchFault>) -> Void
  ) {
    guard let handle = unsafe curl_easy_init() else { return nil }
    unsafe self.handle = handle
    self.completion = completion
    errand = fetch.errand
    limit = fetch.limit
    addresses = AddressGuard(fetch.rules, isSecure: fetch.url.starts(with: "https://"))
    guard configure(fetch) else { return nil }
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(fields)
  }

  private func configure(_ fetch: Fetch) -> Bool {
    let isSecure = fetch.url.starts(with: "https://")
    var isDone =
      set(CURLOPT_URL, fetch.url.text)
      // One protocol, no proxy from the environment, no redirects: else what was checked here would
      // not be what is connected to.
      && set(CURLOPT_PROTOCOLS_STR, isSecure ? "https" : "http") && set(CURLOPT_PROXY, "")
      && set(CURLOPT_FOLLOWLOCATION, 0) && set(CURLOPT_NOSIGNAL, 1)
      && set(CURLOPT_TIMEOUT_MS, Int(Fetch.timeout.nanoseconds / 1_000_000))
      && set(CURLOPT_MAXFILESIZE, limit) && set(CURLOPT_NETRC, 0)
      && set(CURLOPT_USERAGENT, "jodrell") && set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
      && set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    // libcurl resolves names on threads of its own. The end of a transfer would wait for its one:
    // a name server that hangs would keep everything else from being fetched.
    isDone = isDone && set(CURLOPT_QUICK_EXIT, 1)
    // An address is judged when it is connected to. So keys come over a connection that nobody has
    // made under other rules, and leave none behind; questions about tokens, which come by the
    // hundred, share theirs for a while.
    switch fetch.errand {
    case .keys:
      isDone = isDone && set(CURLOPT_FRESH_CONNECT, 1) && set(CURLOPT_FORBID_REUSE, 1)
    case .introspection: isDone = isDone && set(CURLOPT_MAXLIFETIME_CONN, Self.sharedFor)
    }
    if let authorities = fetch.rules.authorities {
      // No directory besides: these authorities instead of the system's, not with them.
      isDone = isDone && set(CURLOPT_CAINFO, authorities) && setNothing(CURLOPT_CAPATH)
    }
    isDone = isDone && add("Accept: \(fetch.accept)")
    if let authorization = fetch.authorization {
      isDone = isDone && add("Authorization: \(authorization.text)")
    }
    if let form = fetch.form {
      isDone =
        isDone && set(CURLOPT_POST, 1) && set(CURLOPT_POSTFIELDSIZE, form.count)
        && set(CURLOPT_COPYPOSTFIELDS, form.text)
    }
    let myself = unsafe Unmanaged.passUnretained(self).toOpaque()
    return unsafe isDone && ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, fields) == CURLE_OK
      && ccurl_set_pointer(handle, CURLOPT_WRITEDATA, myself) == CURLE_OK
      && ccurl_set_write(handle, Self.write) == CURLE_OK
      && ccurl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, myself) == CURLE_OK
      && ccurl_set_opener(handle, Self.open) == CURLE_OK
  }

  private func set(_ option: CURLoption, _ text: String) -> Bool {
    unsafe ccurl_set_text(handle, option, text) == CURLE_OK
  }

  private func set(_ option: CURLoption, _ number: Int) -> Bool {
    unsafe ccurl_set_long(handle, option, number) == CURLE_OK
  }

  private func setNothing(_ option: CURLoption) -> Bool {
    unsafe ccurl_set_text(handle, option, nil) == CURLE_OK
  }

  private func add(_ field: String) -> Bool {
    guard let more = unsafe curl_slist_append(fields, field) else { return false }
    unsafe fields = unsafe more
    return true
  }

  /// Takes a piece of the body; any other count than that of the piece ends the transfer.
  private static let write:
    @convention(c) (
      UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?
    ) -> Int = { bytes, size, count, myself in
      guard let myself = unsafe myself, let bytes = unsafe bytes else { return 0 }
      let transfer = unsafe Unmanaged<Transfer>.fromOpaque(myself).takeUnretainedValue()
      let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
      return unsafe transfer.take(piece)
    }

  /// Opens the socket to an address, or refuses to.
  private static let open:
    @convention(c) (
      UnsafeMutableRawPointer?, curlsocktype, UnsafeMutablePointer<curl_sockaddr>?
    ) -> curl_socket_t = { myself, _, address in
      guard let myself = unsafe myself, let address = unsafe address else { return CCURL_REFUSED }
      let transfer = unsafe Unmanaged<Transfer>.fromOpaque(myself).takeUnretainedValue()
      var bytes = [UInt8](repeating: 0, count: 16)
      let count = unsafe Int(ccurl_address(address, &bytes))
      guard count > 0, transfer.addresses.allows(Array(bytes[..<count])) else {
        transfer.hasRefusedAddress = true
        return CCURL_REFUSED
      }
      return unsafe ccurl_open(address)
    }

  private func take(_ piece: UnsafeRawBufferPointer) -> Int {
    guard body.count + piece.count <= limit else {
      isTooLarge = true
      return 0
    }
    body.append(unsafe Array(piece))
    return piece.count
  }

  /// What came of it.
  func result(_ code: UInt32) -> Result<FetchedDocument, FetchFault> {
    let code = CURLcode(code)
    if hasRefusedAddress, code != CURLE_OK { return .failure(.addressRefused) }
    if isTooLarge || code == CURLE_FILESIZE_EXCEEDED { return .failure(.tooLarge(limit: limit)) }
    if code == CURLE_OPERATION_TIMEDOUT { return .failure(.timedOut) }
    guard code == CURLE_OK else {
      let words = unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) }
      return .failure(.connection(words ?? "error \(code.rawValue)"))
    }
    var status = 0
    guard unsafe ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK,
      status == 200
    else { return .failure(.status(status)) }
    return .success(FetchedDocument(body: body.slice, maxAge: maxAge))
  }

  private var maxAge: TimeSpan? {
    var header: UnsafeMutablePointer<curl_header>?
    guard
      unsafe curl_easy_header(handle, "Cache-Control", 0, UInt32(CURLH_HEADER), -1, &header)
        == CURLHE_OK, let header = unsafe header, let value = unsafe header.pointee.value
    else { return nil }
    return CacheControl.maxAge(unsafe String(cString: value))
  }
}

/// The one thing that is read of a response's Cache-Control (RFC 9111 §5.2.2).
enum CacheControl {
  static func maxAge(_ field: String) -> TimeSpan? {
    var age: TimeSpan?
    for directive in field.split(separator: ",") {
      let word = directive.filter { $0 != " " && $0 != "\t" }.lowercased()
      if word == "no-store" || word == "no-cache" { return .zero }
      if word.hasPrefix("max-age="), let seconds = Int64(word.dropFirst(8)), seconds >= 0 {
        age = .seconds(min(seconds, 1 << 31))
      }
    }
    return age
  }
}
