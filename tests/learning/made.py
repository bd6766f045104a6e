"""Answers that we make up: what is hard, and for whom, can be read off the text."""

from __future__ import annotations

import numpy as np

from orchestrator.embedding.load import load_embedder
from orchestrator.learning.quality import Answers
from orchestrator.learning.reading import Reader

EASY = ("What colour is the {}?", "Is the {} old?", "Who owns the {}?", "Where is the {}?")
HARD = (
    "Calculate 17 * {n} - {n} / 3 for the {}, and then the remainder modulo {n}.",
    "Solve for x: {n} x + 4 = 3 (x - {n}); x is the price of the {}.",
    "Find the integral of {n} x^2 + {n} over the length of the {}, in [0, {n}].",
)
THINGS = ("house", "boat", "garden", "lamp", "violin", "tower", "bridge", "kettle", "ladder")


def reader() -> Reader:
    """With the embedder that ships."""
    return Reader(load_embedder("static"))


def texts(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """`n` requests, and which of them are hard."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    made = []
    for is_hard in hard:
        form = str(rng.choice(HARD if is_hard else EASY))
        made.append(form.format(rng.choice(THINGS), n=rng.integers(3, 99)))
    return made, hard


def answers(n: int, chances: dict[str, tuple[float, float]], seed: int = 0) -> Answers:
    """Each model is right with its chance on easy and on hard requests."""
    made, hard = texts(n, seed)
    rng = np.random.default_rng(seed + 1)
    chance = np.array([[own[int(h)] for own in chances.values()] for h in hard])
    return Answers(
        models=tuple(chances),
        tasks=("chat",) * n,
        readings=reader().read(made),
        scores=(rng.random(chance.shape) < chance).astype(float),
    )
