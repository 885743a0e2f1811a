import Bytes

/// RFC 3339 §5.6: dates and times, with the calendar and leap seconds respected.
enum TimeGrammar {
  /// `full-date "T" full-time`, the letters in either case.
  static func isDateTime(_ text: Span<UInt8>) -> Bool {
    guard text.count >= 20, text[10] | 0x20 == 0x74 else { return false }
    return isDate(text.extracting(first: 10)) && isTime(text.extracting(11..<text.count))
  }

  /// `YYYY-MM-DD` of a day that exists in the Gregorian calendar.
  static func isDate(_ text: Span<UInt8>) -> Bool {
    guard text.count == 10, text[4] == ASCII.minus, text[7] == ASCII.minus,
      let century = twoDigits(text, at: 0), let yearOfCentury = twoDigits(text, at: 2),
      let month = twoDigits(text, at: 5), let day = twoDigits(text, at: 8)
    else { return false }
    return month >= 1 && month <= 12 && day >= 1
      && day <= days(inMonth: month, year: century * 100 + yearOfCentury)
  }

  /// `hh:mm:ss[.fraction]` and an offset. A second of 60 only where the minute is 23:59 UTC.
  static func isTime(_ text: Span<UInt8>) -> Bool {
    guard text.count >= 9, text[2] == ASCII.colon, text[5] == ASCII.colon,
      let hour = twoDigits(text, at: 0), let minute = twoDigits(text, at: 3),
      let second = twoDigits(text, at: 6), hour < 24, minute < 60, second <= 60
    else { return false }
    var index = 8
    if text[index] == ASCII.dot {
      index += 1
      let firstDigit = index
      while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
      guard index > firstDigit else { return false }
    }
    guard let offset = offsetMinutes(text, from: index) else { return false }
    if second < 60 { return true }
    let minuteOfDay = (hour * 60 + minute - offset + 2 * 1440) % 1440
    return minuteOfDay == 1439
  }

  /// The offset in minutes east of UTC of `Z` or `±hh:mm` that ends the text, or nil.
  private static func offsetMinutes(_ text: Span<UInt8>, from index: Int) -> Int? {
    guard index < text.count else { return nil }
    if text[index] | 0x20 == 0x7A { return index + 1 == text.count ? 0 : nil }
    guard text.count - index == 6, text[index] == ASCII.plus || text[index] == ASCII.minus,
      text[index + 3] == ASCII.colon, let hours = twoDigits(text, at: index + 1),
      let minutes = twoDigits(text, at: index + 4), hours < 24, minutes < 60
    else { return nil }
    let offset = hours * 60 + minutes
    return text[index] == ASCII.minus ? -offset : offset
  }

  private static func twoDigits(_ text: Span<UInt8>, at index: Int) -> Int? {
    let tens = text[index]
    let ones = text[index + 1]
    guard ASCII.isDigit(tens), ASCII.isDigit(ones) else { return nil }
    return Int(tens &- ASCII.zero) * 10 + Int(ones &- ASCII.zero)
  }

  private static func days(inMonth month: Int, year: Int) -> Int {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }
}
