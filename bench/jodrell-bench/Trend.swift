/// A straight line through samples over time, by least squares.
struct Trend: Equatable {
  /// Units of the samples per hour.
  let perHour: Double

  /// - Parameter samples: seconds and values; nil with less than two instants.
  init?(_ samples: [(seconds: Double, value: Double)]) {
    guard samples.count > 1 else { return nil }
    let count = Double(samples.count)
    let middle = samples.reduce(0) { $0 + $1.seconds } / count
    let mean = samples.reduce(0) { $0 + $1.value } / count
    var spread = 0.0
    var product = 0.0
    for sample in samples {
      let offset = sample.seconds - middle
      spread += offset * offset
      product += offset * (sample.value - mean)
    }
    guard spread > 0 else { return nil }
    perHour = product / spread * 3600
  }
}
