"""Corruptions of quotes: they are what they say, and the gate is measured by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import orchestrator.scaffold
from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck.corruptions import BAD, GOOD, corruptions
from orchestrator.evaluation.crosscheck.quotes import (
    Checked,
    check,
    measure,
    quotes_report,
    texts_of,
)
from orchestrator.evidence.values import Citation

SHIPPED = Path(orchestrator.scaffold.__file__).parent / "template" / "sources"
TEXTS = [
    "The Eiffel Tower was built for the World Fair between 1887 and 1889. “It’s 330 m high,” said "
    "Gustave Eiffel of the well-known firm. Visitors of the office are not allowed to climb its "
    "café mast without a guide, a helmet and a signed form from the ministry of works in Paris.",
    "The Great Bell is called Big Ben – and was cast in Whitechapel in 1858. Its sound carries "
    "over 12,500 metres on a quiet day, as the keeper Edmund Beckett found. The clock is wound "
    "three times a week, which takes its keepers about one hour and thirty minutes each time.",
]


def test_on_the_documents_that_ship_every_quote_is_judged_rightly() -> None:
    checked = measure(texts_of([SHIPPED]), most=25, seed=3)
    report = quotes_report(checked, at_least=0.995)
    assert report.met
    assert [c.corruption.quote for c in checked if not c.right] == []
    assert sum(not c.corruption.good for c in checked) > 150


def test_every_kind_is_made() -> None:
    kinds = {c.kind for seed in range(6) for c in corruptions(TEXTS, most=9, seed=seed)}
    assert kinds == {*BAD, *GOOD}


def test_the_seed_decides() -> None:
    first = list(corruptions(TEXTS, most=9, seed=1))
    assert first == list(corruptions(TEXTS, most=9, seed=1))
    assert first != list(corruptions(TEXTS, most=9, seed=2))


def test_at_most_so_many_of_a_kind() -> None:
    made = [c.kind for c in corruptions(TEXTS, most=2, seed=0)]
    assert max(made.count(kind) for kind in made) == 2


def test_no_bad_one_stands_in_its_document() -> None:
    for made in corruptions(TEXTS, most=9, seed=0):
        if not made.good:
            assert made.quote not in made.document


def test_what_the_gate_lets_through_counts_as_missed() -> None:
    bad = next(c for c in corruptions(TEXTS, most=9, seed=0) if not c.good)
    let_through = Citation(file="x", start=0, end=5, quote="The E", status="exact")
    missed = Checked(bad, let_through)
    report = quotes_report([missed, check(bad)], at_least=0.995)
    assert not missed.right
    assert not report.met
    assert report.figures[0].value == 0.5


def test_a_good_one_must_be_anchored_at_its_own_words() -> None:
    good = next(c for c in corruptions(TEXTS, most=9, seed=0) if c.good)
    elsewhere = Citation(file="x", start=0, end=16, quote=good.document[:16], status="moved")
    assert check(good).right
    assert not Checked(good, elsewhere).right


def test_texts_come_from_claims_and_sources(tmp_path: Path) -> None:
    row = {"id": "1", "source": "x", "claim": "c", "passages": TEXTS, "label": 1}
    claims = tmp_path / "claims.jsonl"
    claims.write_text(json.dumps(row), encoding="utf-8")
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.txt").write_text("Only this.", encoding="utf-8")
    assert texts_of([claims, folder]) == [*TEXTS, "Only this."]


def test_a_file_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.md"):
        texts_of([tmp_path / "missing.md"])
