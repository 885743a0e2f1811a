import Bytes
import Foundation
import Glibc

/// What `/proc` says of the server's process.
struct ServerUsage {
  /// User and system time since the process started; steps of 10 ms.
  let cpu: TimeSpan
  let residentBytes: UInt64
  /// The most it ever was resident.
  let peakBytes: UInt64
  let threads: Int
  /// Open files; 0 where they may not be counted.
  let descriptors: Int

  /// Nil when there is no such process, or it may not be read.
  init?(pid: Int) {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
      let name = stat.lastIndex(of: ")")
    else { return nil }
    // proc(5): the fields behind the name count from 3; 14 and 15 are utime and stime.
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else {
      return nil
    }
    let tick = 1_000_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
    cpu = TimeSpan(nanoseconds: (user + system) * tick)
    func figure(_ key: String) -> UInt64 {
      for line in status.split(separator: "\n") where line.hasPrefix(key) {
        return (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first)
          .flatMap { UInt64($0) } ?? 0
      }
      return 0
    }
    residentBytes = figure("VmRSS:") * 1024
    peakBytes = figure("VmHWM:") * 1024
    threads = Int(figure("Threads:"))
    let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    descriptors = open?.count ?? 0
  }

  /// User and system time of this process.
  static var ownCPU: TimeSpan {
    var time = timespec()
    // SAFETY: the kernel fills in a local variable.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
