"""A server on the demo model, for as long as a test runs."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODEL = "demo"

TIME_TOOL = {
    "name": "get_time",
    "description": "The time in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def program():
    """The path that ctest gives, before anything else looks at the arguments."""
    return sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build/release/bin/ingot")


class ServerProcess:
    """keys: the text of a key file. The model is imported once for all servers of a process."""

    store = None

    @staticmethod
    def environment():
        """Ours without settings of whoever runs the tests, and with the store of the tests."""
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("INGOT_", "OLLAMA_"))
        }
        environment.pop("http_proxy", None)
        if ServerProcess.store is None:
            ServerProcess.store = tempfile.TemporaryDirectory(prefix="ingot-test-store.")
        environment["INGOT_MODELS"] = ServerProcess.store.name
        return environment

    def __init__(self, ingot, keys=None, arguments=(), variables=None):
        environment = self.environment() | (variables or {})
        if not (Path(ServerProcess.store.name) / "manifests").exists():
            subprocess.run(
                [ingot, "create", MODEL, "-f", str(ROOT / "demo/model"), "-q", "int4"],
                env=environment,
                check=True,
                capture_output=True,
            )
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-test-server.")
        command = [ingot, "serve", "--host", "127.0.0.1", "--port", "0", *arguments]
        if keys:
            path = Path(self.folder.name) / "keys"
            path.touch(mode=0o600)
            path.write_text(keys)
            command += ["--api-keys", str(path)]
        self.errors = open(Path(self.folder.name) / "stderr", "w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        line = self.process.stdout.readline()
        found = re.search(r"(https?)://([\d.]+:\d+)", line)
        if not found:
            self.errors.seek(0)
            raise AssertionError(f"the server did not start: {line}{self.errors.read()}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.address = found.group(2)
        self.url = f"{found.group(1)}://{self.address}"

    def log(self):
        """What it has written to its standard error so far."""
        return Path(self.errors.name).read_text()

    def stop(self, keep_log=False):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.last_log = self.log() if keep_log else ""
            self.errors.close()
            self.folder.cleanup()
        assert status == 0, f"the server ended with status {status}"
