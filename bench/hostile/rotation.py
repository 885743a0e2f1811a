#!/usr/bin/env python3
"""Keys, certificates and policy change under load: do callers who stay valid notice anything?

  bench/hostile/rotation.py [SECONDS]

Callers publish over TLS, by HTTP/1.1 on connections of 25 requests each and by HTTP/2 (h2load), some
of them on one connection from the beginning to the end. Meanwhile, over and over,

- a signing key of an issuer on the network and one of an issuer in a file give way to new ones: the new
  key is published beside the old one, tokens are signed with it, and when nobody shows an older token
  any more the old key goes. Now and then the new one is used without waiting until the gateway has it;
- certificate and key of the port are replaced;
- the policy's file changes: a limit, a mapping of somebody else, a comment.

Fails when a single request of SECONDS (60) was not answered with 201. Needs openssl, h2load and a
release build of jodrell (.build/release, or a folder in PROGRAMS, or JODRELL=path). What it starts it
ends.
"""
import base64, http.server, json, os, re, shutil, socket, ssl, subprocess, sys, tempfile
import threading, time, urllib.request

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
root = os.path.dirname(os.path.abspath(__file__)) + "/../.."
jodrell = os.environ.get("JODRELL") or (
    os.environ.get("PROGRAMS") or f"{root}/.build/release") + "/jodrell"
place = tempfile.mkdtemp()
end_of_load = threading.Event()


