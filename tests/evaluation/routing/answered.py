"""Recorded outcomes that we make up, with what each model said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from orchestrator.evaluation.routing.values import Recorded
from tests.evaluation.routing.recorded import HEAD, recorded, write


def answered(n: int = 160, seed: int = 0) -> tuple[Recorded, np.ndarray]:
    """Who is right says the same; wrong answers are one of six."""
    made = recorded(n, seed)
    rng = np.random.default_rng(seed + 7)
    wrong = rng.integers(1, 7, size=made.scores.shape)
    return made, np.where(made.scores > 0, 0, wrong)


def write_answered(folder: Path, made: Recorded, votes: np.ndarray) -> Path:
    """The set as files, with the column `answer`."""
    write(folder, made)
    lines = [
        f"{query.id},{model},{made.scores[i, j]:g},,,200,,,the answer is {votes[i, j]}"
        for i, query in enumerate(made.queries)
        for j, model in enumerate(made.models)
    ]
    path = folder / f"{made.name}.outcomes.csv"
    path.write_text("".join(f"{line}\n" for line in [HEAD, *lines]), encoding="utf-8")
    return folder
