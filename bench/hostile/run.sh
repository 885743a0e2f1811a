#!/usr/bin/env bash
# What bad traffic at a fixed rate does to good callers: their p99 without and with it, and the
# gateway's memory.
#
#   bench/hostile/run.sh [SECONDS] [KIND…]
#
# Before each kind the good callers are measured without it. Fails when the p99 beside a kind is above
# both twice that and 5 ms, or a good publish was not stored, with the kind or before it.
#
# Needs python3, openssl, curl, and release builds of jodrell and jodrell-bench (or JODRELL=path,
# JODRELL_BENCH=path). Good callers publish 1,000 events a second, on a timetable, in the clear.
# Everything stays on loopback; what the script starts it ends.
set -euo pipefail
seconds=${1:-4}
shift || true
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../peers/shared.sh"

# Kind, port, rate. Half-open connections meet the port that waits for a TLS handshake. Bad tokens come
# once as often as an address may have them looked at, and once more often than that.
table="bad-tokens 18280 1000
bad-tokens 18280 4000
slow-heads 18280 500
header-bombs 18280 100
hpack-bombs 18280 100
half-open 18282 1000
rapid-reset 18280 2000
continuation 18280 1000"
[ $# -eq 0 ] || table=$(grep -E "^($(IFS='|'; echo "$*")) " <<<"$table")

make_certificate
start_jodrell 18280 ", https: {address: \"127.0.0.1:18282\", certificate: tls.pem, key: tls.key}"
put_schema orders

# What was not stored makes its exit code 1: `figures` tells it, and the row of the kind with it.
good() {
  "$bench" publish --quiet --json --url http://127.0.0.1:18280 --topic acme/shop/orders \
    --token-file "$work/token" --payload "$peers/order.json" --connections 16 --rate 1000 \
    --duration "${seconds}s" >"$work/good" || true
}
# p99 in ms, and how many publishes were not answered with 201, be it after the counted time.
figures() { python3 -c '
import json, sys
result = json.load(open(sys.argv[1]))
bad = result["requests"] - result["statuses"].get("201", 0) + sum(result["faults"].values())
bad += result["afterEnd"]["refused"] + result["openLoop"]["neverSent"]
print(result["latency"]["p99"], bad)' "$work/good"; }
memory() { awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$server/status"; }

about_the_machine
# What was written before must not be waited for by the log's syncs.
sync
good
good
failed=0
while read -r kind port rate; do
  good
  read -r quiet lost < <(figures)
  python3 "$here/flood.py" "$kind" "127.0.0.1:$port" "$rate" "$((seconds + 1))" >"$work/flood" &
  flood=$!
  sleep 0.5
  before=$(ticks "$server")
  good
  cores=$(awk -v ticks=$(($(ticks "$server") - before)) -v seconds="$seconds" \
    'BEGIN { printf "%.2f", ticks / 100 / seconds }')
  wait "$flood"
  read -r p99 bad < <(figures)
  bad=$((bad + lost))
  printf '%s at %s/s: p99 %s ms (quiet %s), %s not stored, %s MiB, %s cores; %s\n' \
    "$kind" "$rate" "$p99" "$quiet" "$bad" "$(memory)" "$cores" "$(cat "$work/flood")"
  awk -v quiet="$quiet" -v p99="$p99" -v bad="$bad" \
    'BEGIN { exit !(bad == 0 && (p99 <= 5 || p99 <= 2 * quiet)) }' || failed=1
done <<<"$table"
exit $failed
