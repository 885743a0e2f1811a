/// The texts of `--help`. docs/cli.md says the same at more length.
enum HelpText {
  static let overview = "jodrell\n"
  static let serve = ""
  static let token = ""
  static let check = ""
  static let inspect = ""
  static let publish = ""
  static let tail = ""
  static let topics = ""
  static let demo = ""
}
