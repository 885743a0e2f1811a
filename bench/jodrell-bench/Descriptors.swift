import Glibc

/// Open files of this process: each connection is one.
enum Descriptors {
  /// Raises the soft limit to the hard one; a refusal shows when connections fail to open.
  static func raiseLimit() {
    var limit = rlimit()
    // SAFETY: the kernel fills in and reads a local variable.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
