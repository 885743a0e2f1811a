import Bytes
import Glibc
import Metrics
import Network

/// What the kernel says of this process, for the scrape. Some system calls and files of `/proc`:
/// called on a worker.
struct ProcessReading: Sendable {
  private let started = Clocks.system.wall()

  /// SAFETY: the structures that the calls fill live on this stack frame.
  func sample() -> ProcessSample {
    var cpu = timespec()
    _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu)
    var limit = rlimit()
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // Columns of statm: total and resident pages (proc(5)).
    let pages = (try? FileAccess.read("/proc/self/statm"))?.text.split(separator: " ") ?? []
    let pageSize = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 0))
    func bytes(_ column: Int) -> UInt64 {
      column < pages.count ? (UInt64(pages[column]) ?? 0) * pageSize : 0
    }
    return ProcessSample(
      cpu: .nanoseconds(Int64(cpu.tv_sec) * 1_000_000_000 + Int64(cpu.tv_nsec)),
      residentBytes: bytes(1), virtualBytes: bytes(0),
      openDescriptors: (try? FileAccess.names(in: "/proc/self/fd"))?.count ?? 0,
      maxDescriptors: UInt64(limit.rlim_cur), started: started)
  }
}
