"""Fits the filter of unsafe content that ships, and says its worth on what it was not fitted on.

    python scripts/fit_unsafe.py [--write]

It is fitted on `evals/unsafe/train.txt`; its threshold comes from a cross-validation over the same
sentences. `evals/unsafe/held.txt` is for the figures alone. Without `--write` nothing is changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.guard.unsafe.lexicon import CATEGORIES
from orchestrator.guard.unsafe.local import FILE, LocalFilter, Model, features

FOLDER = Path(__file__).parents[1] / "evals" / "unsafe"
ABOUT = (
    "Fitted on sentences that this project wrote, evals/unsafe/train.txt, licence as the project: "
    "python scripts/fit_unsafe.py --write"
)
CLASSES = (*CATEGORIES, "safe")
PENALTY = 0.02
"""Of the squared weights (L2), for a mean log loss; from the cross-validation on train.txt."""
FALSE_ALARMS = 0.05
"""Of safe sentences in the cross-validation at most so many are flagged."""
FOLDS = 10


def read(name: str) -> list[tuple[str, str]]:
    """The sentences of one file, each with its category."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    pairs = [line.split(": ", 1) for line in lines if line and not line.startswith("#")]
    return [(category, text) for category, text in pairs]


def fitted(x: Any, y: Any) -> tuple[Any, Any]:
    """Softmax regression with an L2 penalty, by gradient descent with momentum."""
    weights = np.zeros((x.shape[1], len(CLASSES)))
    bias = np.zeros(len(CLASSES))
    speed_w, speed_b = np.zeros_like(weights), np.zeros_like(bias)
    wanted = np.eye(len(CLASSES))[y]
    for _ in range(1500):
        logits = x @ weights + bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        off = (raised / raised.sum(axis=1, keepdims=True) - wanted) / len(y)
        speed_w = 0.9 * speed_w - 0.3 * (x.T @ off + PENALTY * weights)
        speed_b = 0.9 * speed_b - 0.3 * off.sum(axis=0)
        weights, bias = weights + speed_w, bias + speed_b
    return weights, bias


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the model")
    asked = parser.parse_args(arguments)
    rows = read("train.txt")
    x = np.asarray(features(StaticEmbedder(), [text for _, text in rows]), dtype=np.float64)
    y = np.array([CLASSES.index(category) for category, _ in rows])
    unsafe = np.zeros(len(y))
    for fold in range(FOLDS):
        out = np.arange(len(y)) % FOLDS == fold
        weights, bias = fitted(x[~out], y[~out])
        unsafe[out] = 1 - Model(weights, bias, 0.5).probabilities(x[out])[:, -1]
    safe = y == CLASSES.index("safe")
    threshold = float(np.quantile(unsafe[safe], 1 - FALSE_ALARMS))
    print(
        f"train.txt, {len(y)} sentences, cross-validated: threshold {threshold:.3f}, "
        f"found {(unsafe[~safe] >= threshold).mean():.3f} of {(~safe).sum()}, "
        f"false alarms {(unsafe[safe] >= threshold).mean():.3f} of {safe.sum()}"
    )
    if asked.write:
        weights, bias = fitted(x, y)
        content = {
            "about": ABOUT,
            "threshold": round(threshold, 3),
            "bias": np.round(bias, 3).tolist(),
            "weights": np.round(weights, 3).tolist(),
        }
        FILE.write_text(json.dumps(content) + "\n", encoding="utf-8")
        print(f"wrote {FILE.name}")
    report()
    return 0


def report() -> None:
    """The shipped model on held.txt."""
    found, right, total = Counter[str](), Counter[str](), Counter[str]()
    judge = LocalFilter()
    for category, text in read("held.txt"):
        flags = judge.flags(text)
        total[category] += 1
        found[category] += bool(flags)
        right[category] += any(f.category == category for f in flags)
    bad = sum(total[c] for c in CATEGORIES)
    print(
        f"held.txt, {total.total()} sentences: found "
        f"{sum(found[c] for c in CATEGORIES)} of {bad}, "
        f"false alarms {found['safe']} of {total['safe']}"
    )
    for name in CATEGORIES:
        print(f"  {name}: found {found[name]} of {total[name]}, so called {right[name]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
