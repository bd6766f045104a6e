"""What is caught of planted mutations: thresholds, shares, and what the report says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestrator.cli._app import build
from orchestrator.evaluation.crosscheck.files import ClaimRow
from orchestrator.evaluation.crosscheck.planted import Case, Planted, plant, reports
from orchestrator.evidence.relations.signals import RELATIONS
from orchestrator.evidence.scoring.model import SupportModel
from tests.evaluation.crosscheck.claim_files import claims, write
from tests.evaluation.crosscheck.test_mutations import rows


@dataclass(frozen=True)
class Undecided(SupportModel):
    """A scorer that finds every claim as likely as every other."""

    def __init__(self) -> None: ...

    def probability(self, features: np.ndarray, source: str | None = None) -> np.ndarray:
        return np.full(len(features), 0.5)


def labelled() -> list[ClaimRow]:
    return [
        *rows(),
        *(
            ClaimRow(
                id=row["id"],
                source=row["source"],
                question="",
                claim=row["claim"],
                passages=tuple(row["passages"]),
                label=row["label"],
            )
            for row in claims(20)
        ),
    ]


@lru_cache(maxsize=1)
def planted() -> Planted:
    return plant({"own": labelled()}, "static", Undecided(), most=10)


def test_originals_and_their_mutations_are_cases_of_one_fold() -> None:
    fold = {case.row.id: case.fold for case in planted().cases if not case.kind}
    assert len(fold) == 24
    made = [case for case in planted().cases if case.kind]
    assert all(fold[case.row.id.split("#")[0]] == case.fold for case in made)
    assert planted().strength.shape == (len(planted().cases), len(RELATIONS))


def test_what_stands_nowhere_is_caught() -> None:
    whole = reports(planted())[1]
    found = {(f.of, f.name): f for f in whole.figures}
    assert found["number_foreign", "signal"].value > 0.8
    assert found["name_foreign", "signal"].value > 0.8
    assert found["citation_random", "signal"].value > 0.8
    assert found["number_foreign", "scorer"].value == 0.0
    assert found["unmutated", "together"].value <= 0.3


def test_a_threshold_is_not_fitted_where_it_is_measured() -> None:
    """In each fold the originals score otherwise; only the other folds' threshold shows that."""
    cases, score = [], []
    for fold in range(5):
        for i in range(40):
            for kind in ("", "antonym"):
                row = rows()[0]
                cases.append(Case(row=row, kind=kind, corpus="a", group=str(fold), fold=fold))
                score.append((i + 40 * (fold == 4)) / 100 + 0.001)
    strength = np.zeros((len(cases), len(RELATIONS)))
    strength[:, RELATIONS.index("antonym")] = score
    measured = Planted(
        cases=tuple(cases), names=RELATIONS, strength=strength, scorer=np.zeros(len(cases))
    )
    found = {(f.of, f.name): f.value for f in reports(measured)[1].figures}
    assert found["antonym", "signal"] == pytest.approx(0.2, abs=0.03)


def test_what_is_asked_has_a_bar() -> None:
    asked = {f.name: f for f in reports(planted())[0].figures}
    assert asked["number_foreign at 3%"].bar == "at least 0.93"
    assert asked["names_exchanged at 10%"].bar == "at least 0.4"
    assert all(f.low is not None and f.high is not None for f in asked.values())


def test_some_are_shown_to_a_person(tmp_path: Path) -> None:
    file = write(tmp_path / "own.jsonl", claims(6))
    out = tmp_path / "all.jsonl"
    ran = CliRunner().invoke(
        build(), ["eval", "mutations", str(file), "--show", "2", "--write", str(out), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    shown = json.loads(ran.stdout)["mutations"]
    assert {"id", "kind", "original", "mutated", "edits"} <= set(shown[0])
    assert max(sum(m["kind"] == k for m in shown) for k in {m["kind"] for m in shown}) <= 2
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > len(shown)
