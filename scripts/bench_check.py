"""How long the gates and the scorer take for five sentences against a source of 1,000 words.

    python scripts/bench_check.py [--runs N] [--json]

No model is asked. *Warm*: the source was read before, as for all claims of one retrieval after the
first; the claims are new each time. *Cold*: the source is new as well; only the words of general
English have been met. Exit code 1: the warm median is above 20 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products: more threads only wait

from bench_start import commit, processor

from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.sources.chunks import sentences
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import Claim, Passage

LIMIT_MS = 20.0
SENTENCES, WORDS = 5, 1000
_DIGIT = re.compile(r"\d")
_FOLDER = Path(__file__).parents[1] / "evals" / "crosscheck" / "documents"
_WARMING = 5


@dataclass(frozen=True)
class Material:
    """Our own documents, and the sentences of all of them."""

    texts: tuple[str, ...]
    sentences: tuple[str, ...]

    def source(self, chance: random.Random) -> Passage:
        """Documents in a row, cut after 1,000 words; never twice the same."""
        words = " \n".join(chance.sample(self.texts, len(self.texts))).split(" ")
        text = " ".join(words[:WORDS])
        return Passage(id="p1", file="source.txt", start=0, end=len(text), text=text, doc_hash="h")

    def claims(self, chance: random.Random) -> list[Claim]:
        """Sentences of the documents, half of them with other numbers; most are of elsewhere."""
        found = []
        for n, text in enumerate(chance.sample(self.sentences, SENTENCES)):
            changed = _DIGIT.sub(lambda _: str(chance.randint(1, 9)), text) if n % 2 else text
            found.append(Claim(id=f"c{n}", sentence="s", text=changed))
        return found


def material() -> Material:
    """What is checked."""
    files = sorted(f for f in _FOLDER.iterdir() if f.suffix in (".md", ".txt"))
    texts = [f.read_text(encoding="utf-8") for f in files]
    every = (t[s.start : s.end] for t in texts for s in sentences(t) if s.kind == "paragraph")
    return Material(tuple(texts), tuple(s for s in every if 8 <= len(s.split()) <= 30))


def measure(runs: int) -> dict[str, Any]:
    """The record of one measurement; times in milliseconds."""
    embedder, chance, held = load_embedder("static"), random.Random(0), material()

    def once(passage: Passage) -> float:
        asked = held.claims(chance)
        begin = time.perf_counter()
        for claim in asked:
            check_claim(claim, [passage], embedder)
        return (time.perf_counter() - begin) * 1000

    for _ in range(_WARMING):
        once(held.source(chance))
    cold = [once(held.source(chance)) for _ in range(runs)]
    same = held.source(chance)
    once(same)
    warm = [once(same) for _ in range(runs)]
    return {
        "sentences": SENTENCES,
        "words": WORDS,
        "runs": runs,
        "warm_ms": told(warm),
        "cold_ms": told(cold),
        "limit_ms": LIMIT_MS,
        "commit": commit(),
        "processor": processor(),
        "python": sys.version.split()[0],
    }


def told(times: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    last = statistics.quantiles(times, n=100)[-1]
    return {"median": round(statistics.median(times), 2), "p99": round(last, 2)}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    record = measure(max(2, asked.runs))
    if asked.json:
        print(json.dumps(record, indent=2))
    else:
        for kind in ("warm", "cold"):
            times = record[f"{kind}_ms"]
            print(f"{kind}: median {times['median']} ms, p99 {times['p99']} ms")
        print(f"{record['runs']} runs, commit {record['commit']}, {record['processor']}")
    return 0 if record["warm_ms"]["median"] <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
