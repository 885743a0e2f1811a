# What `deb`, `dist` and `test` share; sourced by them. PROGRAMS is the folder of the release build.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
output=$root/.build/packages
programs=${PROGRAMS:-$root/.build/release}
umask 022

# The version is a constant of the program (Command.version).
version=$("$programs/jodrell" --version)
version=${version#jodrell }

# The same commit gives the same bytes: every date is that of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)

# install_programs FOLDER [RPATH]: both programs without symbols. SwiftPM leaves an rpath for libraries
# beside the program.
install_programs() {
  local name
  mkdir -p "$1"
  for name in jodrell jodrell-bench; do
    strip --strip-unneeded --remove-section=.comment -o "$1/$name" "$programs/$name"
    blank "$1/$name" .swift_modhash
    if [ -n "${2:-}" ]; then
      patchelf --set-rpath "$2" "$1/$name"
    else
      patchelf --remove-rpath "$1/$name"
    fi
    chmod 0755 "$1/$name"
  done
  # RocksDB looks for its checksum and its memory there; without them, it is slow and says nothing.
  for name in crc32c6Extend '_Znam$' '_ZdaPv$'; do
    readelf --wide --dyn-syms "$1/jodrell" | grep -v UND | grep -c "$name" >/dev/null
  done
}

# blank FILE SECTION: fills a section with zeros. The hashes of modules tell in which folder they were
# built, and nothing reads them; taking the section out would take the RELRO segment along.
blank() {
  local size offset
  read -r size offset < <(objdump -h "$1" | awk -v name="$2" '$2 == name { print "0x" $3, "0x" $6 }')
  dd if=/dev/zero of="$1" conv=notrunc status=none bs=1 count=$((size)) seek=$((offset))
}

# install_pages SHARE ZSH: manual pages and completions below a share folder.
install_pages() {
  local pages name
  pages=$(mktemp -d)
  for name in jodrell jodrell-bench; do
    "$here/pages" "$programs/$name" "$pages" "$version" "$date"
    install -D -m 0644 "$pages/$name.1" "$1/man/man1/$name.1"
    install -D -m 0644 "$pages/$name.bash" "$1/bash-completion/completions/$name"
    install -D -m 0644 "$pages/_$name" "$1/zsh/$2/_$name"
  done
  mkdir -p "$1/man/man5"
  awk -v name=jodrell.yaml -v version="$version" -v date="$date" \
    -v summary="configuration of the event gateway jodrell" \
    -f "$here/markdown.awk" "$root/docs/configuration.md" > "$1/man/man5/jodrell.yaml.5"
  find "$1/man" -type f -exec gzip -9n {} +
  rm -r "$pages"
}

# install_docs FOLDER: the pages for people.
install_docs() {
  install -D -m 0644 "$root/README.md" "$1/README.md"
  install -D -m 0644 -t "$1/docs" "$root"/docs/*.md
  install -D -m 0644 -t "$1/docs/http" "$root"/docs/http/*.md
  install -D -m 0644 "$root/bench/README.md" "$1/bench/README.md"
}

# install_schemas FOLDER: schemas, events that keep and break them, a configuration with every key.
install_schemas() {
  (cd "$root/schemas" && find . -type f -exec install -D -m 0644 {} "$1/{}" \;)
}
