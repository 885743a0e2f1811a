#!/usr/bin/env bash
# One tenant floods, another publishes a little: what does the second one notice?
#
#   bench/hostile/tenant-flood.sh [RATE] [SECONDS]
#
# Starts a gateway on a file with two tenants, measures the small one's publish latency alone and
# then beside RATE (20000) events a second of the other, and fails when its p99 beside the flood is
# above both twice the quiet one and 5 ms. Generator and gateway share the machine.
set -euo pipefail
rate=${1:-20000}
seconds=${2:-10}
programs=${PROGRAMS:-.build/release}
place=$(mktemp -d)
trap 'kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; rm -rf "$place"' EXIT

"$programs/jodrell" serve --data "$place/data" --listen 127.0.0.1:0 2>"$place/first.log" &
gateway=$!
until grep -q '"ready"' "$place/first.log"; do sleep 0.05; done
kill "$gateway"
wait "$gateway" || true
cat >"$place/jodrell.yaml" <<YAML
issuers:
  - {id: development, iss: "urn:jodrell:development", audiences: [jodrell], algorithms: [ES256],
     keys: {file: "$place/data/development-keys.json"}}
tenants: {loud: {}, small: {}}
mappings:
  - {id: all, issuer: development, when: {"/allow": {contains: publish}}, tenant: "{/tenant}",
     namespace: default, principal: "{/sub}", allow: [{publish: ["*/*"]}]}
YAML
"$programs/jodrell" serve -c "$place/jodrell.yaml" --data "$place/data" --listen 127.0.0.1:0 \
  --management 127.0.0.1:0 2>"$place/log" &
gateway=$!
until grep -q '"ready"' "$place/log"; do sleep 0.05; done
url=http://$(grep -o '"http":"[^"]*"' "$place/log" | cut -d'"' -f4)
for tenant in loud small; do
  "$programs/jodrell" token --data "$place/data" --tenant $tenant --allow publish --count 8 \
    >"$place/$tenant"
done

publish() { # tenant, rate, connections, file
  "$programs/jodrell-bench" publish --url "$url" --topic '~/orders' --token-file "$place/$1" \
    --rate "$2" --connections "$3" --duration "${seconds}s" --warmup 2s --json >"$4" || true
}
p99() { python3 -c 'import json,sys; r=json.load(open(sys.argv[1])); print(r["latency"]["p99"])' "$1"; }

publish small 200 4 "$place/quiet.json"
publish loud "$rate" 64 "$place/loud.json" &
flood=$!
publish small 200 4 "$place/beside.json"
wait $flood
cp "$place"/*.json "${RESULTS:-/tmp}" 2>/dev/null || true
echo "small alone:  $(head -c 400 "$place/quiet.json")"
echo "small beside: $(head -c 400 "$place/beside.json")"
echo "loud:         $(head -c 400 "$place/loud.json")"
