import Bytes
import JSONText

/// What a loop reads tokens with: a parser with the limits of tokens, and the headers that it has
/// met lately. Tokens signed with one key have one header, letter by letter, so that it need not
/// be read with each of them.
///
/// Owned by one loop. Bounded: eight headers of at most 512 bytes, each of a token whose signature
/// was good, so that bad tokens drive none out.
public final class TokenReader {
  private struct Known {
    let text: ByteSlice
    let header: TokenHeader
  }

  private static let most = 8
  private static let longest = 512

  let parser = JSONParser(limits: .token)
  private var known: [Known] = []
  /// Whose place the next one takes when all are taken.
  private var oldest = 0

  public init() {}

  /// The header of that text in base64url, if it is known.
  func header(of text: ByteSlice) -> TokenHeader? {
    for index in known.indices where known[index].text == text { return known[index].header }
    return nil
  }

  /// Remembers the header of a token whose signature is good.
  func keep(_ header: TokenHeader, of text: ByteSlice) {
    // One with a key inside would hold on to the parser's memory.
    guard text.count <= Self.longest, header.proofKey == nil, self.header(of: text) == nil else {
      return
    }
    let entry = Known(text: ByteSlice(copying: text.span), header: header)
    if known.count < Self.most {
      known.append(entry)
    } else {
      known[oldest] = entry
      oldest = (oldest + 1) % Self.most
    }
  }
}
