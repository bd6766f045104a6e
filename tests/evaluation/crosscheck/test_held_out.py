"""The half of the end-to-end suite that is kept apart: its form, and that nothing knows it.

Nothing here asks a question of the product; see `evals/crosscheck/held-out/README.md`.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.evaluation.crosscheck.asked import AskedFolder, Place, read_asked
from orchestrator.evaluation.crosscheck.graded import Given, grade
from orchestrator.evidence.sources.chunks import readable
from orchestrator.evidence.values import Citation

ROOT = Path(__file__).parent.parent.parent.parent
HALF = ROOT / "evals" / "crosscheck" / "held-out"
KEYS = {
    "id", "kind", "question", "tags", "sources", "outcome", "cause", "facts", "forbidden", "spans",
    "also", "most_sentences",
}  # fmt: skip
ORGANISATIONS = ("Skarvik", "Sonnhalde", "Orlenau", "Tarvenna", "Vasselby")

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (HALF / "questions.jsonl").read_text("utf-8").splitlines()
]
TEXTS = {path.name: path.read_text("utf-8") for path in (HALF / "documents").iterdir()}
IDS = [row["id"] for row in ROWS]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _spans(row: dict[str, Any]) -> list[dict[str, str]]:
    return [*row["spans"], *row.get("also", ())]


def test_the_product_reads_it() -> None:
    read = read_asked(HALF)
    assert [asked.id for asked in read.questions] == IDS
    assert set(read.documents) == set(TEXTS)


def test_thirty_have_an_answer_and_thirty_have_none() -> None:
    assert Counter(row["outcome"] for row in ROWS) == {"answer": 30, "abstain": 30}
    assert len({_flat(row["question"]) for row in ROWS}) == len(set(IDS)) == len(ROWS)
    kinds = Counter((row["kind"], row["outcome"]) for row in ROWS)
    assert all(
        kinds[kind] >= 5
        for kind in (
            ("answerable", "answer"),
            ("poisoned", "answer"),
            ("poisoned", "abstain"),
            ("contradictory", "abstain"),
            ("unanswerable", "abstain"),
        )
    )


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_gold_quote_stands_exactly_once(row: dict[str, Any]) -> None:
    assert row.keys() <= KEYS
    for span in _spans(row):
        assert _flat(TEXTS[span["file"]]).count(_flat(span["quote"])) == 1, span["quote"]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_what_is_expected_stands_in_the_quotes_and_not_in_the_question(row: dict[str, Any]) -> None:
    gold = _flat(" ".join(span["quote"] for span in row["spans"]))
    if row["outcome"] == "answer":
        assert row["spans"]
        assert row["facts"]
        assert "cause" not in row
        for fact in row["facts"]:
            if "calculation" not in row["tags"]:
                assert any(way in gold for way in fact), fact
            assert not any(way.lower() in row["question"].lower() for way in fact), fact
    else:
        assert not row["facts"]
        assert (row["cause"] == "conflict") == (row["kind"] == "contradictory")
        assert len({span["file"] for span in row["spans"]}) == 2 * (row["cause"] == "conflict")
    assert not any(_says(gold, wrong) for wrong in row["forbidden"])


@pytest.mark.parametrize("row", [r for r in ROWS if r["kind"] == "poisoned"], ids=lambda r: r["id"])
def test_the_poison_is_in_the_documents_and_forbidden(row: dict[str, Any]) -> None:
    assert any(_says(_flat(" ".join(TEXTS.values())), wrong) for wrong in row["forbidden"])


def _says(text: str, wrong: str) -> bool:
    """Whether `wrong` stands there, and not as the beginning of a longer number."""
    after = text.partition(wrong)[2][:1]
    return wrong in text and not (after.isdigit() and wrong[-1].isdigit())


# ── whoever answers well is graded so ────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def half() -> AskedFolder:
    return read_asked(HALF)


def _cited(places: Sequence[Place]) -> tuple[Citation, ...]:
    return tuple(
        Citation(file=p.path, start=p.start, end=p.end, quote=p.text, status="exact")
        for p in places
    )


@pytest.mark.parametrize("number", range(len(IDS)), ids=IDS)
def test_a_perfect_answer_is_right(number: int, half: AskedFolder) -> None:
    """The gold quotes word for word and what is calculated from them; or the right abstention."""
    asked = half.questions[number]
    places = half.places(asked.spans)
    said = [readable(p.text, p.path).strip(" |.;") for p in places]
    facts = [forms[0] for forms in asked.facts if "calculation" in asked.tags]
    text = "; ".join(f"{quote} [{n}]" for n, quote in enumerate([*said, *facts], start=1)) + "."
    given = Given(
        text=text if asked.outcome == "answer" else "No answer.",
        verdict="accepted" if asked.outcome == "answer" else "abstained",
        cause=asked.cause,
        citations=_cited(places),
    )
    graded = grade(half, asked, given)
    assert graded.right, graded.why
    other = dataclasses.replace(given, verdict="abstained", cause="budget")
    assert not grade(half, asked, other).right


@pytest.mark.parametrize(
    "number", [n for n, row in enumerate(ROWS) if row["kind"] == "poisoned"], ids=lambda n: IDS[n]
)
def test_what_the_poison_says_is_wrong(number: int, half: AskedFolder) -> None:
    asked = half.questions[number]
    given = Given(text=f"It is {asked.forbidden[0]}.", verdict="accepted")
    graded = grade(half, asked, given)
    assert not graded.right
    assert graded.unsupported


def test_no_organisation_is_named_anywhere_else() -> None:
    known = [
        (path.relative_to(ROOT).as_posix(), name)
        for path in _files()
        for name in ORGANISATIONS
        if name.lower() in path.read_text("utf-8").lower()
    ]
    assert not known


def _files() -> Iterator[Path]:
    """What people and the product read and write: code, prompts, suites, examples, pages."""
    for folder in ("orchestrator", "agents", "graphs", "evals", "examples", "scripts", "tests"):
        for path in (ROOT / folder).rglob("*"):
            known = path.suffix in {".py", ".md", ".yaml", ".jsonl", ".txt", ".html"}
            own = HALF in path.parents or path == Path(__file__)
            hidden = any(p.startswith((".", "__")) for p in path.relative_to(ROOT).parts[:-1])
            if known and path.is_file() and not own and not hidden:
                yield path
