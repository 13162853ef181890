"""How `ingot serve` stands in the world: TLS, what it refuses to start with, what it writes to its
log, and its systemd unit: serving_test.py INGOT"""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from server_process import MODEL, ROOT, ServerProcess, program

INGOT = program()
SECRET = "the-prompt-nobody-should-read-4711"
KEY = "ann-secret-0123456789"
QUESTION = {
    "model": MODEL,
    "messages": [{"role": "user", "content": f"What is 47+38? {SECRET}"}],
    "options": {"temperature": 0, "num_predict": 4},
    "think": False,
}


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A certificate authority of our own, and what it signed: server.pem with server.key."""

    def __init__(self, folder):
        self.folder = folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"), "-days", "2",
                "-subj", "/CN=Test authority")  # fmt: skip
        self.sign("server", "IP:127.0.0.1,DNS:localhost")
        self.sign("other", "DNS:other.example")
        openssl("pkey", "-in", self.path("server.key"), "-aes256", "-passout", "pass:x",
                "-out", self.path("locked.key"))  # fmt: skip
        for key in folder.glob("*.key"):
            key.chmod(0o600)

    def path(self, name):
        return str(self.folder / name)

    def sign(self, name, names):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"),
                "-subj", f"/CN={name}")  # fmt: skip
        Path(self.path("names")).write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path("ca.pem"),
                "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2",
                "-extfile", self.path("names"), "-out", self.path(f"{name}.pem"))  # fmt: skip


def setUpModule():
    global authority
    folder = tempfile.TemporaryDirectory(prefix="ingot-test-tls.")
    unittest.addModuleCleanup(folder.cleanup)
    authority = Authority(Path(folder.name))


def serve_fails(*arguments, **variables):
    """What a server says that does not start."""
    run = subprocess.run(
        [INGOT, "serve", "--port", "0", *arguments],
        env=ServerProcess.environment() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0, f"it started: {arguments}"
    return run.stderr


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A key that others may read, to be warned of.
        os.chmod(authority.path("server.key"), 0o644)
        cls.server = ServerProcess(
            INGOT,
            arguments=(
                "--tls-cert", authority.path("server.pem"), "--tls-key", authority.path("server.key"),
            ),
        )  # fmt: skip
        cls.addClassCleanup(cls.server.stop)
        os.chmod(authority.path("server.key"), 0o600)

    def trusting(self):
        return ssl.create_default_context(cafile=authority.path("ca.pem"))

    def test_https_is_spoken_to_those_who_trust_the_authority(self):
        self.assertTrue(self.server.url.startswith("https://127.0.0.1:"))
        with urllib.request.urlopen(
            self.server.url + "/api/version", context=self.trusting(), timeout=20
        ) as answer:
            self.assertIn("version", json.load(answer))
        with self.assertRaises(urllib.error.URLError) as caught:
            urllib.request.urlopen(self.server.url + "/api/version", timeout=20)
        self.assertIn("certificate verify failed", str(caught.exception))

    def test_curl_streams_an_answer(self):
        run = subprocess.run(
            ["curl", "-sSN", "--noproxy", "*", "--cacert", authority.path("ca.pem"),
             self.server.url + "/api/chat", "-d", json.dumps(QUESTION)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertTrue(lines[-1]["done"])
        self.assertGreater(lines[-1]["prompt_eval_count"], 0)

    def test_connections_are_kept_and_bodies_of_any_size_taken(self):
        connection = http.client.HTTPSConnection(
            self.server.address, context=self.trusting(), timeout=20
        )
        # The last is larger than a record, a read and a socket's buffer.
        for size in (1, 100, 20_000, 3_000_000):
            body = json.dumps({"model": "none", "messages": [], "x": "y" * size})
            connection.request("POST", "/api/chat", body)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 400)
            self.assertIn("x", json.load(answer)["error"])
        connection.close()

    def test_a_page_of_the_same_place_is_let_in_by_its_scheme(self):
        for origin, status in ((self.server.url, 200), (f"http://{self.server.address}", 403)):
            request = urllib.request.Request(
                self.server.url + "/api/tags", headers={"Origin": origin}
            )
            try:
                with urllib.request.urlopen(request, context=self.trusting(), timeout=20) as got:
                    self.assertEqual(got.status, status)
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, status)

    def test_old_versions_are_refused(self):
        context = self.trusting()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            self.assertRaises(OSError),
            socket.create_connection(self.server.address.split(":"), timeout=20) as plain,
        ):
            context.wrap_socket(plain, server_hostname="127.0.0.1")

    def test_who_speaks_plain_http_is_told_so(self):
        answer = self.say(b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        body = answer.split(b"\r\n\r\n", 1)[1]
        self.assertIn("HTTPS", json.loads(body)["error"])
        self.assertIn(f"Content-Length: {len(body)}\r\n".encode(), answer)
        # A long one, too, and one that comes in pieces.
        long = b"POST /api/chat HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
        self.assertTrue(self.say(long).startswith(b"HTTP/1.1 400 "))

    def test_noise_ends_the_connection_and_nothing_else(self):
        for noise in (
            b"\x00",
            b"\x16\x03\x01\xff\xff" + b"\xff" * 600,
            b"ssh-2.0-x\r\n",
            b"\xff" * 9,
        ):
            self.assertNotIn(b"HTTP", self.say(noise, ends=True))
        self.test_https_is_spoken_to_those_who_trust_the_authority()

    def say(self, data, ends=False):
        with socket.create_connection(self.server.address.split(":"), timeout=20) as plain:
            plain.sendall(data)
            if ends:
                plain.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while piece := plain.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer

    def test_a_key_that_others_may_read_was_warned_of(self):
        log = self.server.log()
        self.assertIn("others may read", log)
        self.assertIn("server.key", log)
        self.assertNotIn("others may read", self.quiet_log())

    def quiet_log(self):
        server = ServerProcess(
            INGOT,
            arguments=(
                "--tls-cert", authority.path("server.pem"), "--tls-key", authority.path("server.key"),
            ),
        )  # fmt: skip
        log = server.log()
        server.stop()
        return log


class StartTest(unittest.TestCase):
    def test_files_that_do_not_belong_together_are_refused_by_name(self):
        def tls(certificate, key):
            return serve_fails(
                "--tls-cert", authority.path(certificate), "--tls-key", authority.path(key)
            )

        mismatch = tls("server.pem", "other.key")
        self.assertIn("is not the key of the certificate", mismatch)
        self.assertIn("other.key", mismatch)
        swapped = tls("server.key", "server.pem")
        self.assertIn("server.key: no PEM certificate", swapped)
        self.assertIn("server.pem: no PEM key", tls("server.pem", "server.pem"))
        self.assertIn("passphrase", tls("server.pem", "locked.key"))
        self.assertIn("nowhere.key", tls("server.pem", "nowhere.key"))
        self.assertIn("nowhere.pem", tls("nowhere.pem", "server.key"))
        self.assertIn("is no file", serve_fails("--tls-cert", "/tmp", "--tls-key", "/tmp"))
        alone = serve_fails("--tls-cert", authority.path("server.pem"))
        self.assertIn("--tls-cert and --tls-key belong together", alone)
        self.assertIn("--tls-cert", serve_fails("--host", "https://127.0.0.1"))

    def test_other_machines_are_let_in_on_purpose_only(self):
        said = serve_fails("--host", "0.0.0.0")
        self.assertIn("can be reached from other machines", said)
        self.assertIn("--api-keys", said)
        self.assertIn("--no-auth", said)
        self.assertIn("can be reached", serve_fails(INGOT_HOST="[::]:0"))

    def test_keys_that_others_may_read_are_refused(self):
        path = authority.folder / "keys"
        path.write_text(f"ann infer {KEY}\n")
        path.chmod(0o644)
        said = serve_fails("--api-keys", str(path))
        self.assertIn("others may read", said)
        self.assertNotIn(KEY, said)


class LogTest(unittest.TestCase):
    def ask(self, *arguments):
        """Everything that a server logs about a question, and about some that go wrong."""
        server = ServerProcess(
            INGOT,
            keys=f"ann infer {KEY}\n",
            arguments=("--log-level", "debug", "--log-format", "json", *arguments),
        )
        for path, body in (
            ("/api/chat", QUESTION),
            ("/api/chat", QUESTION | {"options": {"top_k": SECRET}}),
            ("/v1/chat/completions", {k: QUESTION[k] for k in ("model", "messages")}),
            ("/api/generate", {"model": MODEL, "prompt": SECRET, "format": {"type": SECRET}}),
        ):
            connection = http.client.HTTPConnection(server.address, timeout=60)
            headers = {"Authorization": f"Bearer {KEY}"}
            connection.request("POST", path, json.dumps(body), headers)
            connection.getresponse().read()
            connection.close()
        server.stop(keep_log=True)
        return server.last_log

    def test_what_is_asked_is_in_no_log_unless_that_was_wanted(self):
        log = self.ask()
        self.assertIn("/api/chat", log)
        self.assertIn('"key":"ann"', log)
        self.assertNotIn(SECRET, log)
        self.assertNotIn(KEY, log)
        wanted = self.ask("--log-prompts")
        self.assertIn(SECRET, wanted)
        self.assertNotIn(KEY, wanted)

    def answers(self, *questions):
        """The log lines of a verbose server about answers, and the ids that requests got."""
        server = ServerProcess(INGOT, arguments=("-v", "--log-format", "json"))
        ids = []
        for path, body in questions:
            connection = http.client.HTTPConnection(server.address, timeout=60)
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            ids.append(answer.headers["X-Request-Id"])
            answer.read()
            connection.close()
        server.stop(keep_log=True)
        self.assertNotIn(SECRET, server.last_log)
        lines = [json.loads(line) for line in server.last_log.splitlines() if line[0] == "{"]
        return [line for line in lines if line["message"] == "answer"], ids

    def test_verbose_says_of_each_answer_what_was_known_and_why_not_more(self):
        other = QUESTION | {
            "messages": [
                {"role": "system", "content": "Speak up."},
                {"role": "user", "content": f"Spell cat. {SECRET}"},
            ],
        }
        openai = {k: QUESTION[k] for k in ("model", "messages")} | {"max_tokens": 3}
        answers, ids = self.answers(
            ("/api/chat", QUESTION),
            ("/api/chat", QUESTION),
            ("/api/chat", other),
            ("/v1/chat/completions", openai),
            ("/v1/messages", openai),
            ("/v1/responses", {"model": MODEL, "input": SECRET, "max_output_tokens": 3}),
        )
        self.assertEqual([answer["id"] for answer in answers], ids)
        first, again, diverged = answers[:3]
        self.assertEqual((first["cached_tokens"], first["not_cached_because"]), ("0", "empty"))
        self.assertEqual(again["not_cached_because"], "none")
        self.assertEqual(int(again["cached_tokens"]), int(again["prompt_tokens"]) - 1)
        self.assertIn(diverged["not_cached_because"], ("diverged", "no-mark"))
        for answer in answers:
            self.assertEqual(answer["model"], MODEL)
            self.assertGreater(int(answer["prompt_tokens"]), 0)
            self.assertGreater(int(answer["generated_tokens"]), 0)
            self.assertIn(answer["finish"], ("stop", "length"))
            times = [
                float(answer[f"{part}_seconds"])
                for part in ("load", "queue", "prefill", "first_token", "decode", "total")
            ]
            self.assertGreater(times[-1], 0)
            self.assertTrue(all(0 <= time <= times[-1] for time in times), answer)


class FairTest(unittest.TestCase):
    """One answer at a time, and somebody who asks for much: others need not wait for all of it."""

    KEYS = "ann infer ann-secret-0123456789\nben infer ben-secret-0123456789\n"
    MANY = 8

    def serve(self, **more):
        server = ServerProcess(INGOT, **more)
        self.addCleanup(server.stop)
        return server

    def order(self, server, greedy, modest):
        """Who was answered when: MANY requests of one, and, once these wait, one of another. Each
        is an address to come from and a key."""
        answered, lock = [], threading.Lock()
        warm = self.ask(server, greedy, 1)
        self.assertEqual(warm, 200)

        def ask(name, asker):
            status = self.ask(server, asker, 300)
            with lock:
                answered.append((name, status))

        threads = [threading.Thread(target=ask, args=("greedy", greedy)) for _ in range(self.MANY)]
        for thread in threads:
            thread.start()
        self.wait_for(server, greedy, self.MANY - 2)
        threads.append(threading.Thread(target=ask, args=("modest", modest)))
        threads[-1].start()
        for thread in threads:
            thread.join(120)
        self.assertEqual([status for _, status in answered], [200] * (self.MANY + 1))
        return [name for name, _ in answered]

    def connect(self, server, asker):
        address, key = asker
        host, port = server.address.split(":")
        connection = http.client.HTTPConnection(
            host, int(port), timeout=120, source_address=(address, 0)
        )
        return connection, {"Authorization": f"Bearer {key}"} if key else {}

    def ask(self, server, asker, tokens):
        connection, headers = self.connect(server, asker)
        # A list that does not end before it is cut off.
        body = QUESTION | {
            "stream": False,
            "format": {"type": "array", "items": {"type": "boolean"}, "minItems": 1000},
            "options": {"temperature": 0, "num_predict": tokens},
        }
        connection.request("POST", "/api/chat", json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def wait_for(self, server, asker, waiting):
        """Until so many wait."""
        for _ in range(2000):
            connection, headers = self.connect(server, asker)
            connection.request("GET", "/metrics", headers=headers)
            text = connection.getresponse().read().decode()
            connection.close()
            found = re.search(r"^ingot_waiting_requests\{.*\} (\d+)$", text, re.M)
            if found and int(found.group(1)) >= waiting:
                return
            time.sleep(0.002)
        self.fail("they were answered before they waited")

    def test_addresses_take_turns_where_there_are_no_keys(self):
        # The original's name for it; 0 stands for what is usual.
        variables = {"OLLAMA_NUM_PARALLEL": "1", "OLLAMA_MAX_QUEUE": "0"}
        server = self.serve(variables=variables)
        order = self.order(server, ("127.0.0.1", None), ("127.0.0.2", None))
        # Two of the others had begun, and another may have before this one had come in.
        self.assertLessEqual(order.index("modest"), self.MANY // 2, order)

    def test_keys_take_turns_wherever_they_come_from(self):
        server = self.serve(arguments=("--max-running", "1"), keys=self.KEYS)
        ann, ben = "ann-secret-0123456789", "ben-secret-0123456789"
        order = self.order(server, ("127.0.0.1", ann), ("127.0.0.1", ben))
        self.assertLessEqual(order.index("modest"), self.MANY // 2, order)

    def test_one_key_has_one_turn_from_however_many_addresses(self):
        server = self.serve(arguments=("--max-running", "1"), keys=self.KEYS)
        ann = "ann-secret-0123456789"
        order = self.order(server, ("127.0.0.1", ann), ("127.0.0.2", ann))
        self.assertGreaterEqual(order.index("modest"), self.MANY - 1, order)


class UnitTest(unittest.TestCase):
    def test_the_systemd_unit_starts_and_ends_the_server_as_it_says(self):
        text = (ROOT / "packaging/ingot.service").read_text()
        fields = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
        command = fields["ExecStart"].split()
        self.assertEqual(Path(command[0]).name, "ingot")
        drain = int(command[command.index("--drain") + 1])
        # systemd kills what has not ended by then.
        self.assertGreater(int(fields["TimeoutStopSec"]), drain)
        environment = ServerProcess.environment()
        process = subprocess.Popen(
            [INGOT, *command[1:], "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.assertIn("Listening on", process.stdout.readline())
            process.send_signal(getattr(signal, fields["KillSignal"]))
            self.assertEqual(process.wait(30), 0)
        finally:
            process.kill()
            process.stdout.close()


if __name__ == "__main__":
    unittest.main()
