# Writes a manual page (roff, man macros) of the facts that help.awk finds.
# Variables: name, version, date.
BEGIN {
  FS = "\t"
  printf ".TH %s 1 \"%s\" \"%s %s\" \"User Commands\"\n", toupper(name), date, name, version
}

# Text as roff takes it: no escapes, no requests, and hyphens that can be copied.
function roff(text) {
  gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); gsub(/'/, "\\(aq", text)
  gsub(/`/, "\\(ga", text); gsub(/~/, "\\(ti", text); gsub(/\^/, "\\(ha", text)
  if (text ~ /^\./) text = "\\&" text
  return text
}

function section(title) {
  if (current != title) { endExamples(); print ".SH " title; current = title; fresh = 1 }
}

# A paragraph; a section's first one needs no mark.
function paragraph() { endExamples(); if (!fresh) print ".PP"; fresh = 0 }

function endExamples() { if (inExamples) { print ".EE\n.RE"; inExamples = 0 } }

$1 == "program" { section("NAME"); print name " \\- " roff($2) }
$1 == "synopsis" { section("SYNOPSIS"); if (synopses++) print ".br"; print ".B " roff($2) }
$1 == "text" && $2 == "-" { section("DESCRIPTION"); paragraph(); print roff($3) }
$1 == "heading" && $2 == "-" { section("DESCRIPTION") }
$1 == "command" {
  endExamples(); section("COMMANDS"); print ".SS " roff(name " " $2) "\n" roff($3) "."
  fresh = 0
}
$1 == "text" && $2 != "-" { paragraph(); print roff($3) }
$1 == "item" {
  if ($4 == "") { paragraph(); print ".B " roff($3) }
  else { endExamples(); print ".TP\n.B " roff($3) "\n" roff($4) }
}
$1 == "option" {
  endExamples()
  print ".TP\n.B " roff($3) ($4 == "-" ? "" : "\\fR \\fI" roff($4) "\\fR") "\n" roff($5)
}
$1 == "heading" { paragraph(); print roff($3) ":\n.PP\n.RS 4\n.EX"; inExamples = 1 }
$1 == "example" { print roff($3) }
$1 == "code" { codes = codes ".TP\n.B " $2 "\n" roff($3) "\n" }

END { endExamples(); printf ".SH EXIT STATUS\n%s", codes }
