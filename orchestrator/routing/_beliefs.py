"""What answers that agree or differ say of each other, and whom to ask next.

The model of answers has three parts. A request is harder or easier for all models alike by a
hidden amount z, normal with deviation `spread` in logits; given z, model m is right with
probability σ(a_m + spread·z), where a_m is such that on average it is right as often as its
estimate says (D. MacKay, The evidence framework applied to classification networks, Neural
Computation 4, 1992, eq. 10). Right answers are equal. Wrong ones fall into groups of equal answers
by the Chinese restaurant process with concentration `variety` (W. Ewens, The sampling theory of
selectively neutral alleles, Theoretical Population Biology 3, 1972).

What is then known after each pattern of answers follows by Bayes' rule, and what is best to do by
going back from the last answers to the first: give the answer that is most likely right, or ask a
further model, whichever is worth more after its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import lgamma, log, pi

import numpy as np

from orchestrator.types import Move

MOST = 6
"""Models that a plan may ask: the patterns of their answers are 877."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_LEAST, _NAMES = 0.02, "abcdefghi"
_RARE = 0.002
"""Patterns that are less likely get no move of their own."""


@dataclass(frozen=True, slots=True)
class Play:
    """A plan for some models, asked in their order."""

    quality: float
    """How likely the answer that is given is right."""
    cost: float
    """What is expected to be spent."""
    asked: tuple[float, ...]
    """How likely each is asked."""
    most: float
    """What is spent where it comes to the dearest."""
    moves: dict[str, Move]
    """By the pattern of answers, in which a letter a model says whose answers are equal and a dot
    that it was not asked; patterns end with the last that was."""


class Beliefs:
    """What to expect of models that are asked one after the other.

    Args:
        quality: how likely each is right, 0..1; `MOST` at most.
        spread: as in `types.Agreement`.
        variety: likewise.
    """

    def __init__(self, quality: Sequence[float], spread: float, variety: float) -> None:
        self._shape = shape = _shape(len(quality))
        right = np.clip(np.asarray(quality, dtype=float), _LEAST, 1 - _LEAST)
        middle = np.log(right / (1 - right)) * np.sqrt(1 + pi * spread**2 / 8)
        logits = middle[:, None] + spread * _NODES
        yes, no = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
        # An Ewens partition of n has the probability variety^groups·Π(size - 1)! / rising(n).
        rising = np.cumsum([0.0, *(log(variety + i) for i in range(len(quality)))])
        alike = shape.groups * log(variety) + shape.sizes - rising[shape.wrong]
        seen = np.exp(shape.right @ yes + shape.others @ no) @ _WEIGHTS
        self._joint = seen * np.exp(alike)
        self._mass = np.add.reduceat(self._joint, shape.starts)
        gives = np.where(shape.nobody, 0.0, self._joint)
        self._give = np.maximum.reduceat(gives, shape.starts)

    def best(self, costs: Sequence[float], rate: float) -> Play:
        """The plan of the greatest quality less `rate` times cost.

        Args:
            costs: of asking each.
            rate: what a unit of cost is worth, in quality.
        """
        return self._play(self._solved(costs, rate)[1], costs)

    def worth(self, costs: Sequence[float], rate: float) -> float:
        """What `best` makes of it: quality less `rate` times cost."""
        return float(self._solved(costs, rate)[0][0])

    def _solved(self, costs: Sequence[float], rate: float) -> tuple[np.ndarray, np.ndarray]:
        """Of each pattern what is then still worth, times its likelihood, and who is asked next;
        -1: nobody."""
        shape, worth = self._shape, np.r_[self._give, 0.0]  # the last stands for no pattern
        worth[0] = -np.inf  # somebody must be asked
        asks = np.full(len(worth), -1)
        for last in range(len(costs) - 2, -2, -1):
            at = shape.last[last + 1]
            best, who = worth[at], asks[at]
            for place in range(last + 1, len(costs)):
                then = worth[shape.then[last + 1][place - last - 1]].sum(axis=1)
                then = then - rate * costs[place] * self._mass[at]
                better = then > best
                best, who = np.where(better, then, best), np.where(better, place, who)
            worth[at], asks[at] = best, who
        return worth, asks

    def _play(self, asks: np.ndarray, costs: Sequence[float]) -> Play:
        """From whom each pattern asks to what is expected of that, and the moves that may come."""
        shape, quality, spent, most = self._shape, 0.0, 0.0, 0.0
        asked = [0.0] * len(costs)
        moves: dict[str, Move] = {}
        open_ = [(0, 0.0)]
        while open_:
            state, paid = open_.pop()
            mass, give = float(self._mass[state]), float(self._give[state])
            place = int(asks[state])
            if place < 0:
                quality += give
                most = max(most, paid)
            else:
                spent += mass * costs[place]
                asked[place] += mass
                last = shape.reached[state]
                row = shape.then[last + 1][place - last - 1][shape.row[state]]
                open_ += [(int(s), paid + costs[place]) for s in row if s < len(shape.patterns)]
            if mass >= _RARE:
                who = self._whose(state) if place < 0 else place
                moves[shape.patterns[state]] = Move(who, place < 0, round(give / mass, 4))
        return Play(quality, float(spent), tuple(asked), float(most), moves)

    def _whose(self, state: int) -> int:
        """The last of those that gave the answer most likely right: it is the dearest of them."""
        shape = self._shape
        start = shape.starts[state]
        stop = shape.starts[state + 1] if state + 1 < len(shape.starts) else len(self._joint)
        row = start + 1 + int(np.argmax(self._joint[start + 1 : stop]))
        return int(np.flatnonzero(shape.right[row])[-1])


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """All patterns of so many models' answers, and what each may become."""

    patterns: tuple[str, ...]
    reached: tuple[int, ...]
    """Of each pattern the last place that was asked, -1 at the beginning."""
    row: tuple[int, ...]
    """Its place among those with the same last place."""
    last: tuple[np.ndarray, ...]
    """By last place, from -1 on: the patterns."""
    then: tuple[tuple[np.ndarray, ...], ...]
    """By last place and by the next that is asked: what each pattern may become, as rows."""
    starts: np.ndarray
    """Of each pattern the first of its hypotheses: nobody is right, then each group of answers."""
    nobody: np.ndarray
    right: np.ndarray
    """1 where a hypothesis says of a model that it is right, shape `(hypotheses, models)`."""
    others: np.ndarray
    """1 where it was asked and is wrong."""
    wrong: np.ndarray
    groups: np.ndarray
    """How many models are wrong, and in how many groups."""
    sizes: np.ndarray
    """Σ log (size - 1)! of those groups."""


