import Glibc
import Network

// The commands run in a task of their own while this thread only waits. An async main would leave
// it to the dispatch library, whose main thread ends in a wait that takes every signal, also those
// that `serve` and `demo` block so that one thread can wait for them.
if let first = CommandLine.arguments.dropFirst().first, first == "serve" || first == "demo" {
  StopSignal.blockSignals()
}

// RocksDB's memory tables are pieces of 1 MiB that come and go; between what is small and stays
// they would leave holes.
Allocator.mapBlocks(from: 1 << 20)
Allocator.keepFree(4 << 20)

// A reader that has gone is an error of the write to it.
_ = signal(SIGPIPE, SIG_IGN)

Task.detached {
  exit(await Command.run(Array(CommandLine.arguments.dropFirst())).rawValue)
}
while true { pause() }
