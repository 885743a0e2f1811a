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
bench=${BENCH:-$programs/jodrell-bench}
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
  "$bench" publish --url "$url" --topic '~/orders' --token-file "$place/$1" --rate "$2" \
    --connections "$3" --duration "${seconds}s" --warm-up 2s --json --quiet >"$4" || true
}

publish small 200 4 "$place/quiet.json"
publish loud "$rate" 64 "$place/loud.json" &
flood=$!
publish small 200 4 "$place/beside.json"
wait $flood
python3 - "$place" <<'PY'
import json, sys

def report(name):
    return json.load(open(f"{sys.argv[1]}/{name}.json"))

def find(value, key):
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            found = find(one, key)
            if found is not None:
                return found
    return None

p99 = {name: float(find(report(name), "p99")) for name in ("quiet", "beside", "loud")}
print("p99 in ms: small alone {quiet}, small beside the flood {beside}, the flood {loud}".format(**p99))
bound = max(2 * p99["quiet"], 5)
sys.exit(0 if p99["beside"] <= bound else f"above the bound of {bound} ms")
PY
