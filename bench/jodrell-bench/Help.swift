/// The texts of `--help`.
enum Help {
  static let overview = """
    jodrell-bench: measures a Jodrell gateway from outside, over HTTP

      jodrell-bench publish --topic T [options]        how fast, and with which latency
      jodrell-bench verify run --topic T --journal F   publish, remember, read back, compare
      jodrell-bench verify check --topic T --journal F compare again, with an earlier journal

    Each has its own --help.

    Exit codes: 0 all as it should be; 1 the run failed, or not every request was answered with
    2xx; 2 verify found events missing, duplicated, reordered, altered or contradicted; 64 the
    command line is wrong.

    """

  private static let target = """
        --topic T            tenant/namespace/topic, or '~/topic' (quoted: shells expand
                             the tilde) for what the token maps to
        --url URL            the gateway (http://127.0.0.1:8080)
        --token TOKEN        sent as a bearer token; default: the variable JODRELL_TOKEN
        --token-file FILE    the same from a file
        --header 'N: V'      one more header field; may be repeated
    """

  static let publish = """
    jodrell-bench publish: sends events as fast as their answers come (a closed loop)

    \(target)
        --connections N      connections, each with one request under way (64)
        --batch N            events per request, as NDJSON when more than one (1)
        --duration D         how long, such as 500ms, 30s, 5m (10s unless --count is given)
        --count N            how many events at most
        --warm-up D          leave the first stretch out of the results (0s)
        --payload FILE       send this file; each line of it if it ends in .ndjson or .jsonl;
                             without it, varied orders of about 0.5 KB are made up
        --content-type T     of --payload with --batch 1 (application/json)
        --seed N             which made-up orders (1)
        --server-pid PID     also show the CPU time and memory of this process
        --loops N            threads that send (1)
        --json               one JSON object instead of the table
        --quiet              no progress line

    Examples:
      jodrell-bench publish --topic acme/default/orders --token-file t.jwt --connections 64
      jodrell-bench publish --topic '~/orders' --batch 100 --duration 30s --server-pid 4711
      jodrell-bench publish --topic '~/hooks' --payload push.json --count 10000 --json

    Latency counts from the request handed to the socket to its answer read. A closed loop stops
    asking while the server stalls: read its percentiles as those of
    full load, not of a steady rate.

    """

  static let verify = """
    jodrell-bench verify: proves that what was acknowledged is there

      verify run     publishes and writes the fate of every event to --journal; then checks
      verify check   reads the topic from its front and compares it with --journal

    \(target)
        --journal FILE       where the fates are kept; keep it off the server's disk
        --connections N      senders, each waiting for its answer (8)
        --batch N            events per request, as a CloudEvents batch when more than one (1)
        --duration D         how long to publish (10s unless --count is given)
        --count N            how many events at most
        --through-restarts   go on when the server goes away and comes back
        --patience D         how long to wait for a server that is away (30s)
        --no-check           publish only
        --json               one JSON object instead of sentences
        --quiet              no progress line

    An event without an answer may be stored or not, but not twice. Anything else that differs from
    the journal is a finding, and the exit code is 2.

    Examples:
      jodrell-bench verify run --topic acme/default/orders --journal /tmp/j --duration 20s
      jodrell-bench verify run --topic '~/orders' --journal /tmp/j --through-restarts --no-check &
      kill -9 $SERVER; …; jodrell-bench verify check --topic '~/orders' --journal /tmp/j

    """
}
