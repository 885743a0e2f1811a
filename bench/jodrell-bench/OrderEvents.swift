import Bytes

/// Makes varied order events of about half a kilobyte that `schemas/public/default/orders` accepts.
/// The same seed makes the same events.
struct OrderEvents {
  private var random: SplitMix
  private let placed: UnixTime

  init(seed: UInt64) {
    random = SplitMix(seed: seed)
    placed = UnixTime(seconds: 1_767_225_600 + Int64(seed % 86_400))
  }

  /// Where the sixteen digits of an event's id start.
  static let idOffset = "{\"orderId\":\"ord_".utf8.count

  /// Appends the next event, compact JSON without a line feed.
  mutating func append(to text: inout ByteWriter) {
    let name = pick(Self.names)
    let city = pick(Self.cities)
    let state = random.below(4)
    text.append("{\"orderId\":\"ord_")
    text.append(hexadecimal: random.next())
    text.append("\",\"status\":\"")
    text.append(text: Self.states[Int(state)])
    text.append("\",\"placedAt\":\"")
    (placed + .milliseconds(Int64(random.below(86_400_000)))).appendRFC3339(to: &text)
    text.append("\",\"customer\":{\"customerId\":\"cus-")
    text.append(decimal: 10_000 + random.below(90_000))
    text.append("\",\"email\":\"")
    text.append(name.mail)
    text.append(decimal: random.below(1_000))
    text.append("@example.org\",\"name\":\"")
    text.append(name.full)
    text.append("\"},\"items\":[")
    let total = appendItems(to: &text)
    text.append("],\"total\":")
    appendMoney(total, to: &text)
    text.append(",\"shipping\":{\"street\":\"")
    text.append(city.street)
    text.append(" ")
    text.append(decimal: 1 + random.below(180))
    text.append("\",\"city\":\"")
    text.append(city.name)
    text.append("\",\"postalCode\":\"")
    text.append(decimal: 10_000 + random.below(89_999))
    text.append("\",\"country\":\"")
    text.append(city.country)
    text.append("\"}")
    if Self.states[Int(state)] == "cancelled" {
      text.append(",\"cancelReason\":\"changed my mind\"")
    }
    text.append("}")
  }

  private mutating func appendItems(to text: inout ByteWriter) -> UInt64 {
    var total: UInt64 = 0
    for line in 0..<(1 + random.below(3)) {
      let quantity = 1 + random.below(4)
      let price = 199 + random.below(18_000)
      let good = pick(Self.goods)
      total += quantity * price
      text.append(line > 0 ? ",{\"sku\":\"" : "{\"sku\":\"")
      text.append(good.sku)
      text.append("-")
      text.append(decimal: 1_000 + random.below(9_000))
      text.append("\",\"title\":\"")
      text.append(good.title)
      text.append("\",\"quantity\":")
      text.append(decimal: quantity)
      text.append(",\"price\":")
      appendMoney(price, to: &text)
      text.append("}")
    }
    return total
  }

  private func appendMoney(_ minor: UInt64, to text: inout ByteWriter) {
    text.append("{\"currency\":\"EUR\",\"minor\":")
    text.append(decimal: minor)
    text.append("}")
  }

  private mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
    choices[Int(random.below(UInt64(choices.count)))]
  }

  private static let states = ["placed", "paid", "shipped", "cancelled"]
  private static let names: [(mail: StaticString, full: StaticString)] = [
    ("anna.weber", "Anna Weber"), ("jorge.ruiz", "Jorge Ruiz"), ("mei.tanaka", "Mei Tanaka"),
    ("zoe.muller", "Zoë Müller"), ("liam.obrien", "Liam O'Brien"), ("ada.nowak", "Ada Nowak"),
  ]
  private static let cities: [(street: StaticString, name: StaticString, country: StaticString)] = [
    ("Lindenstraße", "Berlin", "DE"), ("Rue des Lilas", "Lyon", "FR"), ("Via Roma", "Torino", "IT"),
    ("Calle Mayor", "Madrid", "ES"), ("Nowy Świat", "Warszawa", "PL"), ("Kirkgate", "Leeds", "GB"),
  ]
  private static let goods: [(sku: StaticString, title: StaticString)] = [
    ("CUP", "Espresso cups, set of 6"), ("LAMP", "Desk lamp"), ("BOOK", "Field guide to birds"),
    ("SHOE", "Running shoes"), ("TENT", "Tent for two"), ("SE", "Seeds, \\\"early\\\" mix"),
  ]
}

/// A seeded generator (Steele, Lea, Flood: SplitMix64).
struct SplitMix: Sendable {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A number below `bound`; the slight preference for low numbers does not matter here.
  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
}

extension ByteWriter {
  /// Sixteen hexadecimal digits.
  mutating func append(hexadecimal value: UInt64) {
    for shift in stride(from: 60, through: 0, by: -4) {
      append(ASCII.hexDigit(UInt8(value >> UInt64(shift) & 0xF)))
    }
  }
}
