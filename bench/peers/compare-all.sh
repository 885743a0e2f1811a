#!/usr/bin/env bash
# The same work for Jodrell and for what people use instead, one after the other in one go.
#
#   bench/peers/compare-all.sh [SECONDS] [ROUNDS] [publishing|fan-out]
#
# Publishing: 64 connections, bodies of 456 bytes, each waiting for its answer. Fan-out: 1,000
# readers of one event stream. Peers come from Debian's packages (installed when missing, which
# needs root): nginx, nchan, NATS JetStream, Redis streams. Everything stays on loopback, ports
# 18410 to 18419; what the script starts it ends. Needs release builds of jodrell and jodrell-bench.
set -euo pipefail
seconds=${1:-4} rounds=${2:-1} only=${3:-}
case $only in "" | publishing | fan-out) ;; *) echo "compare-all.sh: $only?" >&2; exit 64 ;; esac
. "$(dirname "$0")/shared.sh"
install nginx-light libnginx-mod-nchan nats-server redis-server redis-tools python3 openssl curl
connections=64 readers=1000
body=$peers/order.json

# field FILE PATH: a figure of a JSON result, `-` when it is not there.
field() {
  python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for step in sys.argv[2].split("."):
    value = value.get(step, {}) if isinstance(value, dict) else {}
print("-" if isinstance(value, dict) else value)' "$1" "$2"
}

# publish_over_http URL PATH [OPTION…]
publish_over_http() {
  local url=$1 path=$2
  shift 2
  "$bench" publish --url "$url" --path "$path" --payload "$body" --connections "$connections" \
    --duration "${seconds}s" --warm-up 1s --json --quiet "$@" ||
    { echo "not clean: publishing to $url$path" >&2; exit 1; }
}

# row NAME DURABILITY FILE: one line of the table of publishing; Jodrell's must come first.
row() {
  local rate
  rate=$(field "$3" requestsPerSecond)
  [ "$1" != jodrell ] || reference=$rate
  awk -v name="$1" -v durability="$2" -v rate="$rate" -v reference="$reference" \
    -v p50="$(field "$3" latency.p50)" -v p99="$(field "$3" latency.p99)" \
    -v cpu="$(field "$3" server.cpuMicrosPerRequest)" 'BEGIN {
      printf "%-18s %9d/s  p50 %7.3f ms  p99 %8.3f ms  CPU %6s us  jodrell/it %5.2f   %s\n",
        name, rate, p50, p99, (cpu == "-" ? "-" : sprintf("%.1f", cpu)), reference / rate, durability }'
}

# add_cpu FILE TICKS: notes the server's CPU time in a result that lacks it.
add_cpu() {
  python3 -c '
import json, sys
path, ticks, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
result = json.load(open(path))
count = result["requestsPerSecond"] * seconds
result["server"] = {"cpuMicrosPerRequest": ticks * 10_000 / count}
json.dump(result, open(path, "w"))' "$1" "$2" "$seconds"
}

publish_jodrell() {
  publish_over_http http://127.0.0.1:18410 /v1/topics/acme/shop/orders/events \
    --token-file "$work/token" --server-pid "$server" >"$work/jodrell.json"
  row jodrell "fdatasync before each answer; authenticated, schema-checked" "$work/jodrell.json"
}

publish_nginx() {
  start_nginx 18411
  publish_over_http http://127.0.0.1:18411 / --server-pid "$nginx" >"$work/nginx.json"
  row "nginx 204" "keeps nothing" "$work/nginx.json"
  stop_last
}

publish_nchan() {
  start_nchan
  publish_over_http http://127.0.0.1:18412 /pub/orders --server-pid "$nginx" >"$work/nchan.json"
  row nchan "memory only" "$work/nchan.json"
  stop_last
}

start_nchan() {
  start_nginx 18412 'location ~ ^/pub/(\w+)$ { nchan_publisher; nchan_channel_id $1;
      nchan_message_buffer_length 1000; nchan_message_timeout 1m; }
    location ~ ^/sub/(\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1;
      nchan_subscriber_first_message newest; }' /usr/lib/nginx/modules/ngx_nchan_module.so
}

# publish_nats NAME DURABILITY [JETSTREAM_SETTING]
publish_nats() {
  rm -rf "$work/nats" && mkdir "$work/nats"
  printf 'listen: "127.0.0.1:18413"\njetstream { store_dir: "%s", %s }\n' "$work/nats" "${3:-}" \
    >"$work/nats.conf"
  if ! nats-server -t -c "$work/nats.conf" >"$work/nats.test" 2>&1; then
    printf '%-18s not offered by %s\n' "$1" "$(nats-server --version)"
    return
  fi
  nats-server -c "$work/nats.conf" >"$work/nats.log" 2>&1 &
  local nats=$! before after
  pids+=("$nats")
  wait_for 18413
  before=$(ticks "$nats")
  python3 "$peers/nats_publish.py" 18413 "$connections" "$seconds" "$body" >"$work/nats.json"
  after=$(ticks "$nats")
  add_cpu "$work/nats.json" $((after - before))
  row "$1" "$2" "$work/nats.json"
  stop_last
}

