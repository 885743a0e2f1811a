import Bytes
import Glibc

// SAFETY: the driver's memory is copied before anything else happens with it; the environment is
// read once, before any thread is started.

/// What is fuzzed: a reader of bytes that strangers send, or that a disk gives back. A target
/// checks laws and ends the process when one is broken; the driver keeps the input.
enum Target: String, CaseIterable {
  case http, http2, proxy, forwarded, json, chunk, manifest, token, settings, events, avro
  case redaction

  /// The one that `JODRELL_FUZZ_TARGET` names.
  static let chosen: Target = {
    let name = unsafe getenv("JODRELL_FUZZ_TARGET").map { unsafe String(cString: $0) }
    guard let name, let target = Target(rawValue: name) else {
      let all = allCases.map(\.rawValue).joined(separator: ", ")
      preconditionFailure("JODRELL_FUZZ_TARGET must be one of \(all)")
    }
    return target
  }()

  func take(_ data: UnsafeBufferPointer<UInt8>) {
    let input = unsafe ByteSlice(data)
    switch self {
    case .http: fuzzHTTP(input)
    case .http2: fuzzHTTP2(input)
    case .proxy: fuzzProxy(input)
    case .forwarded: fuzzForwarded(input)
    case .json: fuzzJSON(input)
    case .chunk: fuzzChunk(input)
    case .manifest: fuzzManifest(input)
    case .token: fuzzToken(input)
    case .settings: fuzzSettings(input)
    case .events: fuzzEvents(input)
    case .avro: fuzzAvro(input)
    case .redaction: fuzzRedaction(input)
    }
  }
}

/// Ends the process unless a law holds.
func law(_ holds: Bool, _ text: @autoclosure () -> String) { precondition(holds, text()) }
