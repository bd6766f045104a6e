"""Fits the scorer that ships, `orchestrator/evidence/scoring/shipped.json`, and says its worth.

    python scripts/fit_support.py [FOLDER] [--write] [--cache DIR]

FOLDER holds labelled claims, `*.jsonl.gz`, in the format of `mesh eval claims`; MESH_CLAIMS_DIR is
taken where it is not given. Balanced accuracies with 95 % intervals: cross-validated over folds
of passages, and of each file by a model of the other files. Without `--write` nothing is changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.cli._counting import counting
from orchestrator.evaluation.crosscheck import claims as judging
from orchestrator.evaluation.crosscheck.files import read_claims
from orchestrator.evaluation.crosscheck.measure import ALONE, BALANCED, Part, measure
from orchestrator.evaluation.crosscheck.progress import OnProgress
from orchestrator.evaluation.crosscheck.table import Table, prepare
from orchestrator.evidence.scoring.model import FILE

ABOUT = (
    "Learned from the dev sets of AttributionBench (Apache-2.0, with attribution to its component "
    "sets), WiCE (annotations ODC-BY) and RAGTruth (MIT) by: python scripts/fit_support.py FOLDER "
    "--write"
)
FIGURES = ("balanced accuracy", "AUC", *ALONE, BALANCED[-1])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--write", action="store_true", help="write the model")
    parser.add_argument("--cache", type=Path, help="keep features there")
    asked = parser.parse_args(arguments)
    folder = asked.folder or Path(os.environ.get("MESH_CLAIMS_DIR", "claims"))
    files = {f.name.split(".")[0]: read_claims(f) for f in sorted(folder.glob("*.jsonl.gz"))}
    if not files:
        print(f"skipped: no *.jsonl.gz in {folder}; give the folder of the claims")
        return 0
    with counting() as tell:
        table = prepare(files, "static", cache=asked.cache, on_progress=tell)
        report(table, tell)
    if asked.write:
        model = judging.fitted(table, name="general").model_copy(update={"about": ABOUT})
        FILE.write_text(model.to_json() + "\n", encoding="utf-8")
        print(f"wrote {FILE.name}: {model.hash}")
    return 0


def report(table: Table, tell: OnProgress) -> None:
    """Cross-validated figures of each file, and those by a model of the other files."""
    show("cross-validated", measure(judging.cross_validated(table, on_progress=tell)))
    if len(set(table.corpora.tolist())) > 1:
        show("by a model of the others", measure(judging.left_out(table, on_progress=tell)))


def show(how: str, parts: Sequence[Part]) -> None:
    """One line a figure of each file."""
    for part in parts:
        for name in FIGURES:
            if name in part.figures:
                f = part.figures[name]
                print(f"{part.name:36} {name:36} {f.value:.3f} [{f.low:.3f}, {f.high:.3f}] {how}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
