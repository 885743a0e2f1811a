#!/usr/bin/env bash
# Durable, authenticated, validated publishes beside nginx answering 204, turn by turn in one run.
#
#   bench/peers/publish-vs-nginx.sh [ROUNDS] [SECONDS] [CONNECTIONS]
#
# Needs wrk, nginx-light, openssl, curl, and a release build of jodrell (or JODRELL=path). Everything
# stays on loopback; what the script starts it ends. Each event is fdatasynced before its answer.
set -euo pipefail
rounds=${1:-3} seconds=${2:-5} connections=${3:-64}
. "$(dirname "$0")/shared.sh"

start_jodrell 18270
put_schema orders
start_nginx 18271
write_wrk_script

load() { wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$work/post.lua" "$1"; }
printf 'body %s bytes, %s connections, %s s a turn, ' \
  "$(wc -c <"$peers/order.json")" "$connections" "$seconds"
about_the_machine
load "$topics/orders/events" >/dev/null
for round in $(seq "$rounds"); do
  before=$(ticks "$server")
  load "$topics/orders/events" >"$work/ours"
  after=$(ticks "$server")
  load http://127.0.0.1:18271/ >"$work/theirs"
  # What was cut or not answered in time is in no other figure of wrk's.
  if grep -E 'Non-2xx|Socket errors' "$work/ours" >&2; then exit 1; fi
  grep -E 'Non-2xx|Socket errors' "$work/theirs" | sed 's/^ */nginx: /' >&2 || true
  awk -v round="$round" -v cpu=$((after - before)) '
    FNR == 1 { file += 1 }
    /Requests\/sec/ { rate[file] = $2 }
    /requests in/ { count[file] = $1 }
    $1 == "99%" { p99[file] = $2 }
    END { printf "round %d: jodrell %d/s (p99 %s), nginx 204 %d/s, ratio %.2f, server CPU %.1f us per publish\n",
      round, rate[1], p99[1], rate[2], rate[1] / rate[2], cpu * 10000 / count[1] }' \
    "$work/ours" "$work/theirs"
done
curl -fsS "$topics/orders" -H "Authorization: Bearer $(cat "$work/token")" | grep -o '"publish":{[^}]*}'
grep VmRSS "/proc/$server/status"
