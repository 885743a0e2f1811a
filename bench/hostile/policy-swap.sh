#!/usr/bin/env bash
# A policy change with many open streams: how long until all of them have been held against it, and
# how long until all of them have ended when it takes their grant away? And does a publisher who stays
# valid notice anything?
#
#   bench/hostile/policy-swap.sh [READERS]
#
# READERS (10000) event streams wait on one topic while 500 events a second are published to another.
# The policy is swapped three times without meaning anything to them, then without their grant. Fails
# when a swap takes a second or more, or any publish was refused.
set -euo pipefail
readers=${1:-10000}
programs=${PROGRAMS:-.build/release}
bench=${BENCH:-$programs/jodrell-bench}
place=$(mktemp -d)
stop() {
  kill "${load:-}" "${streams:-}" "${gateway:-}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$place"
}
trap stop EXIT
ulimit -n "$(ulimit -Hn)"

serve() { # log, arguments
  local log=$1
  shift
  "$programs/jodrell" serve --data "$place/data" --listen 127.0.0.1:0 "$@" 2>"$log" &
  gateway=$!
  until grep -q '"ready"' "$log"; do sleep 0.05; done
}
policy() { # a line that differs, what is granted
  cat >"$place/next" <<YAML
# $1
issuers:
  - {id: development, iss: "urn:jodrell:development", audiences: [jodrell], algorithms: [ES256],
     keys: {file: "$place/data/development-keys.json"}}
tenants: {acme: {}}
mappings:
  - {id: all, issuer: development, when: {"/tenant": {eq: acme}}, tenant: acme, namespace: default,
     principal: "{/sub}", allow: [$2]}
YAML
  mv "$place/next" "$place/jodrell.yaml"
}

serve "$place/first.log"
kill $gateway
wait $gateway || true
policy 0 '{publish: ["*/*"]}, {subscribe: ["*/*"]}'
serve "$place/log" -c "$place/jodrell.yaml" --management 127.0.0.1:0
url=http://$(grep -o '"http":"[^"]*"' "$place/log" | cut -d'"' -f4)
metrics=http://$(grep -o '"management":"[^"]*"' "$place/log" | cut -d'"' -f4)/metrics
"$programs/jodrell" token --data "$place/data" --tenant acme --count 1000 >"$place/tokens"

"$bench" publish --url "$url" --topic '~/beside' --token-file "$place/tokens" --rate 500 \
  --connections 8 --duration 60s --json --quiet >"$place/load.json" 2>"$place/load.log" &
load=$!
"$bench" subscribe --url "$url" --topic '~/watched' --token-file "$place/tokens" \
  --readers "$readers" --publish-rate 1 --duration 60s --quiet >"$place/streams.log" 2>&1 &
streams=$!

python3 - "$metrics" "$readers" "$place" "$gateway" <<'PY'
import os, re, signal, subprocess, sys, time, urllib.request
metrics, readers, place, gateway = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def read(name):
    text = urllib.request.urlopen(metrics, timeout=10).read().decode()
    return int(float(re.search(r"^" + re.escape(name) + r" (\S+)$", text, re.M).group(1)))

def until(holds, patience):
    end = time.time() + patience
    while time.time() < end:
        if holds():
            return time.time()
        time.sleep(0.01)
    sys.exit("does not come about")

until(lambda: read("jodrell_streams_open") >= readers, 120)
print(f"{readers} streams are open", flush=True)
worst = 0.0
reviewed = 'jodrell_stream_reviews_total{result="reviewed"}'
allowed = '{publish: ["*/*"]}, {subscribe: ["*/*"]}'

def swap(line, grants):
    source = open(place + "/jodrell.yaml").read()
    source = re.sub(r"^# .*$", f"# {line}", source, count=1, flags=re.M)
    source = re.sub(r"allow: \[.*\]", f"allow: [{grants}]", source)
    open(place + "/next", "w").write(source)
    os.rename(place + "/next", place + "/jodrell.yaml")
    os.kill(gateway, signal.SIGHUP)
    return time.time()

for turn in range(3):
    before = read(reviewed)
    began = swap(f"turn {turn + 1}", allowed)
    took = until(lambda: read(reviewed) - before >= readers, 30) - began
    worst = max(worst, took)
    print(f"swap {turn + 1}: all reviewed {took * 1000:.0f} ms after SIGHUP", flush=True)
began = swap("the end", '{publish: ["*/*"]}')
took = until(lambda: read("jodrell_streams_open") == 0, 30) - began
print(f"grant taken away: all ended {took * 1000:.0f} ms after SIGHUP", flush=True)
sys.exit(1 if max(worst, took) >= 1 else 0)
PY
kill $streams 2>/dev/null || true
wait $load && cat "$place/load.json" | head -c 600
