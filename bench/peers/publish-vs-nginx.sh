#!/usr/bin/env bash
# Durable, authenticated, validated publishes beside nginx answering 204, turn by turn in one run.
#
#   bench/peers/publish-vs-nginx.sh [ROUNDS] [SECONDS] [CONNECTIONS]
#
# Needs wrk, nginx-light, openssl, curl, and a release build of jodrell (or JODRELL=path). Everything
# stays on loopback; what the script starts it ends. Each event is fdatasynced before its answer.
set -euo pipefail
rounds=${1:-3} seconds=${2:-5} connections=${3:-64}
here=$(cd "$(dirname "$0")" && pwd)
jodrell=${JODRELL:-$here/../../.build/release/jodrell}
work=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null
modulus=$(openssl rsa -in "$work/key.pem" -noout -modulus | cut -d= -f2)
n=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$modulus")" | base64url)
printf '{"keys":[{"kty":"RSA","kid":"k1","alg":"RS256","use":"sig","n":"%s","e":"AQAB"}]}' "$n" \
  >"$work/jwks.json"
now=$(date +%s)
head=$(printf '{"alg":"RS256","typ":"at+jwt","kid":"k1"}' | base64url)
claims=$(printf '{"iss":"https://issuer.example","aud":"events","sub":"bench","iat":%d,"exp":%d}' \
  "$now" $((now + 3600)) | base64url)
signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$work/key.pem" | base64url)
printf '%s.%s.%s' "$head" "$claims" "$signature" >"$work/token"
cat >"$work/jodrell.yaml" <<YAML
listen: {http: "127.0.0.1:18270"}
data: data
issuers:
  - {id: test, iss: "https://issuer.example", audiences: [events], algorithms: [RS256], keys: {file: jwks.json}}
tenants: {acme: {}}
mappings:
  - {id: bench, issuer: test, when: {"/sub": {eq: bench}}, tenant: acme, namespace: shop, principal: "{/sub}", allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
YAML
"$jodrell" serve -c "$work/jodrell.yaml" 2>"$work/log" &
server=$!
pids+=("$server")
for _ in $(seq 50); do grep -q '"message":"ready"' "$work/log" && break; sleep 0.1; done
topic=http://127.0.0.1:18270/v1/topics/acme/shop/orders
curl -fsS -o /dev/null -X PUT "$topic/schema" -H "Authorization: Bearer $(cat "$work/token")" \
  -H 'Content-Type: application/schema+json' --data-binary @"$here/order.schema.json"

cat >"$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000;
  server { listen 127.0.0.1:18271; location / { return 204; } } }
CONF
nginx -e "$work/nginx.err" -c "$work/nginx.conf" &
pids+=("$!")
sleep 0.5
cat >"$work/post.lua" <<LUA
local body = io.open("$here/order.json"):read("*a")
local token = io.open("$work/token"):read("*a")
wrk.method, wrk.body = "POST", body
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. token
LUA

ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
load() { wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$work/post.lua" "$1"; }
printf 'body %s bytes, %s connections, %s s a turn, %s cores, load before: %s\n' \
  "$(wc -c <"$here/order.json")" "$connections" "$seconds" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
load "$topic/events" >/dev/null
for round in $(seq "$rounds"); do
  before=$(ticks)
  load "$topic/events" >"$work/ours"
  after=$(ticks)
  load http://127.0.0.1:18271/ >"$work/theirs"
  if grep -q Non-2xx "$work/ours"; then grep Non-2xx "$work/ours"; exit 1; fi
  awk -v round="$round" -v cpu=$((after - before)) '
    FNR == 1 { file += 1 }
    /Requests\/sec/ { rate[file] = $2 }
    /requests in/ { count[file] = $1 }
    $1 == "99%" { p99[file] = $2 }
    END { printf "round %d: jodrell %d/s (p99 %s), nginx 204 %d/s, ratio %.2f, server CPU %.1f us per publish\n",
      round, rate[1], p99[1], rate[2], rate[1] / rate[2], cpu * 10000 / count[1] }' \
    "$work/ours" "$work/theirs"
done
curl -fsS "$topic" -H "Authorization: Bearer $(cat "$work/token")" | grep -o '"publish":{[^}]*}'
grep VmRSS "/proc/$server/status"
