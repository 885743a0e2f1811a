import Glibc

// SAFETY: the driver gets the process's own argument vector, which lives as long as the process,
// and hands the target memory that it owns for the length of the call.

/// libFuzzer's entry for programs that have a `main` of their own (compiler-rt/lib/fuzzer).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// `jodrell-fuzz [libFuzzer's options] corpus…`, with the target's name in `JODRELL_FUZZ_TARGET`.
@main enum Fuzzing {
  static func main() {
    var count = CommandLine.argc
    var arguments = unsafe CommandLine.unsafeArgv
    exit(
      unsafe runDriver(&count, &arguments) { data, count in
        unsafe Target.chosen.take(UnsafeBufferPointer(start: data, count: count))
        return 0
      })
  }
}
