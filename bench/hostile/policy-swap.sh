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
#
# Needs python3, and release builds of jodrell and jodrell-bench (.build/release, or a folder in
# PROGRAMS, or JODRELL=path, JODRELL_BENCH=path). What the script starts it ends.
set -euo pipefail
readers=${1:-10000}
. "$(dirname "$0")/../peers/shared.sh"
ulimit -n "$(ulimit -Hn)"

serve() { # log, arguments
  serve_with "$1" "$jodrell" serve --data "$work/data" --listen 127.0.0.1:0 "${@:2}"
}
policy() { # a line that differs, what is granted
  cat >"$work/next" <<YAML
# $1
issuers:
  - {id: development, iss: "urn:jodrell:development", audiences: [jodrell], algorithms: [ES256],
     keys: {file: "$work/data/development-keys.json"}}
tenants: {acme: {}}
mappings:
  - {id: all, issuer: development, when: {"/tenant": {eq: acme}}, tenant: acme, namespace: default,
     principal: "{/sub}", allow: [$2]}
YAML
  mv "$work/next" "$work/jodrell.yaml"
}

# Development mode makes the issuer's keys.
serve "$work/first.log"
stop_last
policy 0 '{publish: ["*/*"]}, {subscribe: ["*/*"]}'
serve "$work/log" -c "$work/jodrell.yaml" --management 127.0.0.1:0
url=http://$(grep -o '"http":"[^"]*"' "$work/log" | cut -d'"' -f4)
metrics=http://$(grep -o '"management":"[^"]*"' "$work/log" | cut -d'"' -f4)/metrics
"$jodrell" token --data "$work/data" --tenant acme --count 1000 >"$work/tokens"

"$bench" publish --url "$url" --topic '~/beside' --token-file "$work/tokens" --rate 500 \
  --connections 8 --duration 60s --json --quiet >"$work/load.json" 2>"$work/load.log" &
load=$!
"$bench" subscribe --url "$url" --topic '~/watched' --token-file "$work/tokens" \
  --readers "$readers" --publish-rate 1 --duration 60s --quiet >"$work/streams.log" 2>&1 &
streams=$!

python3 - "$metrics" "$readers" "$work" "$server" <<'PY'
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
wait $load && cat "$work/load.json" | head -c 600
