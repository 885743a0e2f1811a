/// The texts of `--help`. docs/cli.md says the same at more length.
enum HelpText {
  static let overview = """
    jodrell: an event gateway with a durable log inside

      jodrell demo                    see it all in half a minute, on a gateway thrown away after
      jodrell serve                   run the gateway; without -c in development mode
      jodrell token                   a token for development mode
      jodrell publish TOPIC [FILE…]   send standard input, files or folders
      jodrell tail TOPIC              follow a topic
      jodrell topics                  what a namespace holds, with latency percentiles
      jodrell schema VERB FILE…       check schemas and payloads without a gateway
      jodrell check -c FILE           test a configuration file
      jodrell explain -c FILE         what it decides about a token, or all that it grants
      jodrell audit verify FILE       whether an audit log is whole
      jodrell inspect                 what lies in a data directory

    Each has its own --help; jodrell --version tells the version.

    First steps:
      jodrell serve                                       (in one terminal)
      echo '{"hello":"world"}' | jodrell publish hello    (in another)
      jodrell tail hello --from earliest

    Exit codes: 0 done; 1 it did not work; 3 configuration missing or wrong; 4 cannot listen; 5 data
    directory in use; 6 acknowledged data missing; 7 data directory of a newer version; 8 damaged
    data; 9 data directory unusable; 10 a write failed while serving; 11 the same on a full volume;
    64 wrong command line.

    """

  static let serve = """
    jodrell serve: runs the gateway until SIGTERM or Ctrl-C

        -c FILE              the configuration file; missing or empty is an error.
                             Without -c: development mode, for this machine only
        --data DIR           the data directory (configuration's data, else ./data)
        --listen H:P         where to listen (configuration's listen.http, else 127.0.0.1:8080);
                             port 0 takes a free one; unix:/path makes a socket file
        --management H:P     metrics and health on an address of their own
        --schemas DIR        register DIR/<tenant>/<namespace>/<topic>.schema.json at start
        --tenants A,B        development mode: more tenants beside public
        --banner             development mode: show curl lines with a token, terminal or not
        --accept-loss N      serve although acknowledged commits after N are missing; the refusal
                             to start names N

    Development mode makes an issuer of its own once, keeps its key in the data directory
    (development-issuer.key, readable by its owner alone), and runs on the ordinary policy language:
    tenant public, namespace default; jodrell token mints for it.

    The log on stderr is JSON, one object per line; the one with "message":"ready" names the
    addresses. On SIGTERM or SIGINT the gateway stops accepting, answers what is in flight for at
    most 10 s, and ends with 0; a second signal ends it at once. On SIGHUP it reads the policy in
    its file (-c), the key files and its TLS certificates anew, as it does within a second when they
    change; what is wrong is logged, and what is in force stays.

    Examples:
      jodrell serve
      jodrell serve --schemas schemas --tenants acme
      jodrell serve -c /etc/jodrell/jodrell.yaml --management 127.0.0.1:9090

    """

  static let token = """
    jodrell token: prints a token for a gateway in development mode

        --tenant T       the tenant it acts for (public)
        --allow A,B      what it may do: publish, subscribe, manage, admin (publish,subscribe)
        --ttl D          how long it is good: 30s, 5m, 1h, 7d (1h)
        --subject S      its principal (developer)
        --count N        so many tokens, one a line, for developer-1 to developer-N
        --data DIR       the gateway's data directory (./data)

    Examples:
      TOKEN=$(jodrell token)
      jodrell token --tenant acme --allow publish --ttl 5m --subject orders-service
      curl -H "Authorization: Bearer $(jodrell token --allow manage)" …

    """

  static let check = """
    jodrell check: compiles a configuration file as serve does, and runs the policy tests in it

        -c FILE     the file
        --quiet     say nothing when all is good

    Faults name file, line and column. Exit codes: 0 good; 1 a policy test fails; 3 the file is
    missing, empty or wrong.

    Examples:
      jodrell check -c jodrell.yaml
      jodrell check -c jodrell.yaml --quiet && systemctl restart jodrell

    """