def openssl(*words, data=None):
    return subprocess.run(
        ["openssl", *words], input=data, capture_output=True, check=True, cwd=place).stdout


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def put(name, content):
    """Renamed into place, so that nobody reads half of it."""
    with open(f"{place}/{name}.next", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(content)
    os.rename(f"{place}/{name}.next", f"{place}/{name}")


class Key:
    made = 0

    def __init__(self):
        Key.made += 1
        self.id = f"key-{Key.made}"
        self.file = f"{self.id}.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.file)
        point = openssl("ec", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
        self.public = {
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": text(point[:32]), "y": text(point[32:])}

    def token(self, issuer, subject):
        now = int(time.time())
        head = {"alg": "ES256", "kid": self.id, "typ": "JWT"}
        claims = {"iss": issuer, "aud": "gateway", "sub": subject, "iat": now, "exp": now + 3600}
        signed = ".".join(text(json.dumps(part).encode()) for part in (head, claims))
        der = openssl("dgst", "-sha256", "-sign", self.file, data=signed.encode())
        numbers, index = b"", 2
        for _ in range(2):
            length = der[index + 1]
            numbers += der[index + 2:index + 2 + length].lstrip(b"\0").rjust(32, b"\0")
            index += 2 + length
        return f"{signed}.{text(numbers)}"


class Issuer:
    """Keys that are believed, a token for each caller, and which tokens are still about."""

    def __init__(self, name, publish):
        self.iss = f"https://{name}.example"
        self.publish = publish
        self.lock = threading.Condition()
        self.keys = [Key()]
        self.generation = 0
        self.held = {0: 0}
        self.current = self.keys[0].token(self.iss, name)
        self.publish(self.keys)

    def take(self):
        with self.lock:
            self.held[self.generation] += 1
            return self.generation, self.current

    def give_back(self, generation):
        with self.lock:
            self.held[generation] -= 1
            self.lock.notify_all()

    def rotate(self, is_known):
        """- is_known: waits until the gateway has the new key; nil: it has to look by itself."""
        fresh = Key()
        self.keys.append(fresh)
        self.publish(self.keys)
        if is_known:
            is_known(len(self.keys))
        token = fresh.token(self.iss, "rotated")
        with self.lock:
            old = self.generation
            self.generation += 1
            self.held[self.generation] = 0
            self.current = token
            self.lock.wait_for(lambda: self.held[old] == 0)
        self.keys = [fresh]
        self.publish(self.keys)
        if is_known:
            is_known(1)


def served(keys):
    served.document = json.dumps({"keys": [key.public for key in keys]}).encode()


class KeyServer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(served.document)))
        self.end_headers()
        self.wfile.write(served.document)

    def log_message(self, *_):
        pass


def certify():
    """A fresh certificate of the one authority, with a fresh key."""
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.next")
    request = openssl("req", "-new", "-key", "server.next", "-subj", "/CN=gateway")
    with open(f"{place}/names", "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    certificate = openssl(
        "x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
        "-extfile", "names", data=request)
    put("server.pem", certificate.decode())
    os.rename(f"{place}/server.next", f"{place}/server.key")


def policy(turn, port):
    put("jodrell.yaml", f"""# {turn}
listen:
  https: {{address: "127.0.0.1:0", certificate: server.pem, key: server.key}}
  management: "127.0.0.1:0"
issuers:
  - {{id: remote, iss: "https://remote.example", audiences: [gateway],
     keys: {{url: "http://127.0.0.1:{port}/keys", refresh: 10s, addresses: [127.0.0.1]}}}}
  - {{id: local, iss: "https://local.example", audiences: [gateway], keys: {{file: local.json}}}}
tenants: {{acme: {{limits: {{requests: {1_000_000 + turn}/s}}}}, other{turn % 2}: {{}}}}
mappings:
  - {{id: remote, issuer: remote, when: {{"/sub": {{exists: true}}}}, tenant: acme, namespace: shop,
     principal: "{{/sub}}", allow: [{{publish: ["*/*"]}}]}}
  - {{id: local, issuer: local, when: {{"/sub": {{exists: true}}}}, tenant: acme, namespace: shop,
     principal: "{{/sub}}", allow: [{{publish: ["*/*"]}}]}}
  - {{id: other{turn}, issuer: local, when: {{"/sub": {{eq: nobody}}}}, tenant: other{turn % 2},
     principal: "{{/sub}}", allow: [{{subscribe: ["*/*"]}}]}}
""")


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.good = {"HTTP/1.1": 0, "HTTP/2": 0, "HTTP/2, one connection": 0}
        self.bad = []

    def add(self, kind, good, bad=()):
        with self.lock:
            self.good[kind] += good
            self.bad += [f"{kind}: {words}" for words in bad]


tally = Tally()
body = json.dumps({"order": 4711, "customer": "c-12", "items": [{"sku": "a", "qty": 2}]})


def one_by_one(issuer, port):
    """HTTP/1.1: 25 requests on a connection, each with the token of that moment."""
    context = ssl.create_default_context(cafile=f"{place}/ca.pem")
    while not end_of_load.is_set():
        generation, token = issuer.take()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    answers = secure.makefile("rb")
                    for _ in range(25):
                        secure.sendall((
                            "POST /v1/topics/~/orders/events HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
                        status = answers.readline().decode()
                        length = 0
                        while (line := answers.readline().strip().lower()):
                            if line.startswith(b"content-length:"):
                                length = int(line.split(b":")[1])
                        answer = answers.read(length)
                        is_good = status.split()[1:2] == ["201"]
                        tally.add("HTTP/1.1", is_good, [] if is_good else [status + str(answer)])
                        time.sleep(0.005)
        except (OSError, ValueError) as fault:
            tally.add("HTTP/1.1", 0, [repr(fault)])
        finally:
            issuer.give_back(generation)


def load(kind, port, token, count, rate):
    told = subprocess.run(
        ["h2load", "-n", str(count), "-c", "1" if "one" in kind else "4", "-m", "4", f"--rps={rate}",
         "-d", f"{place}/order.json", "-H", f"authorization: Bearer {token}",
         "-H", "content-type: application/json",
         f"https://127.0.0.1:{port}/v1/topics/~/orders/events"],
        capture_output=True, text=True).stdout
    good = int(re.search(r"status codes: (\d+) 2xx", told).group(1))
    tally.add(kind, good, [told] if good < count else [])


def many_at_once(issuer, port):
    """HTTP/2: 200 requests on four connections, then four others."""
    while not end_of_load.is_set():
        generation, token = issuer.take()
        try:
            load("HTTP/2", port, token, 200, 50)
        finally:
            issuer.give_back(generation)


def read(metric):
    scrape = urllib.request.urlopen(f"{metrics}/metrics", timeout=30).read().decode()
    found = re.search(r"^" + re.escape(metric) + r" (\S+)$", scrape, re.M)
    return float(found.group(1)) if found else 0


def until(holds, what):
    """Waits, at most a minute or until the load ends."""
    end = time.time() + 60
    while not end_of_load.is_set() and not holds():
        if time.time() > end:
            tally.add("HTTP/1.1", 0, [f"does not come about: {what}"])
            return
        time.sleep(0.02)


changes = {}


def again_and_again(name, pause, change):
    """Changes something until the load ends."""
    turn = 0
    while not end_of_load.is_set():
        turn += 1
        change(turn)
        changes[name] = turn
        end_of_load.wait(pause)


def rotate_remote(turn):
    count = 'jodrell_issuer_keys{issuer="remote"}'
    # A key that nobody knows may be looked for every 30 s (docs/limits.md).
    is_announced = turn % 4 != 1
    remote.rotate(
        (lambda keys: until(lambda: read(count) == keys, f"{keys} keys")) if is_announced else None)
    if not is_announced:
        end_of_load.wait(31)


def rotate_local(_):
    def taken(_):
        # The next snapshot may have been begun before the file was written; the one after it was not.
        before = read("jodrell_policy_generation")
        until(lambda: read("jodrell_policy_generation") >= before + 2, "two more snapshots")
    local.rotate(taken)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
threading.Thread(target=server.serve_forever, daemon=True).start()
openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
        "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=authority")
certify()
put("order.json", body)
remote = Issuer("remote", served)
local = Issuer("local", lambda keys: put(
    "local.json", json.dumps({"keys": [key.public for key in [steady, *keys]]}))) \
    if (steady := Key()) else None
policy(0, server.server_port)
log = open(f"{place}/log", "w")
gateway = subprocess.Popen(
    [jodrell, "serve", "-c", f"{place}/jodrell.yaml", "--data", f"{place}/data"],
    stderr=log)
try:
    ready = None
    while not ready:
        if gateway.poll() is not None:
            sys.exit(open(f"{place}/log").read())
        ready = re.search(r'"https":"[^"]*:(\d+)","management":"([^"]*)"', open(f"{place}/log").read())
        time.sleep(0.02)
    port, metrics = int(ready.group(1)), f"http://{ready.group(2)}"
    until(lambda: read('jodrell_issuer_keys{issuer="remote"}') == 1, "the first key")
    rate = 200
    callers = [threading.Thread(target=one_by_one, args=(issuer, port))
               for issuer in (remote, local) for _ in range(2)]
    callers += [threading.Thread(target=many_at_once, args=(issuer, port)) for issuer in (remote, local)]
    callers.append(threading.Thread(target=load, args=(
        "HTTP/2, one connection", port, steady.token(local.iss, "steady"), int(rate * seconds), rate)))
    began = time.time()
    for caller in callers:
        caller.start()
    for name, pause, change in [
        ("keys of the issuer on the network", 0.5, rotate_remote),
        ("keys of the issuer in a file", 0.5, rotate_local),
        ("certificates", 1.3, lambda _: certify()),
        ("policies", 0.7, lambda turn: policy(turn, server.server_port)),
    ]:
        callers.insert(0, threading.Thread(target=again_and_again, args=(name, pause, change)))
        callers[0].start()
    callers[-1].join()
    end_of_load.set()
    for caller in callers:
        caller.join()
    print(f"{time.time() - began:.0f} s of load, in which these changed: "
          + ", ".join(f"{count} × {name}" for name, count in changes.items()))
    taken = {part: read(f'jodrell_{part}_reloads_total{{result="taken"}}') for part in ("tls", "policy")}
    print("taken by the gateway: certificates {tls:.0f} times, policy or key files {policy:.0f}".format(**taken))
    for kind, count in tally.good.items():
        print(f"{kind}: {count} requests answered with 201")
    print(f"failed: {len(tally.bad)}")
    for words in tally.bad[:5]:
        print(words)
    sys.exit(1 if tally.bad or min(tally.good.values()) == 0 else 0)
finally:
    end_of_load.set()
    gateway.terminate()
    gateway.wait()
    shutil.rmtree(place, ignore_errors=True)
