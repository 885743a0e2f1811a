#!/usr/bin/env bash
# The figures that the gateway is held to, one part after the other, each with a gateway of its own
# and, where disk or device count, the device's own figure from the same run.
#
#   bench/figures.sh [PART…]
#
#   start      ready on an empty directory; memory and CPU of a gateway that nobody uses
#   batches    NDJSON batches of 100 validated events beside raw append and fdatasync
#   delivery   publish to event stream at 5,000/s, beside fdatasync's 99th percentile
#   latency    99th percentile at 70 % of what the same gateway has just reached, in an open loop,
#              beside the same of nginx's empty answers and the pauses of threads that only read
#              the clock
#   callers    10,000 tokens on 1,000 topics beside one token on one topic
#   topics     100,000 topics: ready after kill -9 under load, and p99 at 5,000/s beside one topic's
#   readers    memory of a reader that waits
#   disks      with 1 and 5 ms more for each fdatasync
#
# SECONDS_EACH (4) is the length of one measurement, ROUNDS (2) how often they are made in turn.
# OPEN_CONNECTIONS (64) are those of the open loop: where all of them wait, further sends do, too. Topics
# that were made once serve again where TOPICS_DATA names a folder for them. Needs python3, curl, cc, and
# release builds of jodrell and jodrell-bench (or JODRELL=path, JODRELL_BENCH=path); `latency` nginx-light.
# Everything stays on loopback, ports 18420 and 18421; what the script starts it ends.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/peers/shared.sh"
each=${SECONDS_EACH:-4} rounds=${ROUNDS:-2} open=${OPEN_CONNECTIONS:-64} port=18420
url=http://127.0.0.1:$port
root=$here/..

schemas=(--schemas "$root/schemas")

# begin FOLDER [ENVIRONMENT…]: a gateway in development mode, with the schemas of this repository
# unless there are to be none; sets `server` and `ready`, in milliseconds.
begin() {
  local folder=$1 began
  shift
  began=$(date +%s%N)
  serve_with "$work/log" env "$@" "$jodrell" serve --data "$folder" --listen "127.0.0.1:$port" \
    "${schemas[@]}"
  ready=$((($(date +%s%N) - began) / 1000000))
  [ -s "$work/token" ] || "$jodrell" token --data "$folder" --allow publish,subscribe,manage >"$work/token"
}

end() { stop_last; rm -rf "$work/data" "$work/token"; }

resident() { awk '/^VmRSS/ { printf "%.0f MiB", $2 / 1024 }' "/proc/$server/status"; }

# load FILE COMMAND…: one measurement, as JSON.
load() {
  local file=$1 command=$2
  shift 2
  "$bench" "$command" --url "$url" --server-pid "$server" --json --quiet "$@" >"$work/$file" ||
    { echo "not clean: $command $*" >&2; cat "$work/$file" >&2; exit 1; }
}

# of FILE PATH: a figure of a result.
of() {
  python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for step in sys.argv[2].split("."): value = value[step]
print(value)' "$work/$1" "$2"
}

# tell FORMAT VALUE…
tell() { awk -v format="$1\n" 'BEGIN { for (i = 1; i < ARGC; i++) v[i] = ARGV[i]
  printf format, v[1], v[2], v[3], v[4], v[5], v[6] }' "${@:2}"; }

# syncs FILE: the histogram of fdatasync so far.
syncs() { curl -fsS "$url/metrics" | grep '^jodrell_fdatasync_seconds_bucket' >"$work/$1"; }

# synced BEFORE AFTER: between which bounds, in ms, the 99th percentile of the syncs in between lies.
synced() {
  awk -F'[" ]' 'FNR == NR { before[$2] = $4; next }
    { bound[++n] = $2 * 1000; count[n] = $4 - before[$2] }
    END { for (i = 1; i <= n; i++) if (count[i] >= count[n] * 0.99) {
      print (i > 1 ? bound[i - 1] : 0), bound[i]; exit } }' "$work/$1" "$work/$2"
}

# device SIZE MEGABYTES: append and fdatasync of blocks of SIZE bytes that do not compress, in MB/s.
device() {
  [ -s "$work/noise" ] || head -c $((64 << 20)) /dev/urandom >"$work/noise"
  : >"$work/raw"
  local began count=$(($2 * 1000000 / $1)) done=0 piece
  began=$(date +%s%N)
  while [ "$done" -lt "$count" ]; do
    piece=$((count - done < (64 << 20) / $1 ? count - done : (64 << 20) / $1))
    dd if="$work/noise" of="$work/raw" bs="$1" count="$piece" oflag=append,dsync conv=notrunc status=none
    done=$((done + piece))
  done
  awk -v bytes=$((count * $1)) -v took=$(($(date +%s%N) - began)) 'BEGIN { printf "%.1f", bytes * 1000 / took }'
  rm -f "$work/raw"
}

