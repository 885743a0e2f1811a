# Reads what a program's --help and its commands' --help print, each behind a line "@@ COMMAND", and
# writes one fact per line, its parts separated by tabs:
#
#   program TEXT                     what the program is
#   synopsis LINE                    a way to call it
#   command NAME TEXT                what a command does
#   text NAME PARAGRAPH              the command "-" is the overview
#   item NAME WORDS TEXT             a form of a command, or a way to call it, and what it does
#   verb NAME WORD                   a word that a command takes behind its name, such as "check"
#   option NAME OPTION VALUE TEXT    VALUE is "-" for switches
#   heading NAME TEXT                examples follow
#   example NAME LINE
#   code NUMBER TEXT                 an exit code
BEGIN { OFS = "\t" }

function flush(   parts, count, i, words) {
  if (option != "") print "option", command, option, value, text
  else if (text ~ /^Exit codes: / && command == "-") {
    sub(/^Exit codes: /, "", text); sub(/\.$/, "", text)
    count = split(text, parts, /; /)
    for (i = 1; i <= count; i++) {
      match(parts[i], /^[0-9]+/)
      words = substr(parts[i], RLENGTH + 2)
      print "code", substr(parts[i], 1, RLENGTH), words
    }
  } else if (text != "") print "text", command, text
  option = ""; text = ""
}

# Tells the verb of "verify run", "jodrell schema check FILE…" and the like, once. Words in lower case
# are to be typed as they stand; a way to call a program begins with its name.
function verb(words,   parts, first) {
  split(words, parts, " ")
  first = parts[1] == program ? 2 : 1
  if (command == "-" && first == 1 || command != "-" && parts[first] != command) return
  if (parts[first + 1] ~ /^[a-z][a-z-]*$/ && !seen[parts[first], parts[first + 1]]++)
    print "verb", parts[first], parts[first + 1]
}

/^@@ / { flush(); command = $2; first = 1; examples = 0; next }

first {
  first = 0
  form = $0
  sub(/:.*/, "", form)
  sub(/^[^:]*: /, "")
  if (command == "-") { program = form; print "program", $0 }
  else { print "command", command, $0; verb(form) }
  next
}

/^[A-Z][A-Za-z ]*:$/ { flush(); examples = 1; print "heading", command, substr($0, 1, length($0) - 1); next }

/^ *$/ { flush(); next }

/^    +-/ {
  flush()
  sub(/^ +/, "")
  gap = match($0, /   */)
  text = gap ? substr($0, gap + RLENGTH) : ""
  option = gap ? substr($0, 1, gap - 1) : $0
  value = "-"
  if (option ~ / /) { value = option; sub(/^[^ ]+ /, "", value); sub(/ .*/, "", option) }
  next
}

option != "" && /^       / { sub(/^ +/, ""); text = text == "" ? $0 : text " " $0; next }

/^  +[^ ]/ {
  flush()
  sub(/^ +/, "")
  if (examples) print "example", command, $0
  else {
    gap = match($0, /   */)
    words = gap ? substr($0, 1, gap - 1) : $0
    verb(words)
    if (command == "-") print "synopsis", words
    else print "item", command, words, gap ? substr($0, gap + RLENGTH) : ""
  }
  next
}

{ text = text == "" ? $0 : text " " $0 }

END { flush() }
