#!/usr/bin/env bash
# Tokenising and checking events against schemas: this engine, ajv (Debian's node-ajv) and
# jsonschema-rs with orjson (PyPI) over the same files, one after the other on one core.
#
#   bench/schemas/compare.sh [SECONDS]     8 for each figure; PYTHON names an interpreter that has
#                                          jsonschema-rs and orjson, DRIVER a built driver
#
# The webhooks are measured where JODRELL_CONFORMANCE_DATA (../shared/data) names the folder that has
# them: docs/schemas.md, "Conformance data".
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds="${1:-8}"
python="${PYTHON:-python3}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
driver="${DRIVER:-$(swift build -c release --show-bin-path)/jodrell-schema-driver}"
[ -x "$driver" ] || { echo "first: swift build -c release --product jodrell-schema-driver" >&2; exit 1; }

compare() {
  local name=$1
  shift
  echo "── $name"
  echo "jodrell        $("$driver" measure "$seconds" "$@")"
  if node -e 'require("ajv")' 2>/dev/null; then
    echo "ajv            $(node bench/schemas/peer.js "$seconds" "$@")"
  else
    echo "ajv            not here: apt-get install node-ajv"
  fi
  if "$python" -c 'import jsonschema_rs, orjson' 2>/dev/null; then
    echo "jsonschema-rs  $("$python" bench/schemas/peer.py "$seconds" "$@")"
  else
    echo "jsonschema-rs  not here: pip install jsonschema-rs orjson"
  fi
}

python3 bench/schemas/events.py "$work"
compare "2,000 orders of 0.9 KB" "$work/orders.schema.json" "$work/orders"

webhooks="${JODRELL_CONFORMANCE_DATA:-../shared/data}/github-webhooks"
if [ -d "$webhooks" ]; then
  pairs=()
  for schema in "$webhooks"/topic-schemas/*.schema.json; do
    type="$(basename "$schema" .schema.json)"
    [ -d "$webhooks/payloads/$type" ] && pairs+=("$schema" "$webhooks/payloads/$type")
  done
  compare "GitHub webhooks" "${pairs[@]}"
fi
