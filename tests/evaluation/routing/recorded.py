"""Recorded outcomes that we make up, as files and as values."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from orchestrator.evaluation.routing.values import Query, Recorded
from tests.learning.made import texts

HEAD = "id,model,score,in_tok,out_tok,out_chars,latency_s,cost_usd,answer"
PRICES = {
    "small": {"input": 1, "output": 2},
    "middle": {"input": 4, "output": 8},
    "large": {"input": 10, "output": 20},
}
CHANCES = {"small": (0.9, 0.2), "middle": (0.85, 0.6), "large": (0.9, 0.9)}


def recorded(n: int = 240, seed: int = 0) -> Recorded:
    """Three models of which the dear ones are better at hard requests alone."""
    made, hard = texts(n, seed)
    rng = np.random.default_rng(seed + 1)
    chance = np.array([[own[int(h)] for own in CHANCES.values()] for h in hard])
    return Recorded(
        name="made",
        queries=tuple(
            Query(id=f"q{i}", task="sums/hard" if h else "talk/easy", prompt=text)
            for i, (text, h) in enumerate(zip(made, hard, strict=True))
        ),
        models=tuple(CHANCES),
        scores=(rng.random(chance.shape) < chance).astype(float),
        costs=np.tile([1e-5, 4e-5, 1e-4], (n, 1)),
    )


def write(folder: Path, made: Recorded, *, zipped: bool = False, prices: bool = True) -> Path:
    """The set as files of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    queries = [{"id": q.id, "task": q.task, "prompt": q.prompt} for q in made.queries]
    rows = [
        f"{q.id},{model},{made.scores[i, j]:g},,,200,,,"
        for j, model in enumerate(made.models)
        for i, q in enumerate(made.queries)
    ]
    for name, lines in (
        (f"{made.name}.queries.jsonl", [json.dumps(q) for q in queries]),
        (f"{made.name}.outcomes.csv", [HEAD, *rows]),
    ):
        content = "".join(f"{line}\n" for line in lines).encode()
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    if prices:
        said = json.dumps({"comment": "ours", made.name: {"models": PRICES, "tokens": "chars/4"}})
        (folder / "prices.json").write_text(said)
    return folder
