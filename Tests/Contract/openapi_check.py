"""Holds a running gateway against its own OpenAPI document.

usage: openapi_check.py JODRELL SCHEMATHESIS [--examples N] [--seconds S] [--seed SEED]

Starts `jodrell serve` in a directory of its own, gives it a topic with events, a schema, a
subscription and a document, and lets Schemathesis call every operation with a valid token, with
data that fits the document and with data that does not. Names in paths are, besides made-up ones,
those of what is there, so that calls come to more than 404.

Fails on a status above 499, an undocumented status, media type or field, a body that breaks its
schema, an operation that answers without its token, and a method that is not answered with 405.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CHECKS = ",".join([
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "ignored_auth",
    "unsupported_method", "allow_header_conformance",
])

# What is there, by the name of a path's parameter.
THERE = {
    "tenant": ["public"], "namespace": ["default"], "topic": ["orders", "invoices"],
    "subscription": ["workers"], "name": ["address"],
}


def begin(jodrell, folder):
    """The process, its URL, and a token."""
    data = os.path.join(folder, "data")
    log = open(os.path.join(folder, "log"), "w")
    process = subprocess.Popen(
        [jodrell, "serve", "--data", data, "--listen", "127.0.0.1:0"], stderr=log,
        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    while process.poll() is None:
        text = open(log.name).read()
        address = re.search(r'"message":"ready","http":"([0-9.:]+)"', text)
        if address:
            break
        time.sleep(0.05)
    else:
        sys.exit("openapi-check: the gateway did not start\n" + open(log.name).read())
    token = subprocess.run(
        [jodrell, "token", "--data", data, "--tenant", "public", "--allow",
         "publish,subscribe,manage", "--ttl", "12h"],
        check=True, capture_output=True, text=True).stdout.strip()
    return process, "http://" + address.group(1), token, log.name


def call(url, token, method, path, body=None, kind="application/json"):
    request = urllib.request.Request(
        url + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + token, "Content-Type": kind})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def fill(url, token):
    schema = "application/schema+json"
    for topic in THERE["topic"]:
        base = "/v1/topics/public/default/" + topic
        call(url, token, "PUT", base + "/schema", {"properties": {"n": {"type": "integer"}}}, schema)
        for number in range(5):
            call(url, token, "POST", base + "/events", {"n": number})
        call(url, token, "PUT", base + "/subscriptions/workers", {"type": "shared"})
    call(url, token, "PUT", "/v1/schemas/public/default/address", {"type": "object"}, schema)


def pinned(document):
    """The same document, in which names are mostly those of what is there."""
    for path in document["paths"].values():
        for parameter in path.get("parameters", []):
            if parameter["name"] in THERE:
                parameter["schema"] = {"enum": THERE[parameter["name"]]}
    return document


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("jodrell")
    parser.add_argument("schemathesis")
    parser.add_argument("--examples", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jodrell-openapi-") as folder:
        process, url, token, log = begin(os.path.abspath(arguments.jodrell), folder)
        try:
            fill(url, token)
            document = json.loads(call(url, token, "GET", "/openapi.json"))
            file = os.path.join(folder, "openapi.json")
            failed = False
            for name, text in [("as it is", document), ("on what is there", pinned(document))]:
                json.dump(text, open(file, "w"))
                command = [
                    arguments.schemathesis, "run", file, "--url", url, "-H",
                    "Authorization: Bearer " + token, "-c", CHECKS, "--phases",
                    "examples,coverage,fuzzing", "--max-examples", str(arguments.examples),
                    "--max-time", str(arguments.seconds // 2), "--request-timeout", "70",
                    "--continue-on-failure", "--warnings", "off", "--no-color"]
                if arguments.seed is not None:
                    command += ["--seed", str(arguments.seed)]
                print("openapi-check: the document " + name, flush=True)
                failed = subprocess.run(command, cwd=folder).returncode != 0 or failed
            if process.poll() is not None:
                print("openapi-check: the gateway has ended\n" + open(log).read())
                failed = True
            sys.exit(1 if failed else 0)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait()


if __name__ == "__main__":
    main()
