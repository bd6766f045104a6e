"""What checkers are worth together: the formulas, and votes as files and traces hold them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from orchestrator.evaluation.crosscheck.checkers import (
    agreement,
    ballots,
    effective_votes,
    from_traffic,
    kappa,
    measure,
    phi,
)
from orchestrator.records import Hop
from orchestrator.types import ClaimStatus

_STATUSES: tuple[ClaimStatus, ClaimStatus] = ("supported", "unsupported")


def bits(text: str) -> np.ndarray:
    return np.array([float(c) for c in text])


def test_the_formulas_by_hand() -> None:
    one, other = bits("1110000000"), bits("1100001000")
    assert agreement(one, other) == pytest.approx(0.8)
    # by chance 0.3 · 0.3 + 0.7 · 0.7 = 0.58
    assert kappa(one, other) == pytest.approx((0.8 - 0.58) / 0.42)
    # both 2, one alone 1, other alone 1, neither 6: (2 · 6 - 1 · 1) / (3 · 7)
    assert phi(one, other) == pytest.approx(11 / 21)


@pytest.mark.parametrize(
    ("n", "rho", "votes"),
    [(3, 0.0, 3.0), (3, 1.0, 1.0), (9, 0.4375, 2.0), (2, -0.5, 2.0), (1, 0.7, 1.0)],
)
def test_effective_votes(n: int, rho: float, votes: float) -> None:
    assert effective_votes(n, rho) == pytest.approx(votes)


def test_what_cannot_be_known_is_nan() -> None:
    nothing, same = bits(""), bits("1111")
    assert np.isnan([agreement(nothing, nothing), kappa(same, same), phi(same, bits("1010"))]).all()


def _made(n: int, rho: float, seed: int = 1) -> Any:
    """Three checkers that err on a fifth of the claims, each pair with correlation `rho`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    common = rng.random(n) < rho
    shared = rng.random(n) < 0.2
    votes: list[dict[str, ClaimStatus]] = []
    errors = [np.where(common, shared, rng.random(n) < 0.2) for _ in range(3)]
    for i in range(n):
        right, wrong = _STATUSES if labels[i] else _STATUSES[::-1]
        votes.append(
            {name: wrong if e[i] else right for name, e in zip("abc", errors, strict=True)}
        )
    return ballots(votes, list(range(n)), labels.tolist())


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_a_known_correlation_is_found(rho: float) -> None:
    found = measure(_made(1500, rho))
    assert found.low <= effective_votes(3, rho) <= found.high
    assert found.high - found.low < 0.5
    assert {f.name for f in found.figures} == {
        "gave a verdict",
        "balanced accuracy",
        "agreement",
        "kappa",
        "error correlation",
    }


def test_the_sentence_says_what_they_are_worth() -> None:
    found = measure(_made(400, 1.0))
    assert found.sentence == "3 checkers, worth 1.0 votes (95 %: 1.0 to 1.0)."
    assert "no confidence" in " ".join(found.report("t").notes)


def test_without_labels_it_is_a_lower_bound() -> None:
    made = _made(400, 0.0)
    blind = measure(ballots(_as_votes(made), made.groups.tolist()))
    assert blind.sentence.startswith("3 checkers, worth at least ")
    assert blind.votes < measure(made).low


def test_no_verdict_is_not_a_vote() -> None:
    votes: list[Any] = [{"a": "supported", "b": "unverified"}] * 20
    found = measure(ballots(votes, list(range(20))))
    assert [f.value for f in found.figures] == [1.0, 0.0]
    assert "too little" in found.sentence


@pytest.mark.parametrize(
    ("votes", "says"),
    [([], "No votes are on record"), ([{"a": "supported"}] * 20, "two or more")],
)
def test_less_than_two_checkers(votes: Any, says: str) -> None:
    assert says in measure(ballots(votes, list(range(len(votes))))).sentence


def _as_votes(made: Any) -> list[Any]:
    return [
        {n: "supported" if v else "unsupported" for n, v in zip(made.names, row, strict=True)}
        for row in made.said
    ]


def _hop(output: str | None, role: str = "checker", trace: str = "t1") -> Hop:
    return Hop(id=f"{trace}.x", trace_id=trace, node="check/votes", role=role, output=output)


def test_votes_are_read_from_traces() -> None:
    votes = [
        {"by": "claim-gates", "checker": "gates", "status": "supported"},
        {"by": "a/x", "checker": "model", "status": "contradicted"},
    ]
    kept = json.dumps({"checks": [{"claim": "s1.1", "status": "unverified", "votes": votes}]})
    asked = json.dumps({"checks": [{"claim": "c1", "status": "supported"}]})
    found = from_traffic(
        [
            _hop(kept),
            _hop(kept, trace="t2"),
            _hop(asked),
            _hop("sha256:0123"),
            _hop(None),
            _hop(kept, role="generator"),
        ]
    )
    assert found.names == ("gates", "a/x")
    assert found.said.tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert found.groups.tolist() == [0, 1]
