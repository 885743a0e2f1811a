import Glibc

// Drives the schema engine from outside, for Tests/Differential and bench/schemas.
//
//   verdicts                              lines of schemas and instances become lines of verdicts
//   measure SECONDS [SCHEMA FOLDER]...    tokenises and checks the files of each folder in turn

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "verdicts": Verdicts.run()
case "measure":
  guard arguments.count >= 4, arguments.count % 2 == 0, let seconds = Double(arguments[1]) else {
    exit(64)
  }
  Measurement.run(seconds: seconds, pairs: Array(arguments[2...]))
default: exit(64)
}
