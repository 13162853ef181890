"""Load: many streams at once, a third of them given up at random, malformed requests and slow
clients among them: load_test.py INGOT

Every answer that ends is the one that the same request got alone (in fp32), no stream stands
still, nothing is left over, and memory stays where it was. 64 streams for 5 minutes with
INGOT_SOAK, for some seconds without; the figures are printed.
"""

import collections
import http.client
import json
import os
import random
import re
import socket
import statistics
import threading
import time
import unittest
from pathlib import Path

from server_process import MODEL, ServerProcess, program

INGOT = program()
SOAK = bool(os.environ.get("INGOT_SOAK"))
SECONDS = 300 if SOAK else 3
WARM_UP = 60 if SOAK else 1  # memory is compared with what it was then
STREAMS = 64
SLOW = 12  # clients beside them
QUESTIONS = 12  # so few that after a minute the cache of prefixes holds whatever they leave
STILL = 60  # seconds without a byte: the stream is stuck
SCHEMA = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}


def ollama(question, number):
    """Greedy, or sampled with a seed, or under a schema."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "options": {"temperature": 0, "num_predict": 48},
    }
    if number % 3 == 1:
        body["options"] |= {"temperature": 0.9, "top_p": 0.95, "seed": number}
    if number % 3 == 2:
        body |= {"format": SCHEMA, "think": False}
    return "/api/chat", body


def openai(question, number):
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "max_tokens": 48,
        "temperature": (number % 2) * 0.7,
        "seed": number,
        "stop": ["9"] if number % 4 == 0 else None,
    }
    return "/v1/chat/completions", body


def anthropic(question, _number):
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "max_tokens": 48,
        "temperature": 0,
    }
    return "/v1/messages", body


INTERFACES = (ollama, openai, anthropic)


def requests():
    """Each a path and a body, no two alike."""
    for number in range(QUESTIONS):
        yield INTERFACES[number % 3](f"What is {number}+{number + 7}?", number // 3)


def said(line):
    """The text of one line of any of the streams, and whether it is the last that counts."""
    line = line.removeprefix(b"data: ").strip()
    if line == b"[DONE]":
        return "", True
    if not line.startswith(b"{"):
        return "", False
    value = json.loads(line)
    if value.get("error"):
        raise AssertionError(f"an error within a stream: {value}")
    if "message" in value and "done" in value:
        message = value["message"]
        return message.get("thinking", "") + message.get("content", ""), value["done"]
    if "choices" in value:
        delta = value["choices"][0]["delta"] if value["choices"] else {}
        return (delta.get("reasoning") or "") + (delta.get("content") or ""), False
    delta = value.get("delta", {})
    return delta.get("thinking", "") + delta.get("text", ""), value["type"] == "message_stop"


class Slow(http.client.HTTPConnection):
    """Sends in pieces with pauses, and takes little at once."""

    pause, piece = 0.0, 0

    def connect(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(STILL)
        self.sock.connect((self.host, self.port))

    def send(self, data):
        if self.sock is None:
            self.connect()
        if not self.piece:
            return self.sock.sendall(data)
        for at in range(0, len(data), self.piece):
            self.sock.sendall(data[at : at + self.piece])
            time.sleep(self.pause)
        return None


MALFORMED = (
    ("POST", "/api/chat", b"{bad", 400),
    ("POST", "/api/chat", b"[" * 100_000, 400),
    ("POST", "/api/chat", b'{"model": 7}', 400),
    ("POST", "/api/chat", b'{"model":"demo","messages":[{"role":"user","content":3}]}', 400),
    ("POST", "/api/chat", b'{"model":"demo","options":{"num_ctx":1e300}}', 400),
    ("POST", "/api/chat", b'{"model":"nobody/has:this","messages":[]}', 404),
    ("POST", "/v1/chat/completions", b'{"model":"demo","messages":"\xff\xfe"}', 400),
    ("POST", "/v1/messages", b'{"model":"demo","max_tokens":-1,"messages":[]}', 400),
    ("POST", "/v1/completions", b"{bad", 400),
    ("POST", "/v1/messages", b'{"model":', 400),
    ("POST", "/v1/responses", b'{"model":"\xc0"}', 400),
    ("POST", "/v1/embeddings", b"{]", 400),
    ("GET", "/api/chat", b"", 405),
    ("POST", "/no/such/thing", b"{}", 404),
)
GARBAGE = (
    b"\x00\x01\x02\x03\r\n\r\n",
    b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


class Load:
    def __init__(self, server, streams, seconds):
        self.host, port = server.address.split(":")
        self.port = int(port)
        self.pid = server.process.pid
        self.streams, self.seconds = streams, seconds
        self.requests = list(requests())
        self.alone = []
        self.counts = collections.Counter()
        self.failures = []
        self.lock = threading.Lock()
        self.memory = []  # (seconds, resident MB, of those kept prefixes)
        self.until = 0.0

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def ask(self, which, connection=None, leave_after=0, between=None):
        """What is answered, and in how many lines; None where it was left before the end."""
        path, body = self.requests[which]
        connection = connection or http.client.HTTPConnection(self.host, self.port, timeout=STILL)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise AssertionError(f"status {answer.status}: {answer.read()[:200]}")
            text, lines = "", 0
            while True:
                line = answer.readline() if between is None else between(answer)
                if not line:
                    raise AssertionError(f"the stream ended early after {text!r}")
                some, last = said(line)
                text += some
                lines += 1
                if last:
                    return text, lines
                if leave_after and lines >= leave_after:
                    return None
        finally:
            connection.close()

    def check(self, kind, which, answer):
        if answer is None:
            return self.count("left")
        self.count(kind)
        text, alone = answer[0], self.alone[which][0]
        if text != alone:
            raise AssertionError(f"{self.requests[which]}: {text!r}, alone {alone!r}")
        return None

    # --- what clients do ---

    def stream(self, chance):
        which = chance.randrange(len(self.requests))
        leaves = chance.random() < 1 / 3
        leave_after = chance.randrange(1, self.alone[which][1]) if leaves else 0
        self.check("finished", which, self.ask(which, leave_after=leave_after))

    def malformed(self, chance):
        self.refuses(*chance.choice(MALFORMED))

    def refuses(self, method, path, body, status):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=STILL)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != status:
                raise AssertionError(f"{path} {body[:80]}: {answer.status}, not {status}")
        finally:
            connection.close()
        self.count("malformed")

    def garbage(self, chance):
        """Answered with an error or dropped, and soon."""
        with socket.create_connection((self.host, self.port), timeout=STILL) as peer:
            peer.sendall(chance.choice(GARBAGE))
            answer = b""
            try:
                while piece := peer.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
            if answer and not re.match(rb"HTTP/1\.1 [45]\d\d ", answer):
                raise AssertionError(f"garbage was answered {answer[:80]!r}")
        self.count("malformed")

    def slow_sender(self, chance):
        """Headers and body in pieces of some bytes: slow, and within the limits."""
        which = chance.randrange(len(self.requests))
        connection = Slow(self.host, self.port, timeout=STILL)
        connection.piece, connection.pause = chance.randrange(5, 40), chance.uniform(0.01, 0.1)
        self.check("slow", which, self.ask(which, connection))

    def slow_reader(self, chance):
        """Takes some bytes now and then."""
        which = chance.randrange(len(self.requests))
        kept = bytearray()

        def some(answer):
            while b"\n" not in kept:
                time.sleep(chance.uniform(0.0, 0.02))
                piece = answer.read1(chance.randrange(1, 200))
                if not piece:
                    return b""
                kept.extend(piece)
            line, _, rest = bytes(kept).partition(b"\n")
            kept[:] = rest
            return line + b"\n"

        answer = self.ask(which, Slow(self.host, self.port, timeout=STILL), between=some)
        self.check("slow", which, answer)

    def never_reads(self, chance):
        """Asks for a lot, and takes none of it."""
        path, body = openai("Count.", 0)
        body |= {"max_tokens": 100, "logprobs": True, "top_logprobs": 20, "stop": None}
        data = json.dumps(body).encode()
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        with peer:
            peer.connect((self.host, self.port))
            peer.sendall(
                b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                % (path.encode(), len(data), data)
            )
            time.sleep(chance.uniform(0, min(40, self.seconds / 3)))
        self.count("never read")

    def stops_midway(self, chance):
        """Sends a part of its headers or of its body, and no more."""
        with socket.create_connection((self.host, self.port), timeout=STILL) as peer:
            head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            if chance.random() < 0.5:
                head += b'Content-Length: 1000\r\n\r\n{"model":'
            peer.sendall(head)
            peer.settimeout(chance.uniform(0, min(40, self.seconds / 3)) + 0.1)
            try:
                while peer.recv(4096):
                    pass
                self.count("dropped")
            except TimeoutError:
                self.count("stopped midway")

    # --- all of them ---

    def goes_on(self):
        """For the time there is, and on a slow machine until there was something to look at."""
        few = self.counts["finished"] < self.streams or self.counts["left"] < self.streams / 4
        return time.monotonic() < self.until or (few and not self.failures)

    def work(self, seed, kinds):
        chance = random.Random(seed)
        while self.goes_on():
            kind = chance.choices(list(kinds), list(kinds.values()))[0]
            try:
                kind(chance)
            except Exception as error:
                with self.lock:
                    self.failures.append(f"{kind.__name__}: {error!r}")
                if len(self.failures) > 20:
                    return

    def status(self, name):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", text).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def metric(self, name):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=STILL)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))

    def run(self):
        for one in MALFORMED:
            self.refuses(*one)
        self.alone = [self.ask(which) for which in range(len(self.requests))]
        self.idle = self.descriptors()
        begin = time.monotonic()
        self.until = begin + self.seconds
        many = {self.stream: 18, self.malformed: 1, self.garbage: 1}
        slow = {
            self.slow_sender: 4,
            self.slow_reader: 4,
            self.never_reads: 2,
            self.stops_midway: 2,
        }
        threads = [
            threading.Thread(target=self.work, args=(seed, many if seed < self.streams else slow))
            for seed in range(self.streams + SLOW)
        ]
        for thread in threads:
            thread.start()
        while self.goes_on():
            time.sleep(self.seconds / 100)
            kept = self.metric("ingot_prefix_cache_bytes") / 2**20
            self.memory.append((time.monotonic() - begin, self.status("VmRSS") / 1024, kept))
        for thread in threads:
            thread.join(2 * STILL)
        self.stuck = sum(thread.is_alive() for thread in threads)

    def settled(self, condition):
        """Whether it comes true soon: connections that were left close within a moment."""
        until = time.monotonic() + 10
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


class LoadTest(unittest.TestCase):
    def test_answers_under_load_are_those_given_alone_and_nothing_is_left_over(self):
        server = ServerProcess(INGOT, arguments=("--dtype", "float32"))
        self.addCleanup(server.stop)
        load = Load(server, STREAMS, SECONDS)
        load.run()
        counts = load.counts
        before = [one for one in load.memory if one[0] >= WARM_UP][:10]
        after = load.memory[-10:]
        for at, resident, kept in load.memory[:: len(load.memory) // 10]:
            print(f"{at:6.1f} s: resident {resident:.1f} MB, of these kept prefixes {kept:.1f} MB")
        print(f"{SECONDS} s, {STREAMS} streams: {dict(counts)}", flush=True)
        warm, end = (
            statistics.median(resident for _, resident, _ in some) for some in (before, after)
        )
        self.assertEqual(load.failures, [])
        self.assertEqual(load.stuck, 0)
        self.assertGreaterEqual(counts["finished"], STREAMS)
        self.assertGreaterEqual(counts["left"], STREAMS / 4)
        for kind in ("malformed", "slow", "never read"):
            self.assertGreater(counts[kind], 0, kind)
        for name in ("ingot_running_requests", "ingot_waiting_requests"):
            self.assertTrue(load.settled(lambda name=name: load.metric(name) == 0), name)
        self.assertTrue(
            load.settled(lambda: load.descriptors() <= load.idle + 1),
            f"{load.descriptors()} descriptors are open, {load.idle} before",
        )
        self.assertLess(end, warm * 1.05 + (2 if SOAK else 32))


if __name__ == "__main__":
    unittest.main()
