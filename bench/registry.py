"""How fast `ingot pull` is beside `curl` of the same bytes piped into `sha256sum`.

    .deps/venv/bin/python bench/registry.py [--ingot PROGRAM] [--bytes N] [--blobs N] [--rounds N]

Lays two models of random bytes, one of --blobs (500) blobs and one of a single blob, each of
--bytes (2 GB) together, under a docker-registry on loopback without tokens, and measures in turn,
--rounds (5) times, the median being printed:

    curl      one process, one connection, all blobs one after the other, into sha256sum
    1 stream  ingot pull --streams 1 into an empty store
    8 streams ingot pull into an empty store

Both ends run on this machine, so the registry's own work is in every number.
"""

import argparse
import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
BLOB_TYPE = "application/vnd.ollama.image.model"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def lay_blob(root, repository, content):
    """Puts a blob where the registry keeps it and returns its digest."""
    digest = hashlib.sha256(content).hexdigest()
    place = root / "blobs" / "sha256" / digest[:2] / digest
    place.mkdir(parents=True, exist_ok=True)
    (place / "data").write_bytes(content)
    link = root / "repositories" / repository / "_layers" / "sha256" / digest
    link.mkdir(parents=True, exist_ok=True)
    (link / "link").write_text("sha256:" + digest)
    return "sha256:" + digest


def lay_model(root, repository, blobs, total):
    """Lays a model down; returns the digests of its blobs."""
    config = b'{"model_format":"gguf","architecture":"","os":""}'
    layers = []
    for _ in range(blobs):
        content = os.urandom(total // blobs)
        digest = lay_blob(root, repository, content)
        layers.append({"mediaType": BLOB_TYPE, "digest": digest, "size": len(content)})
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": CONFIG_TYPE,
            "digest": lay_blob(root, repository, config),
            "size": len(config),
        },
        "layers": layers,
    }
    identity = lay_blob(root, repository, json.dumps(manifest).encode())
    manifests = root / "repositories" / repository / "_manifests"
    hexadecimal = identity.split(":")[1]
    for place in (
        f"revisions/sha256/{hexadecimal}",
        "tags/latest/current",
        f"tags/latest/index/sha256/{hexadecimal}",
    ):
        (manifests / place).mkdir(parents=True, exist_ok=True)
        (manifests / place / "link").write_text(identity)
    return [layer["digest"] for layer in layers]


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_registry(folder, port):
    """Starts the registry and waits until it answers."""
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n"
        f"  filesystem:\n    rootdirectory: {folder / 'files'}\nhttp:\n  addr: 127.0.0.1:{port}\n"
    )
    program = str(ROOT / ".deps" / "bin" / "docker-registry")
    registry = subprocess.Popen([program, "serve", str(config)], stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/")
            return registry
        except OSError:
            time.sleep(0.05)
    raise SystemExit("docker-registry does not answer")


def curl_seconds(port, repository, digests, folder):
    """One connection, every blob, into sha256sum."""
    lines = [
        f'url = "http://127.0.0.1:{port}/v2/{repository}/blobs/{digest}"' for digest in digests
    ]
    config = folder / "curl.txt"
    config.write_text("\n".join(lines) + "\n")
    begin = time.perf_counter()
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"curl -sSf -K {config} | sha256sum >/dev/null"],
        check=True,
    )
    return time.perf_counter() - begin


def pull_seconds(ingot, port, repository, streams, folder):
    """Into a store that is empty."""
    models = folder / "models"
    shutil.rmtree(models, ignore_errors=True)
    command = [ingot, "--models", str(models), "pull", "--insecure", "--streams", str(streams)]
    begin = time.perf_counter()
    subprocess.run(
        [*command, f"127.0.0.1:{port}/{repository}"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - begin
    shutil.rmtree(models)
    return seconds


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ingot", default=str(ROOT / "build" / "release" / "bin" / "ingot"))
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--blobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default="/dev/shm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        for repository, blobs in (("bench/many", options.blobs), ("bench/one", 1)):
            root = folder / "files" / "docker" / "registry" / "v2"
            digests = lay_model(root, repository, blobs, options.bytes)
            port = free_port()
            registry = start_registry(folder, port)
            try:
                times = {"curl": [], "1 stream": [], "8 streams": []}
                for _ in range(options.rounds):
                    times["curl"].append(curl_seconds(port, repository, digests, folder))
                    times["1 stream"].append(
                        pull_seconds(options.ingot, port, repository, 1, folder)
                    )
                    times["8 streams"].append(
                        pull_seconds(options.ingot, port, repository, 8, folder)
                    )
            finally:
                registry.terminate()
                registry.wait()
            shutil.rmtree(folder / "files")
            base = statistics.median(times["curl"])
            print(f"{options.bytes / 1e9:g} GB in {blobs} blob(s)")
            for label, seconds in times.items():
                median = statistics.median(seconds)
                rate = options.bytes / median / 1e6
                print(
                    f"  {label:10} {median:6.2f} s  {rate:6.0f} MB/s  {base / median:.2f} of curl"
                )


if __name__ == "__main__":
    main()
