#!/usr/bin/env bash
# Durable, authenticated, validated publishes over TLS and HTTP/2 beside nginx answering 204 the same
# way, turn by turn in one run.
#
#   bench/peers/publish-h2.sh [ROUNDS] [SECONDS] [CONNECTIONS] [STREAMS]
#
# Needs h2load (nghttp2-client), nginx-light, openssl, curl, and a release build of jodrell (or
# JODRELL=path). Everything stays on loopback; what the script starts it ends.
set -euo pipefail
rounds=${1:-3} seconds=${2:-5} connections=${3:-16} streams=${4:-8}
. "$(dirname "$0")/shared.sh"

make_certificate
start_jodrell 18270 ", https: {address: \"127.0.0.1:18272\", certificate: tls.pem, key: tls.key}"
put_schema orders
start_nginx 18271 "listen 127.0.0.1:18273 ssl http2;
  ssl_certificate $work/tls.pem; ssl_certificate_key $work/tls.key; location / { return 204; }"

load() {
  h2load -t1 -c"$connections" -m"$streams" -D"$seconds" \
    -d "$peers/order.json" -H 'content-type: application/json' \
    -H "authorization: Bearer $(cat "$work/token")" "$1"
}
ours=https://127.0.0.1:18272/v1/topics/acme/shop/orders/events
theirs=https://127.0.0.1:18273/
printf 'body %s bytes, %s connections of %s streams, %s s a turn, ' \
  "$(wc -c <"$peers/order.json")" "$connections" "$streams" "$seconds"
about_the_machine
load "$ours" >/dev/null
for round in $(seq "$rounds"); do
  before=$(ticks "$server")
  load "$ours" >"$work/ours"
  after=$(ticks "$server")
  load "$theirs" >"$work/theirs"
  awk -v round="$round" -v cpu=$((after - before)) '
    FNR == 1 { file += 1 }
    /^finished in/ { rate[file] = $4 }
    # Among those that failed are 4xx and 5xx, resets, and what was cut or not answered in time.
    /^requests:/ { bad[file] += $10 }
    /^status codes/ { good[file] = $3; bad[file] += $5 }
    /^time for request/ { mean[file] = $6; most[file] = $5 }
    END {
      if (bad[2] > 0) print bad[2] " requests to nginx failed"
      if (bad[1] > 0) { print bad[1] " publishes failed"; exit 1 }
      printf "round %d: jodrell %d/s (mean %s, longest %s), nginx 204 %d/s (mean %s), ratio %.2f, server CPU %.1f us per publish\n",
      round, rate[1], mean[1], most[1], rate[2], mean[2], rate[1] / rate[2], cpu * 10000 / good[1] }' \
    "$work/ours" "$work/theirs"
done
curl -fsS "$topics/orders" -H "Authorization: Bearer $(cat "$work/token")" | grep -o '"publish":{[^}]*}'
grep VmRSS "/proc/$server/status"
