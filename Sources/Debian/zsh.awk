# Writes a zsh completion of the facts that help.awk finds. Variable: name.
BEGIN { FS = "\t" }

# Text inside single quotes, for a place where colons and brackets mean something.
function quoted(text) {
  gsub(/\\/, "\\\\", text); gsub(/:/, "\\:", text); gsub(/\[/, "\\[", text); gsub(/\]/, "\\]", text)
  gsub(/'/, "'\\''", text)
  return text
}

/--version/ { version = " '--version[which version it is]'" }
$1 == "command" {
  commands = commands "    '" $2 ":" quoted($3) "'\n"; order[++count] = $2
}
$1 == "verb" { verbs[$2] = verbs[$2] " " $3 }
$1 == "option" {
  action = $4 == "FILE" ? "_files" : $4 == "DIR" ? "_files -/" : " "
  equals = $4 != "-" && $3 ~ /^--/ ? "=" : ""
  value = $4
  gsub(/'/, "", value)
  options[$2] = options[$2] "        '" $3 equals "[" quoted($5) "]" \
    ($4 == "-" ? "" : ":" quoted(value) ":" action) "' \\\n"
}

END {
  shell = name; gsub(/-/, "_", shell)
  print "#compdef " name
  print "_" shell "() {"
  print "  local -a commands=(\n" commands "  )"
  print "  if (( CURRENT == 2 )); then"
  print "    _describe command commands"
  print "    _arguments '--help[what it can do]'" version
  print "    return"
  print "  fi"
  print "  local command=$words[2]"
  print "  shift words"
  print "  (( CURRENT-- ))"
  print "  case $command in"
  for (i = 1; i <= count; i++) {
    command = order[i]
    first = command in verbs ? "        '1:form:(" substr(verbs[command], 2) ")' \\\n" : ""
    print "    " command ")\n      _arguments \\\n" first options[command] \
      "        '--help[what it does]' \\\n        '*:operand:_files' ;;"
  }
  print "  esac"
  print "}"
  print "_" shell " \"$@\""
}
