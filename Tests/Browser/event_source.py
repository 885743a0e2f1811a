#!/usr/bin/env python3
"""A page in Chromium follows a topic: EventSource over TLS and HTTP/2, from another origin.

  Tests/Browser/event_source.py

The page fetches tickets, opens twelve event streams with them, twice as many as a browser opens
connections to one host by HTTP/1.1, publishes five events and tells what came. Passes when every stream
has had every event, in order and once, over one HTTP/2 connection. Needs Debian's chromium-headless-shell
or chromium, openssl, and jodrell in PROGRAMS (.build/debug).
"""
import base64, hashlib, http.server, json, os, queue, re, shutil, signal, subprocess, sys, tempfile
import threading, time, urllib.request

programs = os.environ.get("PROGRAMS", ".build/debug")
browser = shutil.which("chromium-headless-shell") or shutil.which("chromium")
if not browser:
    sys.exit("needs chromium-headless-shell or chromium")
place = tempfile.mkdtemp()
reports = queue.Queue()
streams, events = 12, 5

PAGE = """<!doctype html><title>events</title><script>
const base = BASE, path = "/v1/topics/public/default/live/events";
const headers = {"authorization": "Bearer " + TOKEN, "content-type": "application/json"};
const tell = report => fetch("/report", {method: "POST", body: JSON.stringify(report)});
async function post(target, body) {
  const answer = await fetch(base + target, {method: "POST", headers, body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
async function follow(seen) {
  const {ticket} = await post("/v1/tickets", {path});
  const source = new EventSource(`${base}${path}?ticket=${ticket}`);
  source.addEventListener("order", e => seen.push([e.lastEventId, JSON.parse(e.data).data.n]));
  await new Promise((resolve, reject) => {
    source.onopen = resolve;
    source.onerror = () => reject(new Error("a stream is refused"));
  });
}
(async () => {
  const seen = Array.from({length: STREAMS}, () => []);
  await post(path, {n: "the topic's first"});
  await Promise.all(seen.map(follow));
  const sent = [];
  for (let n = 0; n < EVENTS; n++) {
    const answer = await fetch(base + path, {
      method: "POST", headers: {...headers, "ce-specversion": "1.0", "ce-type": "order",
        "ce-id": `${n}`, "ce-source": "urn:page"}, body: JSON.stringify({n})});
    sent.push((await answer.json()).messageId);
  }
  while (seen.some(list => list.length < EVENTS)) await new Promise(r => setTimeout(r, 20));
  await tell({sent, seen});
})().catch(fault => tell({fault: String(fault)}));
</script>"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(Page.text.encode())

    def do_POST(self):
        reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def start(log, *words):
    file = open(f"{place}/{log}", "w")
    child = subprocess.Popen(
        [f"{programs}/jodrell", "serve", "--data", f"{place}/data", *words], stderr=file)
    while '"ready"' not in open(f"{place}/{log}").read():
        if child.poll() is not None:
            sys.exit(open(f"{place}/{log}").read())
        time.sleep(0.02)
    return child, open(f"{place}/{log}").read()


def metric(name):
    scrape = urllib.request.urlopen(metrics, timeout=30).read().decode()
    return int(float(re.search(r"^" + re.escape(name) + r" (\S+)$", scrape, re.M).group(1)))


subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
     f"{place}/server.key", "-out", f"{place}/server.pem", "-days", "3", "-subj", "/CN=localhost", "-addext",
     "subjectAltName=DNS:localhost"], check=True, capture_output=True)
public = subprocess.run(
    ["openssl", "pkey", "-in", f"{place}/server.key", "-pubout", "-outform", "DER"], check=True,
    capture_output=True).stdout
pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=pages.serve_forever, daemon=True).start()
origin = f"http://127.0.0.1:{pages.server_port}"
children = []
try:
    # Makes the issuer whose tokens the gateway proper will take.
    first, _ = start("first.log", "--listen", "127.0.0.1:0")
    first.terminate()
    first.wait()
    with open(f"{place}/jodrell.yaml", "w") as file:
        file.write(f"""
listen:
  https: {{address: "127.0.0.1:0", certificate: server.pem, key: server.key}}
  management: "127.0.0.1:0"
crossOrigin: {{origins: ["{origin}"]}}
issuers:
  - {{id: development, iss: "urn:jodrell:development", audiences: [jodrell], algorithms: [ES256],
     keys: {{file: "{place}/data/development-keys.json"}}}}
tenants: {{public: {{}}}}
mappings:
  - {{id: all, issuer: development, when: {{"/tenant": {{eq: public}}}}, tenant: public,
     namespace: default, principal: "{{/sub}}", allow: [{{publish: ["*/*"]}}, {{subscribe: ["*/*"]}}]}}
""")
    gateway, log = start("log", "-c", f"{place}/jodrell.yaml")
    children.append(gateway)
    port, management = re.search(r'"https":"[^"]*:(\d+)","management":"([^"]*)"', log).groups()
    metrics = f"http://{management}/metrics"
    token = subprocess.run(
        [f"{programs}/jodrell", "token", "--data", f"{place}/data"], check=True, capture_output=True,
        text=True).stdout.strip()
    Page.text = PAGE.replace("BASE", json.dumps(f"https://localhost:{port}")).replace(
        "TOKEN", json.dumps(token)).replace("STREAMS", str(streams)).replace("EVENTS", str(events))
    print(subprocess.run([browser, "--version"], capture_output=True, text=True).stdout.strip())
    children.append(subprocess.Popen(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={place}/profile",
         "--remote-debugging-port=0",
         # This one key is trusted, and no other certificate that is not.
         "--ignore-certificate-errors-spki-list="
         + base64.b64encode(hashlib.sha256(public).digest()).decode(), origin + "/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
    report = reports.get(timeout=120)
    if "fault" in report:
        sys.exit(report["fault"])
    expected = [[name, n] for n, name in enumerate(report["sent"])]
    assert all(seen == expected for seen in report["seen"]), report
    connections = metric('jodrell_http2_connections_total{result="served"}')
    opened = metric("jodrell_streams_open")
    print(f"{len(report['seen'])} EventSource streams had {len(expected)} events each, in order and once; "
          f"{opened} streams open on {connections} HTTP/2 connection(s)")
    sys.exit(0 if opened == streams and connections <= 2 else 1)
finally:
    for child in reversed(children):
        if child is not gateway:
            os.killpg(child.pid, signal.SIGTERM)
        child.terminate()
        child.wait()
    pages.shutdown()
    shutil.rmtree(place, ignore_errors=True)
