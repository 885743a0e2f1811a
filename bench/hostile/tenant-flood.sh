#!/usr/bin/env bash
# One tenant floods, another publishes a little: what does the second one notice?
#
#   bench/hostile/tenant-flood.sh [RATE] [SECONDS] [ROUNDS]
#
# Starts a gateway on a file with two tenants. In each of ROUNDS (3) rounds it measures the small
# one's publish latency alone and then beside RATE (20000) events a second of the other, SECONDS (5)
# each. Fails when its p99 beside the flood, in the median of the rounds, is above both twice the
# quiet one and 5 ms, or one of its publishes was not stored, alone or beside the flood. CONNECTIONS
# (64) and FLOOD, such as '--payload FILE' or '--batch 1000', are the flood's (RATE then counts
# requests); LIMITS, such as 'publishRate: 1000/s', bound it by the policy, so that most of it is
# refused.
#
# Generators and gateway share the machine: what they take of it is told with each round, as parts of
# one core. A flood that needs more than there is measures the machine and not the gateway.
#
# Needs python3, and release builds of jodrell and jodrell-bench (.build/release, or a folder in
# PROGRAMS, or JODRELL=path, JODRELL_BENCH=path). What the script starts it ends.
set -euo pipefail
rate=${1:-20000}
seconds=${2:-5}
rounds=${3:-3}
connections=${CONNECTIONS:-64}
. "$(dirname "$0")/../peers/shared.sh"

# Development mode makes the issuer's keys.
serve_with "$work/first.log" "$jodrell" serve --data "$work/data" --listen 127.0.0.1:0
stop_last
cat >"$work/jodrell.yaml" <<YAML
issuers:
  - {id: development, iss: "urn:jodrell:development", audiences: [jodrell], algorithms: [ES256],
     keys: {file: "$work/data/development-keys.json"}}
tenants: {loud: {limits: {${LIMITS:-}}}, small: {}}
mappings:
  - {id: all, issuer: development, when: {"/allow": {contains: publish}}, tenant: "{/tenant}",
     namespace: default, principal: "{/sub}", allow: [{publish: ["*/*"]}]}
YAML
serve_with "$work/log" "$jodrell" serve -c "$work/jodrell.yaml" --data "$work/data" \
  --listen 127.0.0.1:0 --management 127.0.0.1:0
url=http://$(grep -o '"http":"[^"]*"' "$work/log" | cut -d'"' -f4)
for tenant in loud small; do
  "$jodrell" token --data "$work/data" --tenant $tenant --allow publish --count 8 \
    >"$work/$tenant"
done

# What was not stored makes the exit code 1. The flood's does not count, the small tenant's is counted
# below.
publish() { # tenant, rate, connections, file, options
  # shellcheck disable=SC2086
  "$bench" publish --url "$url" --topic '~/orders' --token-file "$work/$1" --rate "$2" \
    --connections "$3" --duration "${seconds}s" --warm-up 1s --json --quiet ${5:-} >"$4" || true
}

# What was written before must not be waited for by the log's syncs.
sync
publish loud "$rate" "$connections" "$work/warm.json" "${FLOOD:-}"
for ((round = 1; round <= rounds; round++)); do
  publish small 200 4 "$work/quiet.$round"
  before=$(ticks "$server")
  TIMEFORMAT='%U %S'
  { time publish loud "$rate" "$connections" "$work/loud.$round" "${FLOOD:-}"; } 2>"$work/cpu.$round" &
  flood=$!
  publish small 200 4 "$work/beside.$round"
  wait $flood
  echo "$(($(ticks "$server") - before))" >"$work/ticks.$round"
done
python3 - "$work" "$rounds" "$seconds" <<'PY'
import json, statistics, sys

place, rounds, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) + 1

def report(name, number):
    return json.load(open(f"{place}/{name}.{number}"))

# Publishes that were not answered with 201, be it after the counted time.
def lost(result):
    bad = result["requests"] - result["statuses"].get("201", 0) + sum(result["faults"].values())
    return bad + result["afterEnd"]["refused"] + result["openLoop"]["neverSent"]

quiet, beside, bad = [], [], 0
for number in range(1, rounds + 1):
    loud = report("loud", number)
    small = [report("quiet", number), report("beside", number)]
    quiet.append(small[0]["latency"]["p99"])
    beside.append(small[1]["latency"]["p99"])
    gone = [lost(one) for one in small]
    bad += sum(gone)
    # Behind what the generator itself had to say.
    times = open(f"{place}/cpu.{number}").read().splitlines()[-1]
    generator = sum(map(float, times.split())) / seconds
    gateway = int(open(f"{place}/ticks.{number}").read()) / 100 / seconds
    print(f"round {number}: small alone p99 {quiet[-1]:.2f} ms, beside the flood {beside[-1]:.2f} ms, "
          f"not stored {gone[0]} and {gone[1]}; "
          f"the flood {loud['requests'] / (seconds - 1):.0f}/s, p99 {loud['latency']['p99']:.2f} ms, "
          f"answers {loud['statuses']}; cores: flood {generator:.2f}, gateway {gateway:.2f}")
bound = max(2 * statistics.median(quiet), 5)
worst = statistics.median(beside)
print(f"median: {statistics.median(quiet):.2f} ms alone, {worst:.2f} ms beside, bound {bound:.2f} ms")
if bad > 0:
    sys.exit(f"the small tenant was refused: {bad} publishes were not stored")
sys.exit(0 if worst <= bound else "above the bound")
PY
