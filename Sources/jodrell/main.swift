import Glibc

// The commands run in a task of their own while this thread only waits. An async main would leave it to
// the dispatch library, whose main thread ends in a wait that takes every signal, also those that
// `serve` blocks so that one thread can wait for them.
if CommandLine.arguments.dropFirst().first == Command.serve.rawValue { StopSignal.blockSignals() }

// A reader that has gone is an error of the write to it.
_ = signal(SIGPIPE, SIG_IGN)

Task.detached {
  exit(await Command.run(Array(CommandLine.arguments.dropFirst())).rawValue)
}
while true { pause() }