  static let explain = """
    jodrell explain: what a configuration file decides about a token, or all that it grants

        -c FILE              the file
        --token T            a signed token; verified by the keys that files hold, none is fetched
        --token-file FILE    a file that holds it
        --claims FILE        instead of a token: claims that nobody has signed, a JSON object or
                             a list of them, with one line for each,
        --issuer ID          as if this issuer had signed them
        --publish TOPIC      what would be asked: tenant/namespace/topic, or '~/topic' (in quotes)
        --subscribe TOPIC    the same for reading,
        --manage TOPIC       for topics, schemas and subscriptions,
        --admin TOPIC        and for tenants and policy
        --payload FILE       what would be published, for conditions on payloads
        --tenant NAME        what the field Jodrell-Tenant would hold
        --at INSTANT         as of then (now)
        --grants             instead of both: one JSON line for each grant and denial of each
                             mapping, with the claims that it asks for

    Prints one JSON object: the token, what each mapping made of its claims, the caller's grants,
    and which rule allows or denies. Nothing is sent anywhere. Exit codes: 0 allowed; 1 refused;
    3 the file is missing, empty or wrong.

    Examples:
      jodrell explain -c jodrell.yaml --token-file token.txt --publish acme/orders/created
      jodrell explain -c jodrell.yaml --claims tills.json --issuer keycloak
      jodrell explain -c jodrell.yaml --grants | jq 'select(.tenant=="acme")'

    """

  static let audit = """
    jodrell audit verify FILE…: walks the chain of an audit log

        --key FILE     hold its signatures against this public key, in PEM
        --partial      with --key: older files than the first are left out
        --head HASH    the head it had when it was last verified must still be its end
        --quiet        say nothing when all is good

    Every line carries the hash of the one before it, so that what was altered, dropped or inserted
    shows. With --key nobody but the key's holder can have written the log anew, and what was cut
    off at the end shows by the signed head in FILE.head. Of several files, oldest first, each must
    go on where the one before it ended; with --key the first must follow none, or say --partial.
    Exit codes: 0 good; 1 a file cannot be read; 8 it was tampered with, line and reason are told.

    Examples:
      jodrell audit verify /var/log/jodrell/audit.jsonl
      openssl pkey -in audit.key -pubout -out audit.pem
      jodrell audit verify --key audit.pem audit.jsonl.1 audit.jsonl

    """

  static let inspect = """
    jodrell inspect: shows what lies in a data directory, without changing it

        --data DIR       the data directory (./data); no server may be running on it
        --chunks T       the chunks of one topic, tenant/namespace/topic
        --verify         read every chunk, check it, and list the events that cannot be read

    Shown are names, numbers and sizes, never a payload. Exit codes: 0; 1 no such topic; 5 a server
    uses the directory; 6 acknowledged data is missing; 8 damage was found; 9 no store there.

    Examples:
      jodrell inspect --data /var/lib/jodrell
      jodrell inspect --verify
      jodrell inspect --chunks public/default/orders

    """

  private static let client = """
        --url URL            the gateway (JODRELL_URL, else http://127.0.0.1:8080), or unix:/path
        --ca FILE            for https: who may sign its certificate, in PEM (JODRELL_CA, else the
                             system's authorities)
        --token TOKEN        sent as bearer token (JODRELL_TOKEN)
        --token-file FILE    the same from a file
        --data DIR           without a token, and on the gateway's own machine: mint one with the
                             development key in its data directory (./data)
    """

