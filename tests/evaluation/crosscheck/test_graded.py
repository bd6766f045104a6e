"""Answers that are right, and for each rule one that only it makes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.evaluation.crosscheck.asked import Asked, AskedFolder, Span, read_asked
from orchestrator.evaluation.crosscheck.graded import Given, Graded, grade, holds
from orchestrator.evidence.values import Citation

TEXT = (
    "The ferry costs 4 EUR. It carries 120 people, dogs included. The bridge was built in 1880.\n\n"
    "Tickets are sold on board. Bicycles pay 2 EUR.\n"
)
FERRY = "The ferry costs 4 EUR."
IT = "It carries 120 people, dogs included."
BRIDGE = "The bridge was built in 1880."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> AskedFolder:
    root = tmp_path_factory.mktemp("asked")
    (root / "documents").mkdir()
    (root / "documents" / "ferry.txt").write_text(TEXT, "utf-8")
    asked = Asked(id="q", kind="answerable", question="Why?", outcome="answer", facts=(("4 EUR",),))
    (root / "questions.jsonl").write_text(asked.model_dump_json(exclude_defaults=True), "utf-8")
    return read_asked(root)


def asked(quote: str = FERRY, **changes: Any) -> Asked:
    given: dict[str, Any] = {
        "id": "q",
        "kind": "answerable",
        "question": "What does the ferry cost?",
        "outcome": "answer",
        "facts": (("4 EUR",),),
        "forbidden": ("2 EUR",),
        "spans": (Span(file="ferry.txt", quote=quote),),
    }
    return Asked.model_validate({**given, **changes})


def cite(folder: AskedFolder, quote: str) -> Citation:
    start = TEXT.index(quote)
    file = (folder.folder / "documents" / "ferry.txt").as_posix()
    return Citation(file=file, start=start, end=start + len(quote), quote=quote)


def graded(folder: AskedFolder, question: Asked, text: str, *quotes: str, **more: Any) -> Graded:
    citations = tuple(cite(folder, q) for q in quotes)
    return grade(
        folder, question, Given(text=text, verdict="accepted", citations=citations, **more)
    )


def test_a_right_answer(folder: AskedFolder) -> None:
    found = graded(folder, asked(), f"{FERRY} [1]", FERRY)
    assert found.right
    assert (found.recall, found.precision, found.unsupported) == (1.0, 1.0, ())


@pytest.mark.parametrize(
    ("text", "quotes", "why"),
    [
        ("The ferry is cheap. [1]", [FERRY], ("lacks 4 EUR",)),
        ("The ferry costs 4 EUR, or 2 EUR. [1]", [FERRY], ("holds 2 EUR",)),
        (f"{FERRY} [1] It is cheap. [1] People like it. [1]", [FERRY], ("3 sentences",)),
        (f"{FERRY} [1]", ["Tickets are sold on board."], ("citations",)),
        (f"{FERRY} [1][2][3]", [FERRY, BRIDGE, "Tickets are sold on board."], ("citations",)),
        (FERRY, [], ("citations",)),
    ],
)
def test_each_rule_fails_once(
    folder: AskedFolder, text: str, quotes: list[str], why: tuple[str, ...]
) -> None:
    assert graded(folder, asked(), text, *quotes).why == why


def test_a_quote_that_does_not_stand_there(folder: AskedFolder) -> None:
    wrong = cite(folder, FERRY).model_copy(update={"quote": "The ferry costs 5 EUR."})
    given = Given(text=f"{FERRY} [1]", verdict="accepted", citations=(wrong,))
    found = grade(folder, asked(), given)
    assert found.why == ("citations",)
    assert found.unsupported == (FERRY,)


def test_an_abstention_is_no_answer(folder: AskedFolder) -> None:
    found = grade(folder, asked(), Given(text="", verdict="abstained", reason="nothing"))
    assert not found.right
    assert found.why == ("abstained: nothing",)


@pytest.mark.parametrize(
    ("verdict", "cause", "right"),
    [
        ("abstained", "no_evidence", True),
        ("abstained", "conflict", False),
        ("abstained", None, False),
        ("accepted", None, False),
    ],
)
def test_abstaining_needs_the_right_reason(
    folder: AskedFolder, verdict: Any, cause: Any, right: bool
) -> None:
    question = asked(outcome="abstain", cause="no_evidence", facts=(), spans=())
    found = grade(folder, question, Given(text=f"{FERRY} [1]", verdict=verdict, cause=cause))
    assert found.right is right


@pytest.mark.parametrize(
    ("text", "quotes", "bad"),
    [
        (f"{FERRY} [1]", [FERRY], 0),
        (f"{FERRY} [1] {BRIDGE} [2]", [FERRY, BRIDGE], 1),  # nobody asked for the bridge
        (f"{FERRY} [1] It sinks.", [FERRY], 1),  # cites nothing
        ("Bicycles pay 2 EUR. [1]", [FERRY], 1),  # what must not be said
        ("3 × 4 EUR = 12 EUR.", [], 1),  # a calculation of something else
        ("1 × 4 EUR = 4 EUR.", [], 0),
    ],
)
def test_unsupported_sentences(folder: AskedFolder, text: str, quotes: list[str], bad: int) -> None:
    assert len(graded(folder, asked(), text, *quotes).unsupported) == bad


def test_the_sentence_that_says_what_is_meant_may_be_cited(folder: AskedFolder) -> None:
    question = asked(IT, facts=(("120 people",),), forbidden=())
    assert graded(folder, question, f"{FERRY} [1] {IT} [2]", FERRY, IT).right
    assert graded(folder, question, f"{BRIDGE} [1] {IT} [2]", BRIDGE, IT).unsupported != ()


def test_a_gold_span_may_be_a_part_of_its_sentence(folder: AskedFolder) -> None:
    question = asked("120 people", facts=(("120 people",),), forbidden=())
    found = graded(folder, question, f"{IT} [1]", IT)
    assert (found.right, found.precision) == (True, 1.0)


@pytest.mark.parametrize(
    ("text", "fact", "held"),
    [
        ("It costs 1,200 EUR.", "1200 EUR", True),
        ("It costs 1200 euros.", "1,200 EUR", True),
        ("It takes two weeks.", "14 days", True),
        ("It costs 40 EUR.", "4 EUR", False),
        ("Room 4 is free.", "4 EUR", False),
        ("It must not\nbe taken", "must not", True),
        ("the Tenant’s cost", "tenant", True),
        ("untenanted", "tenant", False),
    ],
)
def test_facts_are_read_as_values(text: str, fact: str, held: bool) -> None:
    assert holds(text, fact) is held


def test_offsets_count_in_the_file(folder: AskedFolder) -> None:
    assert Path(cite(folder, IT).file).read_text("utf-8") == TEXT
