"""A docker-registry on loopback, over a folder of its own, and beside it a place that never answers."""

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from server_process import ROOT

CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "{address}"}}
"""


class DockerRegistry:
    def __init__(self):
        own = ROOT / ".deps/bin/docker-registry"
        program = str(own) if own.exists() else shutil.which("docker-registry")
        if program is None:
            raise SystemExit("docker-registry is missing: tools/setup.sh installs it")
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-test-registry.")
        # A port that was free a moment ago.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        config = Path(self.folder.name) / "config.yml"
        config.write_text(CONFIG.format(folder=self.folder.name, address=self.address))
        self.process = subprocess.Popen(
            [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.silent_address = f"127.0.0.1:{self.silent.getsockname()[1]}"
        for _ in range(400):
            try:
                connection = http.client.HTTPConnection(self.address, timeout=5)
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                connection.close()
                return
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise AssertionError("docker-registry does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.silent.close()
        self.folder.cleanup()