  static let publish = """
    jodrell publish: sends events to a topic and waits until they are on disk

      jodrell publish TOPIC [FILE | FOLDER | -]…

    TOPIC is tenant/namespace/topic, or just topic in the namespace that the token maps to. Without
    a file, or with -, standard input is one event. Folders are sent with all files below them.

        --lines              standard input or files hold one event per line (.ndjson, .jsonl)
        --content-type T     of all that is sent; else by name: .json, .ndjson, .jsonl, .txt, .csv,
                             .xml, .cloudevent.json (structured), .cloudevents.json (batch)
        --key K              the ordering key of all events (Event-Key)
        --quiet              only refusals
    \(client)

    One event: its message id is printed. More: how many were stored, refused, and put into the
    topic's quarantine, where they are durable. Refusals go to stderr with file, line, and the
    fault's place. Exit codes: 0 all stored; 1 some were not.

    Examples:
      echo '{"hello":"world"}' | jodrell publish hello
      jodrell publish acme/default/orders order-1.json order-2.json
      jodrell publish hooks webhooks/ --data ./data
      tail -f app.jsonl | jodrell publish logs --lines

    """

  static let tail = """
    jodrell tail: follows a topic, across disconnects and restarts, without loss or repetition

      jodrell tail TOPIC

        --from P         earliest, latest, a message id (what follows it), or an instant such as
                         2026-03-01T00:00:00Z (latest)
        --count N        end after N events
        --raw            each event as one line of JSON, as the gateway sent it
        --data-only      payloads alone, one per line
                         (otherwise one line per event; a terminal's width cuts its payload)
    \(client)

    Examples:
      jodrell tail orders
      jodrell tail acme/default/orders --from earliest --count 10
      jodrell tail orders --data-only | jq .total

    """

  static let topics = """
    jodrell topics: lists a namespace's topics with their numbers

      jodrell topics [TENANT/NAMESPACE]

    Without a namespace it is the one that the token maps to. Latencies are milliseconds since the
    gateway's start: publish from request received to durable, delivery from durable to written to
    a reader at the tail.

    \(client)

    Examples:
      jodrell topics
      jodrell topics acme/default --token-file operator.jwt

    """

  static let schema = """
    jodrell schema: says what a gateway would say of schemas and payloads, without one

      jodrell schema check FILE…             compile schemas, tell their warnings
      jodrell schema validate SCHEMA FILE…   check payloads, as publishing them would
      jodrell schema diff OLD… NEW           whether NEW may follow the versions before it

    A file called - is standard input; validate without one reads it too. One that ends in .avsc is
    an Avro record definition over JSON payloads. Faults of a payload come with pointer, line and
    column, the rule in the schema, and what was probably meant; never with a value. A no of diff
    comes with the places in both schemas and, of JSON Schemas, a value that tells them apart.

        --dialect D      draft-07 or 2020-12, for schemas that have no $schema (2020-12)
        --formats M      assert or annotate (draft-07 asserts, 2020-12 annotates)
        --ref A,B        files, or folders of .json files, that schemas refer to by $id or by path
        --strict         check: a warning counts as a fault
        --lines          validate: each line of a file is a payload of its own
        --level L        diff: the level of compatibility (BACKWARD_TRANSITIVE)
        --policy P       diff: evolution or strict (evolution)
        --json           one JSON object a line on standard output: file, and the problem document
                         that the gateway would send
        --quiet          only what is wrong

    Exit codes: 0 all good; 1 a schema or a payload is not, or a file cannot be read.

    Examples:
      jodrell schema check order.schema.json --strict --ref shared/
      jodrell schema validate order.schema.json order-*.json
      jodrell schema diff order-1.json order-2.json order-3.json --level FULL_TRANSITIVE
      tail -f app.jsonl | head -n 1000 | jodrell schema validate app.schema.json --lines

    """

  static let demo = """
    jodrell demo: starts a gateway in a temporary directory and walks through it

        --fast           no pauses for reading
        --keep           leave the temporary directory behind, and say where

    Two tenants, a schema, a good event and its timings, a bad one and its refusal, the neighbour's
    404, a live stream, two workers sharing and acknowledging, kill -9, restart, resume, and the
    latency table. Nothing outside the temporary directory is touched; the gateway listens on a
    free port of 127.0.0.1 and is stopped at the end.

    Exit codes: 0 every step showed what it should; 1 one did not.

    Example:
      jodrell demo

    """
}