# publish_redis NAME DURABILITY APPENDFSYNC
publish_redis() {
  rm -rf "$work/redis" && mkdir "$work/redis"
  redis-server --port 18414 --bind 127.0.0.1 --dir "$work/redis" --appendonly yes \
    --appendfsync "$3" --save '' --daemonize no >"$work/redis.log" 2>&1 &
  local redis=$! before after count
  pids+=("$redis")
  wait_for 18414
  xadd() {
    redis-benchmark -h 127.0.0.1 -p 18414 -c "$connections" -n "$1" --csv \
      XADD orders MAXLEN '~' 1000000 '*' body "$(cat "$body")" | tail -1 | tr -d '"'
  }
  # So many that they take about as long as the others' runs.
  count=$(xadd 5000 | awk -F, -v seconds="$seconds" '{ printf "%d", $(NF - 6) * seconds + 1000 }')
  before=$(ticks "$redis")
  xadd "$count" >"$work/redis.csv"
  after=$(ticks "$redis")
  awk -F, -v ticks=$((after - before)) -v count="$count" '{
    printf "{\"requestsPerSecond\":%s,\"latency\":{\"p50\":%s,\"p99\":%s},", $(NF - 6), $(NF - 3), $(NF - 1)
    printf "\"server\":{\"cpuMicrosPerRequest\":%s}}", ticks * 10000 / count }' \
    "$work/redis.csv" >"$work/redis.json"
  row "$1" "$2" "$work/redis.json"
  stop_last
}

# complaint FILE: what of a fan-out was not as it should be, beside what is missing.
complaint() {
  python3 -c '
import json, sys
result = json.load(open(sys.argv[1]))
publish = result["publish"]
refused = sum(count for status, count in publish["statuses"].items() if status[0] != "2")
print("  NOT CLEAN: %d readers refused, %d cut; publishes: %d never sent, %d not 2xx, %d without an "
      "answer, %d not stored" % (
    result["refused"], result["cut"], publish["openLoop"]["neverSent"],
    refused + publish["afterEnd"]["refused"], sum(publish["faults"].values()),
    publish["notStored"]))' "$1"
}

# fan_out NAME RATE PID OPTION…: readers of one stream, published to at a rate. A run that was not
# clean has its row, which says so; one that says nothing ends the script.
fan_out() {
  local name=$1 rate=$2 pid=$3 remark=
  shift 3
  "$bench" subscribe --readers "$readers" --publish-rate "$rate" --connections 4 \
    --duration "${seconds}s" --server-pid "$pid" --json --quiet "$@" >"$work/fan.json" ||
    remark=$(complaint "$work/fan.json" 2>/dev/null) ||
    { echo "no result: $name at $rate events/s" >&2; exit 1; }
  awk -v remark="$remark" -v name="$name" -v rate="$rate" \
    -v got="$(field "$work/fan.json" deliveriesPerSecond)" \
    -v missing="$(field "$work/fan.json" missing)" -v p50="$(field "$work/fan.json" delivery.p50)" \
    -v p99="$(field "$work/fan.json" delivery.p99)" \
    -v cpu="$(field "$work/fan.json" server.cpuMicrosPerDelivery)" 'BEGIN {
      printf "%-10s %5d events/s: %8d deliveries/s  p50 %9.3f ms  p99 %9.3f ms  CPU %5.2f us  missing %s%s\n",
        name, rate, got, p50, p99, cpu, missing, remark }'
}

compare_publishing() {
  printf 'publishing: body %s bytes, %s connections, %s s each, ' \
    "$(wc -c <"$body")" "$connections" "$seconds"
  about_the_machine
  for _ in $(seq "$rounds"); do
    publish_jodrell
    publish_nginx
    publish_nchan
    publish_nats "NATS JetStream" "file store, synced by a timer (sync_interval unset)"
    publish_nats "NATS, synced" "file store, synced at each message" "sync_interval: always"
    publish_redis "Redis always" "append-only file, fsync at each turn of its loop" always
    publish_redis "Redis everysec" "append-only file, fsync once a second" everysec
  done
}

compare_fan_out() {
  printf 'fan-out: %s readers of one stream, %s s each, ' "$readers" "$seconds"
  about_the_machine
  start_nchan
  for rate in 50 200 400; do
    fan_out jodrell "$rate" "$server" --url http://127.0.0.1:18410 --token-file "$work/token" \
      --topic "acme/shop/fan$rate"
    fan_out nchan "$rate" "$nginx" --url http://127.0.0.1:18412 --path "/sub/fan$rate" \
      --publish-path "/pub/fan$rate"
  done
}

start_jodrell 18410
put_schema orders
if [ "$only" != fan-out ]; then compare_publishing; fi
if [ "$only" != publishing ]; then compare_fan_out; fi
