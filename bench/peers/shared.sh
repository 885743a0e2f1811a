# What the scripts of this folder and beside it share; to be sourced. Everything stays on loopback, in a
# folder of its own, and what was started is ended by its process id when the script ends. PROGRAMS
# names the folder of the release builds (.build/release), JODRELL and JODRELL_BENCH one of them. An
# interrupt ends the script, too: with exit code 130.

peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=${PROGRAMS:-$peers/../../.build/release}
jodrell=${JODRELL:-$programs/jodrell}
bench=${JODRELL_BENCH:-$programs/jodrell-bench}
work=$(mktemp -d)
pids=()
server=
policy=

end_all() {
  local pid
  # Once, and to its end.
  trap '' INT TERM
  trap - EXIT
  # What still runs: the number of a process that has ended may be another's by now.
  for pid in $(jobs -pr); do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  [ -z "$policy" ] || rm -f "$policy"
  rm -rf "$work"
}
trap end_all EXIT
# A measurement that an interrupt has ended may have ended well: without this the next one would begin.
trap 'exit 130' INT TERM

# install PACKAGE…: what is missing, from Debian.
install() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}" >&2
    # The packages' own services are not to be started.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      policy=/usr/sbin/policy-rc.d
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod +x "$policy"
    fi
    # Without lists, as in a fresh container, no package is found; old ones name files that are gone.
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends -qq "${missing[@]}"; } \
      >"$work/apt" 2>&1 || { cat "$work/apt" >&2; exit 1; }
    [ -z "$policy" ] || rm -f "$policy"
    policy=
  fi
}

# wait_for PORT: until somebody listens there.
wait_for() {
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.1
  done
  echo "nobody listens on port $1" >&2
  exit 1
}

# serve_with LOG COMMAND…: a gateway, until it says in LOG that it is ready; sets `server`. One that
# ends before that, or takes more than a minute, ends the script, with what it said.
serve_with() {
  local log=$1 patience=$((SECONDS + 60))
  shift
  : >"$log"
  "$@" 2>"$log" &
  server=$!
  pids+=("$server")
  until grep -q '"message":"ready"' "$log"; do
    if ! kill -0 "$server" 2>/dev/null || [ "$SECONDS" -ge "$patience" ]; then
      cat "$log" >&2
      echo "the gateway does not get ready: $*" >&2
      exit 1
    fi
    sleep 0.005
  done
}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# make_token: an RS256 key, its key set and a token, in $work.
make_token() {
  local modulus n now head claims signature
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null
  modulus=$(openssl rsa -in "$work/key.pem" -noout -modulus | cut -d= -f2)
  n=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$modulus")" | base64url)
  printf '{"keys":[{"kty":"RSA","kid":"k1","alg":"RS256","use":"sig","n":"%s","e":"AQAB"}]}' "$n" \
    >"$work/jwks.json"
  now=$(date +%s)
  head=$(printf '{"alg":"RS256","typ":"at+jwt","kid":"k1"}' | base64url)
  claims=$(printf '{"iss":"https://issuer.example","aud":"events","sub":"bench","iat":%d,"exp":%d}' \
    "$now" $((now + 3600)) | base64url)
  signature=$(printf '%s.%s' "$head" "$claims" |
    openssl dgst -sha256 -sign "$work/key.pem" | base64url)
  printf '%s.%s.%s' "$head" "$claims" "$signature" >"$work/token"
}

# make_certificate: an ECDSA key and a certificate for localhost that signs itself, in $work.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$work/tls.key" -out "$work/tls.pem" \
    2>/dev/null
  chmod 600 "$work/tls.key"
}

# start_jodrell PORT [LISTEN]: a gateway whose tenant acme trusts the token, with further listeners;
# sets `server` and `topics`.
start_jodrell() {
  make_token
  cat >"$work/jodrell.yaml" <<YAML
listen: {http: "127.0.0.1:$1"${2:-}}
data: data
issuers:
  - {id: test, iss: "https://issuer.example", audiences: [events], algorithms: [RS256], keys: {file: jwks.json}}
tenants: {acme: {}}
mappings:
  - {id: bench, issuer: test, when: {"/sub": {eq: bench}}, tenant: acme, namespace: shop, principal: "{/sub}", allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
YAML
  serve_with "$work/log" "$jodrell" serve -c "$work/jodrell.yaml"
  topics=http://127.0.0.1:$1/v1/topics/acme/shop
}

# put_schema TOPIC: the order schema of this folder.
put_schema() {
  curl -fsS -o /dev/null -X PUT "$topics/$1/schema" -H "Authorization: Bearer $(cat "$work/token")" \
    -H 'Content-Type: application/schema+json' --data-binary @"$peers/order.schema.json"
}

# start_nginx PORT [LOCATIONS [MODULE]]: one worker; answers 204 unless LOCATIONS say otherwise. Sets
# `nginx` to the worker's process id, which does the work.
start_nginx() {
  local port=$1 locations=${2:-'location / { return 204; }'} module=${3:-}
  cat >"$work/nginx-$port.conf" <<CONF
${module:+load_module $module;}
worker_processes 1; daemon off; pid $work/nginx-$port.pid; error_log $work/nginx-$port.err;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path $work/body-$port;
  ${module:+nchan_shared_memory_size 256M;}
  server { listen 127.0.0.1:$port; $locations } }
CONF
  nginx -e "$work/nginx-$port.err" -c "$work/nginx-$port.conf" &
  local master=$!
  pids+=("$master")
  wait_for "$port"
  # It listens before it has a worker.
  for _ in $(seq 100); do
    nginx=$(cut -d' ' -f1 "/proc/$master/task/$master/children" 2>/dev/null) || true
    [ -z "$nginx" ] || return 0
    sleep 0.05
  done
  echo "nginx on port $port has no worker" >&2
  exit 1
}

# write_wrk_script: what makes wrk post the order with the token.
write_wrk_script() {
  cat >"$work/post.lua" <<LUA
local body = io.open("$peers/order.json"):read("*a")
local token = io.open("$work/token"):read("*a")
wrk.method, wrk.body = "POST", body
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. token
LUA
}

# ticks PID: CPU time in hundredths of a second.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# about_the_machine: what stands above each table.
about_the_machine() {
  printf '%s cores, load before: %s\n' "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
}

# stop_last [SIGNAL]: ends the process started last.
stop_last() {
  local last=$((${#pids[@]} - 1))
  kill "-${1:-TERM}" "${pids[last]}" 2>/dev/null || true
  wait "${pids[last]}" 2>/dev/null || true
  unset "pids[last]"
  pids=("${pids[@]}")
}
