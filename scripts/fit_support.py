"""Fits the formula of `orchestrator/evidence/support.py` and reports what it is worth.

    python scripts/fit_support.py FOLDER

FOLDER holds `*.jsonl.gz` with one claim a line: `id, source, question, claim, passages, label`
(label 1: fully supported). Every data set weighs the same, and so do its two labels. Figures are
balanced accuracies: 5-fold within all sets (folds by passage, never by row), and each set held
out in turn with the threshold 0.5 that was fitted on the others.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.support import Features, support
from orchestrator.evidence.values import Passage

NAMES = tuple(asdict(Features()))
_RIDGE = 0.01
_STEPS = 40


@dataclass(frozen=True)
class Rows:
    """Features, shape (rows, features), labels 0 or 1, and the name and fold of each row."""

    x: np.ndarray
    y: np.ndarray
    name: np.ndarray
    fold: np.ndarray


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path("data/claims")
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        print(f"skipped: no *.jsonl.gz in {folder}; give the folder of the claims")
        return 0
    rows = read_rows(files)
    weights = fit(rows)
    print("INTERCEPT =", round(float(weights[0]), 3))
    print(
        "COEFFICIENTS =", {n: round(float(w), 3) for n, w in zip(NAMES, weights[1:], strict=True)}
    )
    report(rows)
    return 0


def read_rows(files: list[Path]) -> Rows:
    """Every claim's features; slow for long passages (minutes for a thousand documents)."""
    embedder = load_embedder("static")
    x, y, name, fold = [], [], [], []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                passages = [
                    Passage(id=f"p{i}", file=f"{i}.txt", start=0, end=len(t), text=t, doc_hash="")
                    for i, t in enumerate(row["passages"])
                ]
                features = support(row["claim"], passages, embedder).features
                x.append([asdict(features)[n] for n in NAMES])
                y.append(row["label"])
                name.append(file.name.split(".")[0])
                key = hashlib.sha256("".join(row["passages"]).encode()).digest()
                fold.append(key[0] % 5)
    return Rows(np.array(x), np.array(y), np.array(name), np.array(fold))


def fit(rows: Rows, keep: np.ndarray | None = None) -> np.ndarray:
    """Weighted logistic regression with a little ridge, by Newton's method; intercept first."""
    keep = np.ones(len(rows.y), bool) if keep is None else keep
    x = np.column_stack([np.ones(keep.sum()), rows.x[keep]])
    y, name = rows.y[keep], rows.name[keep]
    weight = np.zeros(len(y))
    for each in np.unique(name):
        for label in (0, 1):
            here = (name == each) & (y == label)
            weight[here] = 1 / max(1, here.sum())
    weight /= weight.sum()
    beta = np.zeros(x.shape[1])
    ridge = np.diag([0.0, *[_RIDGE] * (x.shape[1] - 1)])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + ridge @ beta * 0.1
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * 0.1
        beta = beta - np.linalg.solve(hessian + 1e-9 * np.eye(len(beta)), gradient)
    return beta


def accuracy(rows: Rows, beta: np.ndarray, here: np.ndarray) -> float:
    """Balanced accuracy at the threshold 0.5."""
    said = np.column_stack([np.ones(here.sum()), rows.x[here]]) @ beta >= 0
    y = rows.y[here]
    return float(np.mean([(said[y == label] == label).mean() for label in (0, 1)]))


def report(rows: Rows) -> None:
    """Cross-validated figures of each data set."""
    names = np.unique(rows.name)
    folds = [fit(rows, rows.fold != k) for k in range(5)]
    print(f"{'set':24} {'rows':>6} {'5-fold':>7} {'held out':>9} {'containment alone':>18}")
    for name in names:
        mine = rows.name == name
        within = [accuracy(rows, folds[k], mine & (rows.fold == k)) for k in range(5)
                  if len(set(rows.y[mine & (rows.fold == k)])) == 2]  # fmt: skip
        out = accuracy(rows, fit(rows, ~mine), mine)
        alone = max(
            accuracy(rows, np.array([-t, 1.0, *[0.0] * (len(NAMES) - 1)]), mine)
            for t in np.linspace(0.2, 1, 41)
        )
        print(f"{name:24} {mine.sum():6} {np.mean(within):7.3f} {out:9.3f} {alone:18.3f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
