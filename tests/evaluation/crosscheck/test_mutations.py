"""Planted changes: what is on record is what was changed, and nothing else is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from orchestrator.evaluation.crosscheck.files import ClaimRow
from orchestrator.evaluation.crosscheck.mutations import KINDS, Mutation, MutationKind, mutate
from orchestrator.evaluation.crosscheck.spans import names, numbers, shape, value

TEXTS: tuple[tuple[str, str], ...] = (
    (
        "In 1893 the engineer Peter Novak opened the large bridge over the Oder for 45 percent "
        "less than planned.",
        "Work on the bridge over the Oder began in 1887. In 1893 Peter Novak opened the bridge. It "
        "cost 45 percent less than planned, and 12 percent more than Maria Lind had offered.",
    ),
    (
        "The ferry to Porto leaves at 7:15 on Monday and is not cheap: $30 for two people.",
        "The ferry to Porto leaves at 7:15 and comes back at 18:30, on Monday and on Friday. Anna "
        "Berg sells tickets for $30, or $12 for a child; two people fit in. Three bags are free.",
    ),
    (
        "The mine employs 900 workers in Kiruna and was closed on 12 May 2019 by Carl Holm.",
        "On 12 May 2019 the mine in Kiruna was closed by Carl Holm. It had opened on 3 March 1921. "
        "It employs 900 workers and sells 4,100 tonnes of copper to Jonas Weber.",
    ),
    (
        "The council approved the budget after three years, said Elena Rossi in Verona.",
        "After three years the council approved the budget. The minister rejected five plans. "
        "Elena Rossi said so in Verona; Marco Conti was away in Padua.",
    ),
)


def rows() -> list[ClaimRow]:
    return [
        ClaimRow(id=f"r{i}", source="own", question="", claim=claim, passages=(text,), label=1)
        for i, (claim, text) in enumerate(TEXTS)
    ]


def made(kind: MutationKind | None = None, seed: int = 0) -> list[Mutation]:
    return list(mutate(rows(), seed=seed, kinds=(kind,) if kind else KINDS))


@pytest.mark.parametrize("seed", range(5))
def test_edits_taken_back_give_the_original(seed: int) -> None:
    for mutation in made(seed=seed):
        assert mutation.undone() == mutation.row.claim
        for edit in mutation.edits:
            assert mutation.claim[edit.start :].startswith(edit.now)


@pytest.mark.parametrize("seed", range(5))
def test_something_changes_and_only_one_side(seed: int) -> None:
    for mutation in made(seed=seed):
        moved = mutation.kind.startswith("citation")
        assert (mutation.claim == mutation.row.claim) == moved
        assert (mutation.passages == mutation.row.passages) != moved
        assert mutation.as_row().label == 0


def test_every_kind_is_made_of_these_texts() -> None:
    assert {m.kind for seed in range(5) for m in made(seed=seed)} == set(KINDS)


def test_the_seed_decides_and_nothing_else() -> None:
    assert made(seed=3) == made(seed=3)
    assert made(seed=3) != made(seed=4)
    backwards = list(mutate(rows()[::-1], seed=3, kinds=("number_swapped", "date_swapped")))
    forwards = [m for m in made(seed=3) if m.kind in ("number_swapped", "date_swapped")]
    assert sorted(m.id for m in backwards) == sorted(m.id for m in forwards)
    assert {m.claim for m in backwards} == {m.claim for m in forwards}


def test_what_is_not_supported_or_states_nothing_is_left_alone() -> None:
    first, second, *_ = rows()
    announced = replace(second, claim="Here is what happened in 1893:")
    assert list(mutate([replace(first, label=0), announced])) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_foreign_number_stands_nowhere(seed: int) -> None:
    for mutation in made("number_foreign", seed):
        new = value(numbers(mutation.edits[0].now)[0])
        assert new not in {value(n) for n in numbers(mutation.passages[0])}


@pytest.mark.parametrize("kind", ["number_swapped", "number_swapped_any", "date_swapped"])
@pytest.mark.parametrize("seed", range(5))
def test_a_swapped_number_stands_in_the_passages_and_not_in_the_claim(
    kind: MutationKind, seed: int
) -> None:
    for mutation in made(kind, seed):
        new = mutation.edits[0].now
        assert new.lower() in mutation.passages[0].lower()
        assert new not in mutation.row.claim


@pytest.mark.parametrize("seed", range(5))
def test_a_foreign_name_shares_no_word_and_a_swapped_one_stands_there(seed: int) -> None:
    for mutation in made("name_foreign", seed):
        assert not set(mutation.edits[0].now.split()) & set(
            re.findall(r"\w+", everything(mutation))
        )
    for mutation in made("name_swapped", seed):
        assert mutation.edits[0].now in mutation.passages[0]


def everything(mutation: Mutation) -> str:
    return f"{mutation.row.claim} {mutation.passages[0]}"


def test_names_of_a_list_are_not_exchanged() -> None:
    row = replace(rows()[0], claim="It was seen in Rome, Vienna and Prague.")
    assert list(mutate([row], kinds=("names_exchanged",))) == []
    row = replace(rows()[0], claim="In the final Boston met Chicago.")
    assert list(mutate([row], kinds=("names_exchanged",))) == []
    row = replace(rows()[0], claim="In the final Boston beat Chicago.")
    (mutation,) = mutate([row], kinds=("names_exchanged",))
    assert mutation.claim == "In the final Chicago beat Boston."


def test_subject_and_object_change_places() -> None:
    row = replace(rows()[0], claim="The dog chased the cat in the garden.")
    (mutation,) = mutate([row], kinds=("subject_object",))
    assert mutation.claim == "The cat chased the dog in the garden."
    row = replace(rows()[0], claim="The plan was rejected by the council.")
    (mutation,) = mutate([row], kinds=("subject_object",))
    assert mutation.claim == "The council was rejected by the plan."


def test_a_reference_to_a_source_is_no_number() -> None:
    assert [n.text for n in numbers("1. It has 12 rooms [3] (Passage 2).")] == ["12"]


@pytest.mark.parametrize(
    ("text", "kind", "same"),
    [
        ("12 May 2019", "date", "12 may 2019"),
        ("7:15 pm", "clock", "7 15 pm"),
        ("1,200", "integer", "1200"),
        ("12.50", "decimal", "12.5"),
        ("twelve", "word", "12"),
        ("1893", "year", "1893"),
        ("21st", "ordinal", "21"),
        ("Monday", "weekday", "mon"),
    ],
)
def test_numbers_have_kinds_and_values(text: str, kind: str, same: str) -> None:
    (found,) = numbers(f"It was {text} then")
    assert (found.text, found.kind, value(found)) == (text, kind, same)


def test_names_begin_where_they_stand() -> None:
    text = "The Grand Hotel of Porto was sold to Anna Berg. Anna left. However, NATO stayed."
    found = names(text)
    assert [f.text for f in found] == ["Grand Hotel of Porto", "Anna Berg", "NATO"]
    assert all(text[f.start : f.end] == f.text for f in found)
    assert shape(found[2]) != shape(found[1])
