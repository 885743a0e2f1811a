import Authentication
import Bytes
import Crypto
import JSONText
import Settings
import Tenancy
import TestSupport

/// What parses has one canonical text, and that text is a fixed point, but for exponents of more
/// than 15 digits, which are not kept exactly.
func fuzzJSON(_ input: ByteSlice) {
  guard let document = try? JSONDocument(parsing: input) else { return }
  visit(document.root)
  guard !input.text.contains(#/[eE][+-]?\d{16}/#) else { return }
  let canonical = CanonicalJSON.text(of: document.root)
  // A point and an exponent may make a number longer than numbers of payloads may be.
  var limits = JSONLimits.payload
  limits.maxNumberLength += 32
  limits.maxBytes *= 2
  guard let again = try? JSONDocument(parsing: canonical, limits: limits) else {
    return law(false, "canonical text does not parse: \(canonical.text)")
  }
  law(CanonicalJSON.text(of: again.root) == canonical, "canonical text is not canonical")
}

/// Touches everything a reader could ask a value for.
private func visit(_ node: JSONNode) {
  law(node.raw.count > 0 && node.offset >= 0, "a value without text")
  if let number = node.number { law(number == number, "a number unequal to itself") }
  _ = node.integer
  if let string = node.string { law(string.isUTF8, "a string that is no UTF-8") }
  for (key, value) in node.members {
    law(key.isUTF8, "a key that is no UTF-8")
    visit(value)
  }
  for element in node.elements { visit(element) }
}

/// Bytes as a token; and, so that claims are reached, a header and claims that are then really
/// signed.
func fuzzToken(_ input: ByteSlice) {
  guard let verifier = TokenTarget.verifier else { return law(false, "no verifier") }
  if (try? verifier.verify(input, at: TestIssuer.now)) != nil {
    // Only a seed, or its like under the same signature, can be here.
    law(input.count > 64, "a token that short was accepted")
  }
  guard let line = input.firstIndex(of: ASCII.lineFeed) else { return }
  let header = input.prefix(line)
  let claims = input.dropFirst(line + 1)
  guard header.isUTF8, claims.isUTF8,
    let token = try? TestIssuer().token(
      headerText: header.text, claimsText: claims.text, algorithm: .hs256),
    let verified = try? TokenTarget.secretVerifier?.verify(token, at: TestIssuer.now)
  else { return }
  law(verified.expires + .seconds(30) > TestIssuer.now, "an expired token was accepted")
  law(verified.claims.root["iss"]?.text == TestIssuer().iss, "another issuer's token was accepted")
}

private enum TokenTarget {
  static let verifier = try? TestIssuer().verifier()
  static let secretVerifier = try? TokenVerifier(
    issuers: [TestIssuer().secretProfile()], generation: 0)
}

/// A file either compiles or has one fault with a place in it.
func fuzzSettings(_ input: ByteSlice) {
  for name in ["fuzz.yaml", "fuzz.json"] {
    do throws(SettingsFault) {
      let settings = try GatewaySettings(
        compiling: SettingsDocument(parsing: input, named: name))
      for issuer in settings.issuers {
        _ = try IssuerProfile.compile(issuer) { _ in try TestIssuer.keySet() }
      }
      _ = try TenancyPolicy.compile(settings, generation: 1)
      for test in try PolicyTest.compile(settings) {
        let policy = try TenancyPolicy.compile(settings, generation: 1)
        _ = test.failure(on: policy, at: UnixTime(seconds: 1_800_000_000))
      }
    } catch {
      law(error.position.line >= 1 && error.position.column >= 1, "a fault without a place")
      law(!error.text.isEmpty, "a fault without a text")
    }
  }
}
