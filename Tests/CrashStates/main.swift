import Foundation
import Glibc

// Finds out whether a store survives every crash: `make crash-states`.
//
//   jodrell-crash-states run RECORDER STATES SEED
//       RECORDER is record.c, compiled. Exit code 0: every state kept what had been promised.
//   jodrell-crash-states workload DATA MARKS SEED LIFE
//       one life of the store that is recorded; the first form starts these.

let words = CommandLine.arguments.dropFirst()
switch (words.first, words.count) {
case ("run", 4):
  guard let states = Int(words[3]), let seed = UInt64(words[4]) else { exit(64) }
  do {
    let broken = try await Enumeration(recorder: words[2], states: states, seed: seed).run()
    exit(broken == 0 ? 0 : 1)
  } catch {
    say("\(error)")
    exit(2)
  }
case ("workload", 5):
  guard let marks = Marks(path: words[3]), let seed = UInt64(words[4]), let life = Int(words[5])
  else { exit(64) }
  do {
    try await Workload(data: words[2], marks: marks, seed: seed, life: life).run()
    // As a death: nothing is closed or written any more.
    _exit(0)
  } catch {
    say("\(error)")
    _exit(1)
  }
default:
  say("jodrell-crash-states run RECORDER STATES SEED")
  exit(64)
}
