extension Help {
  private static let reading = """
        --publish-path P     where to publish, when not where the readers read
        --from F             earliest, latest, a cursor or an instant (the gateway's default)
        --view data          payloads only
        --check              every reader's ids must be message ids without a gap
        --duration D         how long to count (10s unless --count is given)
        --warm-up D          leave the first stretch out of the results (0s)
        --seed N             which made-up orders, and which poisson arrivals (1)
        --loops N            threads that read (1); one more publishes
    \(reporting)
    """

  private static let arrival = """
    What was published and did not arrive makes the exit code 1. That is judged by the number of
    deliveries: not where topics differ in their number of readers, and not from another position
    than latest. Whoever else publishes to the topics meanwhile falsifies it, and hides what is
    missing.
    """

  static let subscribe = """
    jodrell-bench subscribe: many readers of event streams, and how fast events reach them

    \(target)
    \(spread)
        --readers N          event streams, spread over the topics (1)
        --publish-rate N     also publish so many made-up orders per second, on a fixed timetable;
                             without it, others publish
        --arrivals A         of --publish-rate: even, or poisson (even)
        --count N            how many of them at most
        --connections N      connections to publish over (8)
    \(reading)

    Examples:
      jodrell-bench subscribe --topic '~/orders' --readers 1000 --publish-rate 100 --check
      jodrell-bench subscribe --topic 'acme/shop/t{}' --topics 100 --readers 10000 --duration 1m

    Delivery latency counts from the time a send was due, which the id of each made-up order
    carries, to its event read by a reader; from 65 readers on, each reader looks at one event of
    16.

    \(arrival)

    """

  static let roundTrip = """
    jodrell-bench roundtrip: from publish to delivery at a steady rate, beside publish latency

    \(target)
    \(spread)
        --rate N             events per second on a fixed timetable (1000)
        --arrivals A         even, or poisson (even)
        --count N            how many events at most
        --connections N      connections to publish over (64)
        --readers N          event streams (1)
    \(reading)

    Example:
      jodrell-bench roundtrip --topic acme/default/orders --token-file t.jwt --rate 5000

    \(arrival)

    """
}

extension Help {
  static let workers = """
    jodrell-bench workers: many workers on one subscription, each receives and acknowledges

    \(target)
        --workers N          workers, each with a connection (8)
        --max N              events per receive (10)
        --publish-rate N     also publish so many made-up orders per second, on a fixed timetable
        --arrivals A         of --publish-rate: even, or poisson (even)
        --count N            how many of them at most
        --connections N      connections to publish over (8)
        --subscription NAME  made when it is not there, and then removed at the end (jodrell-bench)
        --type T             of a new subscription (shared)
        --from P             where a new subscription begins (latest)
        --keep               do not remove it
        --duration D         how long to count (10s unless --count is given)
        --warm-up D          leave the first stretch out of the results (0s)
        --seed N             which made-up orders, and which poisson arrivals (1)
        --loops N            threads that work (1); one more publishes
    \(reporting)

    Examples:
      jodrell-bench workers --topic '~/orders' --workers 32 --publish-rate 2000
      jodrell-bench workers --topic '~/orders' --workers 64 --max 100 --from earliest

    With --publish-rate, events that were published and not acknowledged by anyone make the exit
    code 1. That is judged by their number, and only of a subscription that the run has made and
    that begins at latest. Whoever else publishes to the topic meanwhile falsifies it, and hides
    what is missing.

    """

  static let soak = """
    jodrell-bench soak: publishes steadily for long and looks for growth

    \(target)
    \(spread)
        --server-pid PID     the gateway's process, looked at every second (required)
        --rate N             events per second on a fixed timetable (1000)
        --arrivals A         even, or poisson (even)
        --duration D         how long (1h)
        --readers N          event streams (4)
        --connections N      connections to publish over (64)
        --batch N            events per request, as NDJSON when more than one (1)
        --warm-up D          leave the first stretch out of the results (0s)
        --seed N             which made-up orders, and which poisson arrivals (1)
        --loops N            threads that send (1)
        --data-dir DIR       the gateway's data directory, to see how it grows
        --management URL     where the gateway answers /metrics without a token: what is resident
                             beside its memory tables and its tail is told apart, and judged;
                             asked once before the run, which does not begin without an answer
        --max-rss-slope N    exit code 1 when memory grows by more than N MiB per hour, or when
                             nothing is told of it by --management
        --json               one JSON object instead of the table, with every second's sample
        --quiet              no progress line

    Examples:
      jodrell-bench soak --topic '~/orders' --rate 2000 --server-pid 4711 --max-rss-slope 20
      jodrell-bench soak --topic '~/orders' --server-pid 4711 --management http://127.0.0.1:8080

    The slope is a least-squares line through the least sample of each whole minute behind the
    first fifth of the run. It means something once the server's tail and tables are full (use
    --warm-up for the time until then), and is not told, nor judged, when it would be made of less
    than five minutes. --max-rss-slope then says so, and leaves the exit code to the rest of the
    run. Memory tables fill and are written out within seconds, so that resident memory swings by
    their size, and the tail has a bound of its own: what lies beside them is judged by all samples.

    \(arrival)

    """

  static let machine = """
    jodrell-bench machine: what this machine holds back from threads that are always busy

        --duration D         how long (10s)
        --cores N            so many busy threads (one for each core)
        --json               one JSON object instead of the table

    One thread for each core reads the clock over and over. What is missing between two readings,
    200 µs or more, is a pause in which the thread did not run: a host has other guests, a
    container is held to its share, another program was there. Where there are many, latencies at
    high load measure the machine. To be run with everything else at rest.

    Example:
      jodrell-bench machine --duration 30s

    """

  static let compare = """
    jodrell-bench compare A.json B.json: the figures that two results of --json share

        --json               one JSON object instead of the table

    The ratio is B's figure as a multiple of A's.

    Example:
      jodrell-bench publish --topic '~/orders' --json > before.json; …
      jodrell-bench publish --topic '~/orders' --json > after.json
      jodrell-bench compare before.json after.json

    """
}
