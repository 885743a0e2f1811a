#!/usr/bin/env python3
"""Publishes to a JetStream stream over many connections, each waiting for its acknowledgement.

    nats_publish.py PORT CONNECTIONS SECONDS BODY_FILE

Prints one JSON object like `jodrell-bench publish --json` does. One thread and epoll: each
acknowledgement read is answered with the next publish at once.
"""
import json
import select
import socket
import sys
import time


def connect(port, inbox):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.recv(65536)  # INFO
    connection.sendall(b'CONNECT {"verbose":false}\r\nSUB %s 1\r\nPING\r\n' % inbox)
    answer = b""
    while b"PONG\r\n" not in answer:
        answer += connection.recv(65536)
    return connection


def make_stream(port):
    connection = connect(port, b"_INBOX.setup")
    settings = json.dumps({"name": "ORDERS", "subjects": ["orders"], "storage": "file",
                           "retention": "limits", "num_replicas": 1}).encode()
    connection.sendall(b"PUB $JS.API.STREAM.CREATE.ORDERS _INBOX.setup %d\r\n%s\r\n"
                       % (len(settings), settings))
    answer = b""
    while b'"config"' not in answer:
        answer += connection.recv(65536)
        if b'"error"' in answer:
            sys.exit(answer.decode())
    connection.close()


def main():
    port, count, seconds = (int(word) for word in sys.argv[1:4])
    with open(sys.argv[4], "rb") as file:
        body = file.read()
    make_stream(port)
    poll = select.epoll()
    connections, messages, sent, rests = {}, {}, {}, {}
    for index in range(count):
        inbox = b"_INBOX.%d" % index
        connection = connect(port, inbox)
        connections[connection.fileno()] = connection
        messages[connection.fileno()] = b"PUB orders %s %d\r\n%s\r\n" % (inbox, len(body), body)
        rests[connection.fileno()] = b""
        poll.register(connection.fileno(), select.EPOLLIN)
    clock = time.perf_counter_ns
    start = clock()
    end = start + seconds * 1_000_000_000
    for number, connection in connections.items():
        sent[number] = clock()
        connection.send(messages[number])
    latencies = []
    while clock() < end:
        for number, _ in poll.poll(1):
            data = rests[number] + connections[number].recv(65536)
            if data.startswith(b"PING\r\n"):
                connections[number].send(b"PONG\r\n")
                data = data[6:]
            if not data.endswith(b"}\r\n"):
                rests[number] = data
                continue
            if b'"seq"' not in data:
                sys.exit(data.decode())
            rests[number] = b""
            now = clock()
            latencies.append(now - sent[number])
            sent[number] = now
            connections[number].send(messages[number])
    elapsed = (clock() - start) / 1e9
    latencies.sort()
    print(json.dumps({
        "requestsPerSecond": len(latencies) / elapsed,
        "latency": {"p50": latencies[len(latencies) // 2] / 1e6,
                    "p99": latencies[len(latencies) * 99 // 100] / 1e6}}))


main()
