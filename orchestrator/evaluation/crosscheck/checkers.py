"""How independent checkers are: what several of them said of the same claims, measured.

Checkers that err on the same claims are worth less than their number. What they are worth is told
in votes of checkers that would err independently; it is no confidence in any single claim.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan
from typing import TYPE_CHECKING, Any

from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured, rate
from orchestrator.records import Hop
from orchestrator.types import ClaimStatus

if TYPE_CHECKING:
    import numpy as np

FEWEST = 10
"""Claims that two checkers must both have decided before anything is said of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """What several checkers said of the same claims."""

    names: tuple[str, ...]
    said: np.ndarray
    """Shape (claims, checkers): 1 supported, 0 not, NaN no verdict."""
    groups: np.ndarray
    """Claims of one group share their passages, or their run, and are drawn together."""
    labels: np.ndarray | None = None
    """1 supported, 0 not; `None` where nobody knows, as in traffic."""

    @property
    def errors(self) -> np.ndarray:
        """Shape (claims, checkers): 1 where wrong, 0 where right, NaN where nothing was said."""
        import numpy as np

        assert self.labels is not None
        wrong = (self.said != self.labels[:, None]).astype(float)
        return np.where(np.isnan(self.said), np.nan, wrong)


def ballots(
    votes: Iterable[Mapping[str, ClaimStatus]],
    groups: Sequence[int],
    labels: Sequence[int] | None = None,
) -> Ballots:
    """Of one mapping a claim: checker → what it said; who is not in it, or could not say, has no
    verdict."""
    import numpy as np

    listed = list(votes)
    names = tuple(dict.fromkeys(name for one in listed for name in one))
    said = np.full((len(listed), len(names)), np.nan)
    for row, one in enumerate(listed):
        for column, name in enumerate(names):
            status = one.get(name, "unverified")
            if status != "unverified":
                said[row, column] = status == "supported"
    known = None if labels is None else np.asarray(labels, dtype=float)
    return Ballots(names=names, said=said, groups=np.asarray(groups), labels=known)


def from_traffic(hops: Iterable[Hop]) -> Ballots:
    """The votes that the checkers' hops of some traces hold, a group each run.

    What a route keeps no text of, or only its hash, holds no votes.
    """
    votes: list[dict[str, ClaimStatus]] = []
    groups: list[int] = []
    runs: dict[str, int] = {}
    for hop in hops:
        for claim in _checks(hop):
            named = {_name(vote): vote["status"] for vote in claim.get("votes", ())}
            if named:
                votes.append(named)
                groups.append(runs.setdefault(hop.trace_id, len(runs)))
    return ballots(votes, groups)


def _checks(hop: Hop) -> list[dict[str, Any]]:
    if hop.role != "checker" or not hop.output:
        return []
    try:
        checks = json.loads(hop.output)["checks"]
        return [c for c in checks if isinstance(c, dict) and "claim" in c and "status" in c]
    except (ValueError, KeyError, TypeError):  # a model's own answer, or what was masked
        return []


def _name(vote: Mapping[str, Any]) -> str:
    kind = str(vote["checker"])
    return kind if kind in ("gates", "scorer") else str(vote["by"])


# ── formulas ─────────────────────────────────────────────────────────────────────────────


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The share of the claims on which both say the same; NaN without any."""
    return float((one == other).mean()) if len(one) else float("nan")


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement beyond chance: (observed - expected) / (1 - expected).

    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20 (1960). NaN where both always say the same thing.
    """
    if not len(one):
        return float("nan")
    p, q = float(one.mean()), float(other.mean())
    expected = p * q + (1 - p) * (1 - q)
    return (agreement(one, other) - expected) / (1 - expected) if expected < 1 else float("nan")


