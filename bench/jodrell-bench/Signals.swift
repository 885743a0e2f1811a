import Glibc
import Synchronization

/// The signals that ask the process to end.
enum Signals {
  /// From now on one of them ends the run, which still reports and removes what it has made.
  /// Another one meanwhile ends the process at once, with 128 + its number. SIGHUP stays ignored
  /// where whoever started the process wants it so, as `nohup` does.
  static func obey() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = signal(number) { sent in
        if interrupted.exchange(true, ordering: .relaxed) { _exit(128 + sent) }
      }
      // SAFETY: pointers to functions, or the numbers that stand for none, as wide as an Int; they
      // are compared and not called.
      let wasIgnored =
        unsafe unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
      if number == SIGHUP, wasIgnored { signal(number, SIG_IGN) }
    }
  }
}