part_start() {
  local before after schemas=()
  for _ in $(seq 5); do
    rm -rf "$work/data"
    begin "$work/data"
    printf 'ready on an empty directory: %d ms\n' "$ready"
    stop_last
  done
  begin "$work/data"
  sleep 2
  before=$(ticks "$server")
  sleep 10
  after=$(ticks "$server")
  printf 'unused: %s resident, %d ms of CPU in 10 s\n' "$(resident)" $(((after - before) * 10))
  end
}

part_batches() {
  begin "$work/data"
  load warm publish --topic '~/orders' --token-file "$work/token" --batch 100 --duration 2s
  for _ in $(seq "$rounds"); do
    load batches publish --topic '~/orders' --token-file "$work/token" --batch 100 --duration "${each}s"
    local commit raw
    commit=$(curl -fsS "$url/metrics" | awk '/^jodrell_commit_events_sum/ { sum = $2 }
      /^jodrell_commit_events_count/ { count = $2 } END { printf "%.0f", sum / count }')
    raw=$(device 1048576 300)
    tell 'batches of 100 over 64 connections: %d events/s, %.1f MB/s of payload, p99 %.1f ms, %.2f us of CPU each; the device, blocks of 1 MiB: %.1f MB/s, ratio %.2f' \
      "$(of batches eventsPerSecond)" \
      "$(of batches eventsPerSecond | awk -v b="$(of batches payloadBytes)" -v n="$(of batches events)" '{ print $1 * b / n / 1e6 }')" \
      "$(of batches latency.p99)" "$(of batches server.cpuMicrosPerEvent)" "$raw" \
      "$(of batches eventsPerSecond | awk -v b="$(of batches payloadBytes)" -v n="$(of batches events)" -v raw="$raw" '{ print $1 * b / n / 1e6 / raw }')"
    printf 'events per commit since the start: %s\n' "$commit"
  done
  end
}

part_delivery() {
  begin "$work/data"
  load warm publish --topic '~/orders' --token-file "$work/token" --duration 1s
  for _ in $(seq "$rounds"); do
    syncs before
    load trip roundtrip --topic '~/orders' --token-file "$work/token" --rate 5000 --duration "${each}s"
    syncs after
    tell 'at 5,000/s: publish p99 %.2f ms, delivery p50 %.2f, p99 %.2f ms; fdatasync p99 between %.2f and %.2f ms, so that the bound is at least %.2f ms' \
      "$(of trip publish.latency.p99)" "$(of trip delivery.p50)" "$(of trip delivery.p99)" \
      $(synced before after | awk '{ print $1, $2, 2 + 3 * $1 }')
  done
  end
}

part_latency() {
  local most theirs
  for _ in $(seq "$rounds"); do
    # What the round before has removed is given back to the disk first.
    sync
    sleep 3
    begin "$work/data"
    load warm publish --topic '~/orders' --token-file "$work/token" --duration 2s
    load full publish --topic '~/orders' --token-file "$work/token" --duration "${each}s"
    most=$(of full requestsPerSecond | awk '{ printf "%d", $1 }')
    syncs before
    load open publish --topic '~/orders' --token-file "$work/token" --rate $((most * 7 / 10)) \
      --connections "$open" --duration "$((each * 2))s"
    syncs after
    end
    # What generator and machine do to a server that has nothing to do.
    start_nginx 18421
    "$bench" publish --url http://127.0.0.1:18421 --path / --server-pid "$nginx" --json --quiet \
      --duration "${each}s" >"$work/empty"
    theirs=$(of empty requestsPerSecond | awk '{ printf "%d", $1 }')
    "$bench" publish --url http://127.0.0.1:18421 --path / --server-pid "$nginx" --json --quiet \
      --rate $((theirs * 7 / 10)) --connections "$open" --duration "$((each * 2))s" >"$work/none"
    stop_last
    "$bench" machine --duration "${each}s" --json >"$work/machine"
    tell '%d/s, at 70 %% of it over %d p50 %.2f ms, p90 %.2f, p99 %.2f ms, %.1f us of CPU each' \
      "$most" "$open" "$(of open latency.p50)" "$(of open latency.p90)" "$(of open latency.p99)" \
      "$(of open server.cpuMicrosPerRequest)"
    tell '  99 %% of the syncs took less than %.2f ms' "$(synced before after | awk '{ print $2 }')"
    tell '  nginx 204 then: %d/s, at 70 %% of it p50 %.2f ms, p90 %.2f, p99 %.2f ms' \
      "$theirs" "$(of none latency.p50)" "$(of none latency.p90)" "$(of none latency.p99)"
    tell '  then busy threads paused %d times for 4 ms and more, at most %.1f ms, their slowest tenth of a second %.2f of the fastest' \
      "$(of machine over4ms)" "$(of machine longestMilliseconds)" "$(of machine slowestStretch)"
  done
}

part_callers() {
  local one many
  begin "$work/data"
  "$jodrell" token --data "$work/data" --allow publish,subscribe,manage --count 10000 >"$work/tokens" 2>/dev/null
  load warm publish --topic '~/t{}' --topics 1000 --token-file "$work/token" --count 1000
  # Every topic checks its events as ~/orders does.
  for index in $(seq 0 999); do
    [ "$index" = 0 ] || echo next
    printf 'url = "%s/v1/topics/~/t%d/schema"\nrequest = PUT\noutput = /dev/null\nfail\nsilent\n' "$url" "$index"
    printf 'header = "Content-Type: application/schema+json"\nheader = "Authorization: Bearer %s"\n' \
      "$(cat "$work/token")"
    printf 'data-binary = "@%s"\n' "$root/schemas/public/default/orders.schema.json"
  done >"$work/curl"
  # One schema that is refused is enough; without this, only the last would be noticed.
  curl --fail-early -K "$work/curl"
  load warm publish --topic '~/t{}' --topics 1000 --token-file "$work/tokens" --duration 2s
  for _ in $(seq "$rounds"); do
    load one publish --topic '~/orders' --token-file "$work/token" --duration "${each}s"
    load many publish --topic '~/t{}' --topics 1000 --token-file "$work/tokens" --duration "${each}s"
    one=$(of one requestsPerSecond) many=$(of many requestsPerSecond)
    tell 'one token, one topic: %d/s, %.1f us; 10,000 tokens, 1,000 topics: %d/s, %.1f us; ratio %.2f' \
      "$one" "$(of one server.cpuMicrosPerRequest)" "$many" "$(of many server.cpuMicrosPerRequest)" \
      "$(awk -v one="$one" -v many="$many" 'BEGIN { print many / one }')"
  done
  end
}

part_topics() {
  local data=${TOPICS_DATA:-$work/data}
  begin "$data"
  if [ ! -e "$data/made" ]; then
    load made publish --topic '~/t{}' --topics 100000 --token-file "$work/token" --count 100000
    tell '100,000 new topics: %d/s' "$(of made requestsPerSecond)"
    touch "$data/made"
    [ -z "${ONLY_MADE:-}" ] || { stop_last; return; }
  fi
  for _ in $(seq "$rounds"); do
    "$bench" publish --url "$url" --topic '~/t{}' --topics 100000 --token-file "$work/token" --quiet \
      --duration "${each}s" >/dev/null 2>&1 &
    local loader=$!
    sleep $((each - 1))
    printf 'under load over 100,000 topics: %s; ' "$(resident)"
    stop_last KILL
    wait "$loader" || true
    begin "$data"
    printf 'ready after kill -9: %d ms, %s\n' "$ready" "$(resident)"
  done
  for _ in $(seq "$rounds"); do
    load many publish --topic '~/t{}' --topics 100000 --token-file "$work/token" --rate 5000 \
      --duration "${each}s" --warm-up 1s
    load one publish --topic '~/one' --token-file "$work/token" --rate 5000 \
      --duration "${each}s" --warm-up 1s
    tell 'p99 at 5,000/s: %.2f ms over 100,000 topics, %.2f ms over one, ratio %.2f' \
      "$(of many latency.p99)" "$(of one latency.p99)" \
      "$(awk -v many="$(of many latency.p99)" -v one="$(of one latency.p99)" 'BEGIN { print many / one }')"
  done
  end
}

part_readers() {
  begin "$work/data"
  load first publish --topic '~/quiet' --token-file "$work/token" --count 1
  load idle subscribe --topic '~/quiet' --token-file "$work/token" --readers 9500 --duration "${each}s"
  tell '9,500 readers that wait: %.1f KiB resident each' \
    "$(of idle residentPerReader | awk '{ print $1 / 1024 }')"
  end
}

part_disks() {
  local rate
  cc -std=gnu11 -O2 -shared -fPIC -o "$work/inject.so" "$root/Tests/Faults/inject.c" -ldl
  : >"$work/rules"
  begin "$work/data" LD_PRELOAD="$work/inject.so" JODRELL_FAULT_DIRECTORY="$work/data" \
    JODRELL_FAULT_RULES="$work/rules"
  load warm publish --topic '~/orders' --token-file "$work/token" --duration 2s
  for connections in 64 256; do
    for delay in 0 1 5; do
      [ "$delay" = 0 ] && : >"$work/rules" || printf 'sync .log 1+ %d\n' "$delay" >"$work/rules"
      load slow publish --topic '~/orders' --token-file "$work/token" --connections "$connections" \
        --duration "${each}s" --warm-up 1s
      tell '%d connections, fdatasync and %d ms: %d/s, p99 %.1f ms, %.1f us of CPU each' "$connections" \
        "$delay" "$(of slow requestsPerSecond)" "$(of slow latency.p99)" "$(of slow server.cpuMicrosPerRequest)"
    done
  done
  end
}

[ $# -gt 0 ] || set -- start delivery latency callers topics readers disks batches
for part in "$@"; do
  printf '── %s: ' "$part"
  about_the_machine
  "part_$part"
done