def phi(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two columns of 0 and 1; NaN where one of them never changes.

    K. Pearson's mean square contingency: the product-moment correlation of two binary variables.
    """
    import numpy as np

    if not len(one) or one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.mean((one - one.mean()) * (other - other.mean())) / (one.std() * other.std()))


def effective_votes(checkers: int, correlation: float) -> float:
    """How many independent votes so many correlated ones are worth: n / (1 + (n - 1) rho).

    The design effect of a sample in clusters (L. Kish, Survey Sampling, 1965, section 5.4): the
    mean of n variables of equal variance whose pairs correlate by rho varies as that of so many
    independent ones. A correlation below 0 counts as 0: nobody is worth more than one vote.
    """
    return checkers / (1 + (checkers - 1) * min(max(correlation, 0.0), 1.0))


# ── the measurement ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Independence:
    """What was measured of some ballots."""

    checkers: tuple[str, ...]
    claims: int
    labelled: bool
    votes: float
    """The effective number; NaN where it cannot be known."""
    low: float
    high: float
    figures: tuple[Figure, ...]

    @property
    def sentence(self) -> str:
        """`3 checkers, worth 1.4 votes (95 %: 1.3 to 1.5)`; says so where too little is known."""
        count = len(self.checkers)
        noun = "checker" if count == 1 else "checkers"
        if not count:
            return (
                "No votes are on record here: answers whose claims a model has checked leave them, "
                "unless a route stores less than everything."
            )
        if count < 2:
            return f"{count} {noun}: independence is a matter of two or more."
        if isnan(self.votes):
            return (
                f"{count} {noun} on {self.claims:,} claims: too little to say what they are worth."
            )
        least = "" if self.labelled else "at least "
        worth = f"{count} {noun}, worth {least}{self.votes:.1f} votes"
        return f"{worth} (95 %: {self.low:.1f} to {self.high:.1f})."

    def as_json(self, title: str) -> dict[str, Any]:
        """As plain JSON content; null where a number cannot be known."""
        worth = {"votes": self.votes, "low": self.low, "high": self.high}
        return {
            "checkers": list(self.checkers),
            "claims": self.claims,
            "labelled": self.labelled,
            **{name: None if isnan(value) else value for name, value in worth.items()},
            "sentence": self.sentence,
            "reports": [self.report(title).as_json()] if self.checkers else [],
        }

    def report(self, title: str) -> Report:
        """The figures for a person, with what they mean."""
        notes = [self.sentence]
        if len(self.checkers) > 1:
            notes.append(_MEANING if self.labelled else _UNLABELLED)
        return Report(title=title, figures=self.figures, notes=tuple(notes))


_MEANING = (
    "Votes: n / (1 + (n - 1) rho), with rho the mean error correlation of the pairs (Kish's design "
    "effect). It is what the checkers are worth together, and no confidence in a claim."
)
_UNLABELLED = (
    "Without labels the correlation of the verdicts stands for that of the errors. It is larger, "
    "since all of them see the same truth: measure on a labelled file to know."
)


def measure(given: Ballots, *, seed: int = 0) -> Independence:
    """How the checkers stand to each other, with 95 % intervals by whole groups."""
    import numpy as np

    pairs = list(combinations(range(len(given.names)), 2))
    names = [f"{given.names[i]} and {given.names[j]}" for i, j in pairs]
    decided = ~np.isnan(given.said)
    both = [int((decided[:, i] & decided[:, j]).sum()) for i, j in pairs]

    def values(rows: np.ndarray) -> np.ndarray:
        return np.array(_values(given, pairs, rows))

    found, ranges = np.full(1, np.nan), np.full((1, 2), np.nan)
    if len(given.said):
        found = values(np.arange(len(given.said)))
        ranges = metrics.intervals(values, given.groups, seed=seed)
    figures = [
        rate("gave a verdict", int(decided[:, n].sum()), len(decided), of=name)
        for n, name in enumerate(given.names)
    ]
    told = [
        ("balanced accuracy", name, int(decided[:, n].sum())) for n, name in enumerate(given.names)
    ]
    correlation = "verdict correlation" if given.labels is None else "error correlation"
    told += [
        (what, name, n)
        for name, n in zip(names, both, strict=True)
        for what in ("agreement", "kappa", correlation)
    ]
    for (what, name, n), value, (low, high) in zip(told, found[:-1], ranges[:-1], strict=False):
        if n >= FEWEST and not isnan(value):
            interval = (float(low), float(high))
            figures.append(measured(what, float(value), interval, n=n, of=name))
    enough = bool(pairs) and min(both) >= FEWEST
    return Independence(
        checkers=given.names,
        claims=len(given.said),
        labelled=given.labels is not None,
        votes=float(found[-1]) if enough else float("nan"),
        low=float(ranges[-1, 0]),
        high=float(ranges[-1, 1]),
        figures=tuple(sorted(figures, key=lambda f: [*given.names, *names].index(f.of))),
    )


def _values(given: Ballots, pairs: Sequence[tuple[int, int]], rows: np.ndarray) -> list[float]:
    """Each checker's balanced accuracy, each pair's agreement, kappa and correlation, and the
    effective votes of all; NaN for what cannot be known."""
    import numpy as np

    said = given.said[rows]
    decided = ~np.isnan(said)
    errors = said if given.labels is None else given.errors[rows]
    found: list[float] = []
    for n in range(len(given.names)):
        own = decided[:, n]
        if given.labels is None or not own.any():
            found.append(float("nan"))
        else:
            found.append(metrics.balanced_accuracy(given.labels[rows][own], said[own, n]))
    correlations = []
    for i, j in pairs:
        own = decided[:, i] & decided[:, j]
        one, other = said[own, i], said[own, j]
        correlations.append(phi(errors[own, i], errors[own, j]))
        found += [agreement(one, other), kappa(one, other), correlations[-1]]
    finite = [c for c in correlations if not isnan(c)]
    if not finite:
        return [*found, float("nan")]
    return [*found, effective_votes(len(given.names), sum(finite) / len(finite))]
