/// Durations as the HTTP contract and the configuration write them: `250ms`, `30s`, `5m`, `1h`,
/// `7d`.
extension TimeSpan {
  /// Reads an unsigned integer with one of the units `ms`, `s`, `m`, `h`, `d`; nil for anything
  /// else and for spans beyond 100 years.
  public init?(parsing text: ByteSlice) {
    var value: Int64 = 0
    var index = 0
    while index < text.count, ASCII.isDigit(text[index]) {
      guard index < 12 else { return nil }
      value = value * 10 + Int64(text[index] - ASCII.zero)
      index += 1
    }
    guard index > 0 else { return nil }
    let unit = text.dropFirst(index)
    let scale: Int64
    if unit.equals("ms") {
      scale = 1_000_000
    } else if unit.equals("s") {
      scale = 1_000_000_000
    } else if unit.equals("m") {
      scale = 60_000_000_000
    } else if unit.equals("h") {
      scale = 3_600_000_000_000
    } else if unit.equals("d") {
      scale = 86_400_000_000_000
    } else {
      return nil
    }
    let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: scale)
    guard !overflow, nanoseconds <= 36_525 * 86_400_000_000_000 else { return nil }
    self.init(nanoseconds: nanoseconds)
  }

  /// The shortest exact text that `init(parsing:)` reads back, milliseconds at the finest.
  public var text: String {
    let milliseconds = nanoseconds / 1_000_000
    if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
    let seconds = milliseconds / 1000
    if seconds != 0, seconds % 86_400 == 0 { return "\(seconds / 86_400)d" }
    if seconds != 0, seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
    if seconds != 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
    return "\(seconds)s"
  }
}

/// Instants as RFC 3339 writes them.
extension UnixTime {
  /// Reads an RFC 3339 §5.6 date-time with any offset and up to nine fractional digits; a leap
  /// second reads as the second after it. Nil for anything else and outside the years 1678–2262.
  public init?(rfc3339 text: ByteSlice) {
    guard text.count >= 20,
      let year = Self.digits(text, 0, 4), text[4] == ASCII.minus,
      let month = Self.digits(text, 5, 2), text[7] == ASCII.minus,
      let day = Self.digits(text, 8, 2), text[10] | 0x20 == 0x74,
      let hour = Self.digits(text, 11, 2), text[13] == ASCII.colon,
      let minute = Self.digits(text, 14, 2), text[16] == ASCII.colon,
      let second = Self.digits(text, 17, 2),
      month >= 1, month <= 12, day >= 1, day <= Self.daysIn(month: month, of: year),
      hour < 24, minute < 60, second <= 60, year >= 1678, year <= 2261
    else { return nil }
    var index = 19
    var fraction: Int64 = 0
    if text[index] == ASCII.dot {
      index += 1
      var scale: Int64 = 100_000_000
      let start = index
      while index < text.count, ASCII.isDigit(text[index]) {
        fraction += Int64(text[index] - ASCII.zero) * scale
        scale /= 10
        index += 1
      }
      guard index > start else { return nil }
    }
    guard index < text.count else { return nil }
    var offset: Int64 = 0
    if text[index] | 0x20 == 0x7A {
      guard index + 1 == text.count else { return nil }
    } else {
      guard index + 6 == text.count, text[index] == ASCII.plus || text[index] == ASCII.minus,
        let hours = Self.digits(text, index + 1, 2), text[index + 3] == ASCII.colon,
        let minutes = Self.digits(text, index + 4, 2), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * 60 * (text[index] == ASCII.minus ? -1 : 1)
    }
    let days = Self.days(year: year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    self.init(nanoseconds: seconds * 1_000_000_000 + fraction)
  }

  /// Appends the instant in UTC with milliseconds: `2026-05-04T03:02:01.000Z`.
  public func appendRFC3339(to writer: inout ByteWriter) {
    let seconds = self.seconds
    let fraction = nanoseconds % 1_000_000_000
    let milliseconds = (fraction < 0 ? fraction + 1_000_000_000 : fraction) / 1_000_000
    var days = seconds / 86_400
    var rest = seconds % 86_400
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    let (year, month, day) = Self.civil(days: days)
    let clock = UInt32(truncatingIfNeeded: rest)
    let thousandths = UInt32(truncatingIfNeeded: milliseconds)
    var text: InlineArray<24, UInt8> = .init(repeating: 0)
    func put(_ pair: UInt32, _ index: Int, _ after: UInt8) {
      text[index] = ASCII.zero &+ UInt8(truncatingIfNeeded: pair / 10)
      text[index + 1] = ASCII.zero &+ UInt8(truncatingIfNeeded: pair % 10)
      text[index + 2] = after
    }
    let years = UInt32(truncatingIfNeeded: year)
    put(years / 100, 0, 0)
    put(years % 100, 2, ASCII.minus)
    put(UInt32(truncatingIfNeeded: month), 5, ASCII.minus)
    put(UInt32(truncatingIfNeeded: day), 8, 0x54)
    put(clock / 3_600, 11, ASCII.colon)
    put(clock / 60 % 60, 14, ASCII.colon)
    put(clock % 60, 17, ASCII.dot)
    put(thousandths / 10, 20, ASCII.zero &+ UInt8(truncatingIfNeeded: thousandths % 10))
    text[23] = 0x5A
    writer.append(text.span)
  }

  public var rfc3339: String {
    var writer = ByteWriter(capacity: 24)
    appendRFC3339(to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func digits(_ text: ByteSlice, _ start: Int, _ count: Int) -> Int64? {
    var value: Int64 = 0
    for index in start..<(start + count) {
      guard index < text.count, ASCII.isDigit(text[index]) else { return nil }
      value = value * 10 + Int64(text[index] - ASCII.zero)
    }
    return value
  }

  private static func daysIn(month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 to a proleptic Gregorian date, by counting in 400-year eras that start on
  /// 1 March, so that the leap day is a year's last.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
