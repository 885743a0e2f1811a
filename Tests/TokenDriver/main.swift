import Authentication
import Bytes
import Crypto
import Foundation
import Glibc
import TestSupport

// What the verification of tokens costs: each algorithm uncached, and a hit in the cache. For
// comparison with `openssl speed` on the same core. Prints one line per figure.
//
//   jodrell-token-driver [ALGORITHM] [SECONDS]
//
// With ALGORITHM, such as RS256, that one alone; SECONDS (1) of processor time for each figure.

/// The processor time of this process in nanoseconds: what `openssl speed` counts too, so that
/// others on the machine do not count.
func processorTime() -> Double {
  var time = timespec()
  _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// Runs `body` for about `seconds`; how many nanoseconds of processor time once took.
func cost(_ body: () throws -> Void) rethrows -> Double {
  let began = processorTime()
  var count = 0
  while true {
    for _ in 0..<64 { try body() }
    count += 64
    let nanoseconds = processorTime() - began
    if nanoseconds >= seconds * 1e9 { return nanoseconds / Double(count) }
  }
}

func report(_ name: String, _ nanoseconds: Double) {
  let rate = Int(1e9 / nanoseconds)
  unsafe puts("\(name): \(Int(nanoseconds)) ns, \(rate)/s")
}

let words = CommandLine.arguments.dropFirst()
let seconds = words.dropFirst().first.flatMap(Double.init) ?? 1
let issuer = TestIssuer()
let now = TestIssuer.now
let algorithms = TestIssuer.everyPublicAlgorithm
let profile = IssuerProfile(
  id: ByteSlice(utf8: issuer.id), issuer: ByteSlice(utf8: issuer.iss),
  audiences: [ByteSlice(utf8: issuer.audience)], algorithms: algorithms,
  keys: try KeySet(parsing: TestIssuer.keySet(algorithms), algorithms: algorithms))
let verifier = try TokenVerifier(issuers: [profile])
let more: [String: Any] = [
  "scope": "events.publish events.read", "azp": "orders-svc", "tenant": "acme",
  "groups": ["evt-orders-writers", "evt-billing-readers"], "client_id": "orders-svc",
]
// As a loop does it, with a reader of its own.
let reader = TokenReader()
for algorithm in algorithms where words.first.map({ $0 == "\(algorithm.name)" }) ?? true {
  let token = try issuer.token(more, algorithm: algorithm)
  report(
    "\(algorithm.name) uncached, \(token.count) bytes",
    try cost { _ = try verifier.verify(token, at: now, by: reader) })
}
let cache = TokenCache()
let token = try issuer.token(more, algorithm: .rs256)
guard case .unknown(let digest) = try cache.find(token, for: verifier, at: now) else { exit(1) }
_ = try cache.verify(token, digest: digest, with: verifier, at: now)
report(
  "cached, \(token.count) bytes",
  try cost {
    guard case .known = try cache.find(token, for: verifier, at: now) else { exit(1) }
  })
