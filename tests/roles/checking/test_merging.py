"""The table by which one finding is made of many, row by row."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from orchestrator.evidence.support import BY
from orchestrator.evidence.values import CheckerKind, ClaimCheck, Vote
from orchestrator.roles.checking.merging import DOUBT, merged
from orchestrator.types import ClaimStatus, Effort

S: ClaimStatus = "supported"
U: ClaimStatus = "unsupported"
C: ClaimStatus = "contradicted"
V: ClaimStatus = "unverified"


def gate(status: ClaimStatus, **fields: Any) -> ClaimCheck:
    return ClaimCheck(claim="s1.1", text="It is so.", status=status, by=BY, **fields)


def vote(status: ClaimStatus, by: str = "a/x", checker: CheckerKind = "model") -> Vote:
    return Vote(by=by, checker=checker, family=by[:1], status=status, reason=f"{by} says why")


@pytest.mark.parametrize(
    ("gates", "votes", "status", "kind"),
    [
        (S, [], S, None),
        (U, [], U, None),
        (C, [], C, None),
        (C, [S, S], C, None),
        (S, [S], S, None),
        (S, [S, S], S, None),
        (S, [U], V, "conflict"),
        (S, [C, C], V, "conflict"),
        (S, [S, U], V, "conflict"),
        (S, [S, S, U], V, "conflict"),
        (U, [S], S, None),
        (U, [S, S], S, None),
        (U, [S, C], V, "conflict"),
        (U, [U], U, "model"),
        (U, [C], C, "model"),
        (U, [U, C], V, "conflict"),
        (V, [S], S, None),
        (V, [U], U, "model"),
        (S, [V], V, "no_verdict"),
        (S, [S, V], V, "no_verdict"),
        (U, [V, U], V, "no_verdict"),
    ],
)
def test_the_table(
    gates: ClaimStatus, votes: list[ClaimStatus], status: ClaimStatus, kind: str | None
) -> None:
    said = [vote(s, by=f"{name}/x") for name, s in zip("abc", votes, strict=False)]
    found = merged(gate(gates), said, "two")
    assert (found.status, found.kind) == (status, kind)
    assert found.votes == tuple(said)


@pytest.mark.parametrize("kind", ["missing_number", "missing_name"])
def test_what_stands_nowhere_no_model_finds(kind: Any) -> None:
    found = merged(gate(U, kind=kind), [vote(S), vote(S, "b/x")], "two")
    assert (found.status, found.kind) == (U, kind)


def test_a_claim_that_the_scorer_doubts_is_left_open() -> None:
    for probability, status in ((DOUBT - 0.001, V), (DOUBT, S)):
        assert merged(gate(U, probability=probability), [vote(S)], "model").status == status


@pytest.mark.parametrize("effort", ["none", "quotes"])
def test_where_nobody_was_asked_nothing_is_known(effort: Effort) -> None:
    assert merged(gate(S), [], effort).status == V


def test_the_gates_and_the_scorer_do_not_count_twice() -> None:
    own = [vote(S, BY, "gates"), vote(U, "general", "scorer")]
    assert merged(gate(S), own, "scorer").status == S
    assert merged(gate(S), [*own, vote(S)], "model").status == S


def test_a_projects_own_code_counts_as_a_checker() -> None:
    assert merged(gate(S), [vote(U, "mine/here", "gates")], "model").status == V


def test_more_votes_never_outvote_one() -> None:
    """No majority: whatever the other two say, one that differs leaves the claim open or worse."""
    for votes in product([S, U, C, V], repeat=3):
        found = merged(
            gate(S), [vote(s, f"{n}/x") for n, s in zip("abc", votes, strict=True)], "two"
        )
        assert (found.status == S) == (set(votes) == {S})


def test_a_disagreement_names_both_sides() -> None:
    found = merged(gate(S), [vote(S), vote(U, "b/x")], "two")
    assert found.reason == "a/x says supported, b/x says unsupported: b/x says why"
