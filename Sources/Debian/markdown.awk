# Writes a manual page (roff, man macros) of a page in Markdown: headings, paragraphs, lists, fenced
# blocks, and tables, whose rows become entries. Variables: name, version, date, summary.
BEGIN {
  printf ".TH %s 5 \"%s\" \"jodrell %s\" \"File Formats\"\n", toupper(name), date, version
  print ".SH NAME\n" name " \\- " summary
}

function roff(text) {
  gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); gsub(/'/, "\\(aq", text)
  gsub(/\^/, "\\(ha", text); gsub(/~/, "\\(ti", text)
  return text
}

# Bold, code and links. Code may hold anything, so that the line is taken apart at its marks.
function spans(text,   parts, count, i, out) {
  while (match(text, /\]\([^)]*\)/))
    text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
  gsub(/\[`/, "`", text)
  count = split(text, parts, /`/)
  for (i = 1; i <= count; i++) {
    if (i % 2 == 0) { out = out "\\fB" roff(parts[i]) "\\fR"; continue }
    gsub(/\*\*/, "", parts[i]); gsub(/\[/, "", parts[i]); out = out roff(parts[i])
  }
  return out ~ /^\./ ? "\\&" out : out
}

function flush() {
  if (text != "") { if (!fresh) print ".PP"; print spans(text); fresh = 0 }
  text = ""
}

function heading(request, title) { flush(); print request " " spans(title); fresh = 1 }

/^```/ {
  flush()
  if (fenced) print ".EE\n.RE"; else print (fresh ? "" : ".PP\n") ".RS 4\n.EX"
  fenced = !fenced; fresh = 0
  next
}
fenced { print roff($0); next }
/^# / { heading(".SH", "DESCRIPTION"); next }
/^## / { heading(".SH", substr($0, 4)); next }
/^### / { heading(".SS", substr($0, 5)); next }
/^\|-/ { inRows = 1; next }
/^\|/ {
  flush()
  gsub(/\\\|/, "\001")
  count = split($0, cells, / *\| */)
  if (!inRows) { for (i in cells) titles[i] = tolower(cells[i]); next }
  print ".TP\n" spans(cells[2])
  line = ""
  # "takes 1s to 5m; default 15s; the pause …": the last cell needs no title.
  for (i = 3; i < count - 1; i++)
    line = line (cells[i] ~ /^(required|one of the two)/ ? "" : titles[i] " ") cells[i] "; "
  gsub(/\001/, "|", line); gsub(/\001/, "|", cells[count - 1])
  print spans(line cells[count - 1]); fresh = 0
  next
}
{ inRows = 0 }
/^ *$/ { flush(); next }
/^- / { flush(); print ".IP \\(bu 2"; fresh = 1; text = substr($0, 3); next }
{ sub(/^ +/, ""); text = text == "" ? $0 : text " " $0 }
END {
  flush()
  print ".SH SEE ALSO\n.BR jodrell (1)"
}
