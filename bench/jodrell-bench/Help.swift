/// The texts of `--help`.
enum Help {
  static let overview = """
    jodrell-bench: measures a Jodrell gateway from outside, over HTTP

      jodrell-bench publish --topic T [options]        how fast, and with which latency
      jodrell-bench replay DIR --topic T [options]     the same with a folder's files as events
      jodrell-bench subscribe --topic T [options]      many readers of event streams
      jodrell-bench roundtrip --topic T [options]      from publish to delivery, at a steady rate
      jodrell-bench workers --topic T [options]        receive and acknowledge, by many workers
      jodrell-bench soak --topic T [options]           a long run that looks for growth
      jodrell-bench verify run --topic T --journal F   publish, remember, read back, compare
      jodrell-bench verify check --topic T --journal F compare again, with an earlier journal
      jodrell-bench machine                            what the machine itself holds back
      jodrell-bench compare A.json B.json              two results, figure by figure

    Each has its own --help.

    SIGINT, SIGTERM or SIGHUP ends a run, which still reports and removes what it has made. Another
    one meanwhile ends the process at once, and the exit code is 128 + its number.

    Exit codes: 0 all as it should be; 1 the run failed, or not every request was answered with
    2xx, or something was not stored or did not arrive, or a connection gave up, or memory grew
    beyond its bound, or the report could not be written; 2 verify found events missing, duplicated,
    reordered, altered or contradicted; 64 the command line is wrong.

    """

  static let target = """
        --topic T            tenant/namespace/topic, or '~/topic' (quoted: shells expand
                             the tilde) for what the token maps to
        --url URL            the gateway: http, https or unix:/path; default: the variable
                             JODRELL_URL, else http://127.0.0.1:8080
        --ca FILE            for https: who may sign its certificate, in PEM; default: the
                             variable JODRELL_CA, else the authorities of the system
        --token TOKEN        sent as a bearer token; default: the variable JODRELL_TOKEN
        --token-file FILE    the same from a file; of several lines, each request takes the next,
                             and each reader or worker has one
        --header 'N: V'      one more header field; may be repeated
    """

  static let spread = """
        --topics N           so many topics in turn: {} in --topic becomes 0 to N-1
        --path P             a path instead of --topic, to measure other servers
    """

  static let reporting = """
        --server-pid PID     also show the CPU time and memory of this process
        --json               one JSON object instead of the table
        --quiet              no progress line
    """

  private static let pace = """
        --rate N             requests per second on a fixed timetable (an open loop)
        --arrivals A         of an open loop: even, or poisson (even)
    """

  static let publish = """
    jodrell-bench publish: sends events as fast as their answers come (a closed loop), or at a rate

    \(target)
    \(spread)
    \(pace)
        --connections N      connections, each with one request under way (64)
        --batch N            events per request, as NDJSON when more than one (1)
        --duration D         how long, such as 500ms, 30s, 5m (10s unless --count is given)
        --count N            how many events at most
        --warm-up D          leave the first stretch out of the results (0s)
        --payload FILE       send this file; each line of it if it ends in .ndjson or .jsonl;
                             without it, varied orders of about 0.5 KB are made up
        --content-type T     of --payload with --batch 1 (application/json)
        --seed N             which made-up orders, and which poisson arrivals (1)
        --loops N            threads that send (1)
    \(reporting)

    Examples:
      jodrell-bench publish --topic acme/default/orders --token-file t.jwt --connections 64
      jodrell-bench publish --topic acme/default/orders --rate 20000 --arrivals poisson
      jodrell-bench publish --topic 'acme/shop/t{}' --topics 100000 --token-file thousand.jwt
      jodrell-bench publish --topic '~/orders' --batch 100 --duration 30s --server-pid 4711
      jodrell-bench publish --topic '~/hooks' --payload push.json --count 10000 --json

    A closed loop stops asking while the server stalls: its percentiles, from the request handed to
    the socket to its answer read, are those of full load. An open loop does not stop: latency
    counts from the time a request was due, so that waiting for a free connection is part of it.

    A connection that was not used for five seconds is opened anew, which the latency of its next
    request includes. At a low rate have no more --connections than four for each request per
    second: with 64 of them, rates up to 12 measure how connections are opened.

    When the time is over, answers to what is under way are waited for, five seconds. They count
    for the latency and not for the rate; a request that has none by then is unanswered, and the
    exit code 1.

    """

  static let replay = """
    jodrell-bench replay DIR: publishes the files of a folder, each as one event, by their names

    \(target)
    \(spread)
    \(pace)
        --connections N      connections, each with one request under way (64)
        --batch N            events per request, as NDJSON: for files of one line (1); the one that
                             has the last file ends with it
        --duration D         go on from the first file again until then
        --count N            how many events; default: each file once
        --warm-up D          leave the first stretch out of the results (0s)
        --content-type T     of the events with --batch 1 (application/json)
        --seed N             which poisson arrivals (1)
        --loops N            threads that send (1)
    \(reporting)

    Example:
      jodrell-bench replay payloads/github --topic '~/hooks' --rate 500 --duration 1m

    """

  /// What stands between the options of both and those of `verify run`.
  static let verifyRunOnly = "verify run takes these, too:"

  static let verify = """
    jodrell-bench verify: proves that what was acknowledged is there

      verify run     publishes and writes the fate of every event to --journal; then checks
      verify check   reads the topic from its front and compares it with --journal

    \(target)
        --journal FILE       where the fates are kept; keep it off the server's disk
        --patience D         how long to wait for a server that is away (30s)
        --json               one JSON object instead of sentences
        --quiet              no progress line

    \(verifyRunOnly)

        --connections N      senders, each waiting for its answer (8)
        --batch N            events per request, as a CloudEvents batch when more than one (1)
        --duration D         how long to publish (10s unless --count is given)
        --count N            how many events at most
        --through-restarts   go on when the server goes away and comes back
        --no-check           publish only; --json then tells how many events had which fate

    An event without an answer may be stored or not, but not twice. Anything else that differs from
    the journal is a finding, and the exit code is 2. Without --through-restarts it is 1 when events
    were refused or their fate is unknown, though nothing was found.

    Reading ends where the topic does when it gets there: what others publish meanwhile is left.
    An interrupt ends the publishing, and what was published is checked; one while that is read back
    ends the reading, which then proves nothing, and the exit code is 1. The journal has each fate
    before its sender goes on: also one of a run that was killed can be checked.

    Examples:
      jodrell-bench verify run --topic acme/default/orders --journal /tmp/j --duration 20s
      jodrell-bench verify run --topic '~/orders' --journal /tmp/j --through-restarts --no-check &
      kill -9 $SERVER; …; wait
      jodrell-bench verify check --topic '~/orders' --journal /tmp/j

    """
}