@lru_cache(maxsize=MOST)
def _shape(models: int) -> _Shape:
    patterns = [""]
    for place in range(models):
        for base in [p for p in patterns if len(p) <= place]:
            padded = base.ljust(place, ".")
            count = len(set(padded) - {"."})
            patterns += [padded + name for name in _NAMES[: count + 1]]
    number = {pattern: i for i, pattern in enumerate(patterns)}
    last = [[i for i, p in enumerate(patterns) if len(p) == n] for n in range(models + 1)]
    row = {i: n for own in last for n, i in enumerate(own)}
    then = tuple(
        tuple(_children(patterns, number, own, place) for place in range(n, models))
        for n, own in enumerate(last)
    )
    starts: list[int] = []
    rows: list[tuple[list[int], list[int], int, int, float, bool]] = []
    for pattern in patterns:
        starts.append(len(rows))
        names = sorted(set(pattern) - {"."})
        rows += [_hypothesis(pattern, name, names, models) for name in ("", *names)]
    right, others, wrong, groups, sizes, nobody = zip(*rows, strict=True)
    return _Shape(
        patterns=tuple(patterns),
        reached=tuple(len(p) - 1 for p in patterns),
        row=tuple(row[i] for i in range(len(patterns))),
        last=tuple(np.array(own) for own in last),
        then=then,
        starts=np.array(starts),
        nobody=np.array(nobody),
        right=np.array(right, dtype=float),
        others=np.array(others, dtype=float),
        wrong=np.array(wrong),
        groups=np.array(groups),
        sizes=np.array(sizes),
    )


def _children(
    patterns: Sequence[str], number: dict[str, int], own: Sequence[int], place: int
) -> np.ndarray:
    """What each of some patterns becomes when `place` is asked; rows are filled up with the number
    of no pattern."""
    found = np.full((len(own), place + 1), len(patterns))
    for n, i in enumerate(own):
        padded = patterns[i].ljust(place, ".")
        count = len(set(padded) - {"."})
        found[n, : count + 1] = [number[padded + name] for name in _NAMES[: count + 1]]
    return found


def _hypothesis(
    pattern: str, name: str, names: Sequence[str], models: int
) -> tuple[list[int], list[int], int, int, float, bool]:
    """That the answers `name` are right; nobody's where it is empty."""
    padded = pattern.ljust(models, ".")
    right = [int(c == name) for c in padded]
    others = [int(c not in (".", name)) for c in padded]
    sizes = sum(lgamma(pattern.count(other)) for other in names if other != name)
    return right, others, sum(others), len(names) - bool(name), sizes, not name
