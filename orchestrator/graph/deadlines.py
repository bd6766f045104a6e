"""How the time that is left is divided among the steps that are still to come.

A step's share is `min(limit, pace * expected)`: `limit` is the `latency_ms` that it declares,
`expected` how long it usually takes, and `pace` one number for all steps: the largest at which
the longest way to the end still fits into the time that is left. So the shares along any way
sum to no more than what is left, an early slow step cannot starve the later ones, and what a
step leaves over goes to those after it. (This is the filling of containers of different
capacity to one level, "water-filling", along the critical path of a DAG.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

_ROUNDING = 1e-12
"""What floating point may add to a sum of shares, as a part of it."""
_HALVINGS = 40
"""The pace is found to one part in 2**40 of its power of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The steps that a run can take. A step without a place in `expected` takes no time."""

    order: tuple[str, ...]
    """Topological, loops left out."""
    follows: Mapping[str, tuple[str, ...]]
    """Step → those that can come next, loops left out."""
    expected: Mapping[str, float]
    """How long each usually takes, in milliseconds; only the proportions count."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """The most that a step may take, in milliseconds, where it declares that."""
    loops: Mapping[str, Set[str]] = field(default_factory=dict)
    """The step that may send the run back → all that then runs again, itself among them."""

    def share(
        self, step: str, left_ms: float, rounds_left: Mapping[str, int] | None = None
    ) -> float:
        """Milliseconds that `step`, which starts now, may take of the `left_ms`.

        Args:
            rounds_left: step of `loops` → how often it may still send the run back.
        """
        if left_ms <= 0 or not self.expected.get(step):
            return 0.0
        rounds = self._rounds(step, rounds_left or {})
        if not self.limits:  # times grow with the pace, so one look at them is enough
            pace = left_ms / self._longest(step, 1.0, rounds)
            return self._time(step, pace) * (1 - _ROUNDING)
        low, high = 0.0, 1.0
        while self._longest(step, high, rounds) <= left_ms:
            low, high = high, high * 2
            if math.isinf(high):  # everything to come has a limit, and all of them fit
                return self.limits[step]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fits = self._longest(step, middle, rounds) <= left_ms
            low, high = (middle, high) if fits else (low, middle)
        return self._time(step, low)

    def _time(self, step: str, pace: float) -> float:
        return min(self.limits.get(step, math.inf), pace * self.expected.get(step, 0.0))

    def _longest(self, step: str, pace: float, rounds: Mapping[str, int]) -> float:
        """The longest way from the start of `step` to the end, every loop run to its bound."""
        again = sum(
            times * max(self._ways(pace, within=self.loops[back]).values(), default=0.0)
            for back, times in rounds.items()
        )
        return self._ways(pace)[step] + again

    def _ways(self, pace: float, within: Set[str] | None = None) -> dict[str, float]:
        """For each step (`within` a loop's body) the longest way from its start to the end."""
        ways: dict[str, float] = {}
        for step in reversed(self.order):
            if within is None or step in within:
                rest = (ways[n] for n in self.follows.get(step, ()) if n in ways)
                ways[step] = self._time(step, pace) + max(rest, default=0.0)
        return ways

    def _rounds(self, step: str, rounds_left: Mapping[str, int]) -> dict[str, int]:
        """The loops that the run can still get to from `step`."""
        allowed = {back: n for back, n in rounds_left.items() if n > 0 and back in self.loops}
        seen: set[str] = set()
        waiting = {step}
        while waiting:
            current = waiting.pop()
            seen.add(current)
            waiting |= set(self.follows.get(current, ())) - seen
            if current in allowed:
                waiting |= set(self.loops[current]) - seen
        return {back: times for back, times in allowed.items() if back in seen}
