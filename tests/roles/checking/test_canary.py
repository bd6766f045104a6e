"""A claim known to be false: of the passages' own form, contradicted, and never the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import Claim, Passage
from orchestrator.roles.checking.canary import make_canary
from tests.roles.fake_work import embedder, passage, passages_of
from tests.roles.material import PASSAGES

SOURCES = Path(__file__).parents[3] / "examples" / "remote-work" / "sources"


def contradicted(text: str, passages: list[Passage]) -> bool:
    found = check_claim(Claim(id="c", sentence="c", text=text), passages, embedder())
    return found.status == "contradicted"


def canary(passages: list[Passage], seed: int = 0, others: tuple[str, ...] = ()) -> str:
    return make_canary(passages, others, lambda t: contradicted(t, passages), Random(seed))


@pytest.mark.parametrize(
    "text",
    [
        "The monthly allowance for remote work is 40 EUR for each employee.",
        "The company was founded in 1889 by Ana Ferreira in Lisbon.",
        "Employees may work from home three days a week.",
        "The budget for repairs is 1,250.50 EUR and must not be exceeded.",
        "Visitors must sign in at the front desk before noon.",
    ],
)
def test_the_gates_contradict_it(text: str) -> None:
    source = [passage(1, f"{text} Requests go to the personnel department.")]
    made = canary(source)
    assert made
    assert made not in source[0].text
    assert contradicted(made, source)
    assert made[0].isupper()
    assert made.endswith(".")


def test_each_call_has_another() -> None:
    source = list(PASSAGES)
    made: list[str] = []
    for seed in range(6):
        made.append(canary(source, seed, tuple(made)))
    assert all(made)
    assert len(set(made)) == 6


def test_it_is_no_claim_of_the_batch_in_another_version_where_there_is_a_choice() -> None:
    first, second = "The allowance is 40 EUR a month.", "The office has 54 desks on two floors."
    source = [passage(1, f"{first} {second}")]
    assert all("office" in canary(source, seed, (first,)) for seed in range(6))


def test_where_none_can_be_made_there_is_none() -> None:
    assert canary([passage(1, "Green ideas everywhere.")]) == ""
    assert canary([]) == ""


@pytest.mark.slow
def test_real_documents_have_one() -> None:
    for source in passages_of(SOURCES):
        assert canary([source])
