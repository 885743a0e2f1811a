# Writes a bash completion of the facts that help.awk finds. Variable: name.
BEGIN { FS = "\t" }

function quoted(text) { gsub(/'/, "'\\''", text); return "'" text "'" }

/--version/ { version = " --version" }
$1 == "command" { commands = commands " " $2 }
$1 == "verb" { verbs[$2] = verbs[$2] " " $3 }
$1 == "option" {
  options[$2] = options[$2] " " $3
  if ($4 == "-") next
  kind = $4 == "FILE" ? "file" : $4 == "DIR" ? "directory" : "none"
  values[kind] = values[kind] (values[kind] == "" ? "" : " | ") $2 ":" $3
}

END {
  shell = name; gsub(/-/, "_", shell)
  print "# bash completion for " name
  print "_" shell "() {"
  print "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
  print "  COMPREPLY=()"
  print "  if [ \"$COMP_CWORD\" -eq 1 ]; then"
  print "    mapfile -t COMPREPLY < <(compgen -W " quoted(substr(commands, 2) " --help" version) \
    " -- \"$word\")"
  print "    return"
  print "  fi"
  print "  case \"${COMP_WORDS[1]}:$before\" in"
  if (values["directory"] != "")
    print "    " values["directory"] ") _" shell "_paths -d; return ;;"
  if (values["file"] != "") print "    " values["file"] ") _" shell "_paths -f; return ;;"
  if (values["none"] != "") print "    " values["none"] ") return ;;"
  for (command in verbs)
    print "    " command ":" command ")\n      if [[ $word != -* ]]; then\n" \
      "        mapfile -t COMPREPLY < <(compgen -W " quoted(substr(verbs[command], 2)) \
      " -- \"$word\")\n        return\n      fi ;;"
  print "  esac"
  print "  case \"${COMP_WORDS[1]}:$word\" in"
  count = split(substr(commands, 2), list, " ")
  for (i = 1; i <= count; i++)
    print "    " list[i] ":-*) mapfile -t COMPREPLY < <(compgen -W " \
      quoted(substr(options[list[i]], 2) " --help") " -- \"$word\") ;;"
  print "    *) _" shell "_paths -f ;;"
  print "  esac"
  print "}"
  print "_" shell "_paths() {"
  print "  compopt -o filenames 2>/dev/null"
  print "  mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")"
  print "}"
  print "complete -F _" shell " " name
}
