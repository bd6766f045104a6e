"""How long prompts and answers get: learned from recorded calls, shrunken to what is declared.

A prompt is a sum: what the agent always says, a share of what the caller handed in, a share of what
earlier steps have written. The shares are fitted by ridge regression towards the plain sum (A.
Hoerl and R. Kennard, Ridge Regression, 1970), relative errors counted.

Lengths of answers are log-normal. Their mean is looked for at ever finer levels (the agent, the
agent with that model, the node with that model), each a weighted mean of its own observations and
of the level above (D. Lindley and A. Smith, Bayes Estimates for the Linear Model, 1972).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.replay.planning.history import ENDS, Call, Inputs
from orchestrator.types import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

T = TypeVar("T")

_WORTH = 3.0
"""As many observations as what is declared counts for."""
_FINER = 1.0
"""Likewise the coarser level, at a finer one."""
_PROMPT_SD, _ANSWER_SD = 0.35, 0.7
"""How far a prompt and an answer are off where nothing is recorded, in logarithms: by a third, and
by a factor of two."""
_WHOLE = (Outcome.INVALID_OUTPUT, Outcome.UNSURE, Outcome.UNSAFE)
"""Of what does not end a call: answers that were written to their end."""
_SLOPE = 1.0
"""What holds the slope of answers over prompts at nought: a sum of squares, in logarithms."""


@dataclass(frozen=True, slots=True)
class PromptModel:
    """Tokens of a prompt, as our profiler counts them."""

    constant: float
    of_texts: float
    of_sources: float
    of_upstream: float
    sd: float

    def expected(self, inputs: Inputs, upstream: Any) -> Any:
        """The median, for one number of upstream tokens or for many."""
        fixed = self.constant + self.of_texts * inputs.texts + self.of_sources * inputs.sources
        return fixed + self.of_upstream * upstream

    def draw(self, inputs: Inputs, upstream: Numbers, rng: np.random.Generator) -> Numbers:
        """One for each number of upstream tokens."""
        import numpy as np

        middle: Numbers = np.maximum(self.expected(inputs, upstream), 1.0)
        return middle * np.exp(rng.normal(0.0, self.sd, len(upstream)))


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """Tokens of an answer, as its provider counts them."""

    mean: float
    """Of the logarithm, for a prompt of `centre`."""
    slope: float
    centre: float
    sd: float
    most: int | None = None
    """What the call or the deployment allows."""

    def expected(self, prompt: float) -> float:
        """The median."""
        return self._capped(exp(self.mean + self.slope * (log(max(prompt, 1.0)) - self.centre)))

    def _capped(self, value: float) -> float:
        return value if self.most is None else min(value, float(self.most))

    def draw(self, prompt: Numbers, rng: np.random.Generator) -> Numbers:
        """One for each prompt."""
        import numpy as np

        middle = self.mean + self.slope * (np.log(np.maximum(prompt, 1.0)) - self.centre)
        drawn = np.maximum(np.exp(middle + rng.normal(0.0, self.sd, len(prompt))), 1.0)
        return drawn if self.most is None else np.minimum(drawn, float(self.most))


class Lengths:
    """What recorded calls say of lengths. Without any it says what is declared."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._by_node = _grouped(calls, lambda c: (c.node, c.agent))
        self._by_agent = _grouped(calls, lambda c: c.agent)
        self._scales = _grouped(
            ((a.model, log(a.input / c.prompt)) for c in calls for a in c.attempts
             if a.input and c.prompt),
            lambda pair: pair[0],
        )  # fmt: skip
        self._known: dict[tuple[Any, ...], Any] = {}

    def counted_by(self, model: str) -> float:
        """How many tokens the model's provider counts for one of ours."""
        logs = [value for _, value in self._scales.get(model, ())]
        return exp(sum(logs) / (len(logs) + 2.0))

    def cached_share(self, node: str, agent: str, deployment: str) -> float:
        """The share of the prompt that its provider read from its cache, in 0..1."""
        found = [a for c in self._by_node.get((node, agent), ()) for a in c.attempts
                 if a.deployment == deployment and a.input]  # fmt: skip
        whole = sum(a.input for a in found)
        return sum(a.cached_input for a in found) / whole if whole else 0.0

    def prompt(self, node: str, agent: str, declared: PromptModel) -> PromptModel:
        """Of this agent's prompts at this node."""
        calls = self._by_node.get((node, agent), ())
        if not calls:
            return declared
        return self._once((node, agent, declared), lambda: _fitted(calls, declared))

    def answer(
        self, node: str, agent: str, model: str, declared: float, most: int | None
    ) -> AnswerModel:
        """Of the model's answers to this agent at this node.

        Args:
            declared: tokens that the profile expects.
            most: tokens that an answer may have.
        """
        key = (node, agent, model, declared, most)
        return self._once(key, lambda: self._answer(*key))

    def _once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def _answer(
        self, node: str, agent: str, model: str, declared: float, most: int | None
    ) -> AnswerModel:
        seen = [
            (log(a.output), log(max(c.prompt, 1)), c.node, a.model)
            for c in self._by_agent.get(agent, ())
            for a in c.attempts
            if a.output and (a.outcome in ENDS or a.outcome in _WHOLE)
        ]
        mean = log(max(declared, 1.0))
        if not seen:
            return AnswerModel(mean, 0.0, 0.0, _ANSWER_SD, most)
        levels = (
            (_WORTH, seen),
            (_FINER, [s for s in seen if s[3] == model]),
            (_FINER, [s for s in seen if s[2] == node and s[3] == model]),
        )
        for worth, some in levels:
            mean = (worth * mean + sum(s[0] for s in some)) / (worth + len(some))
        finest = next(some for _, some in reversed(levels) if some)
        return _around(mean, finest, most)


def _grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> Mapping[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _around(
    mean: float, seen: Sequence[tuple[float, float, str, str]], most: int | None
) -> AnswerModel:
    """The slope over the prompt's length, and the spread that it leaves."""
    centre = sum(x for _, x, _, _ in seen) / len(seen)
    own = sum(y for y, _, _, _ in seen) / len(seen)
    squares = sum((x - centre) ** 2 for _, x, _, _ in seen)
    slope = sum((x - centre) * (y - own) for y, x, _, _ in seen) / (squares + _SLOPE)
    left = sum((y - own - slope * (x - centre)) ** 2 for y, x, _, _ in seen)
    variance = (_WORTH * _ANSWER_SD**2 + left) / (_WORTH + len(seen))
    return AnswerModel(mean, slope, centre, variance**0.5, most)


def _fitted(calls: Sequence[Call], declared: PromptModel) -> PromptModel:
    import numpy as np

    rows = np.array([[1.0, c.inputs.texts, c.inputs.sources, c.upstream] for c in calls])
    found = np.array([float(max(c.prompt, 1)) for c in calls])
    before = np.array(
        [declared.constant, declared.of_texts, declared.of_sources, declared.of_upstream]
    )
    weights = 1.0 / found**2
    weighted = rows * weights[:, None]
    # Each coefficient is held as if so many typical observations had confirmed it.
    held = _WORTH * (weighted * rows).mean(axis=0)
    held[held == 0] = 1.0
    left = rows.T @ weighted + np.diag(held)
    shares = np.linalg.solve(left, weighted.T @ found + held * before)
    expected = np.maximum(rows @ shares, 1.0)
    off = float(((np.log(found) - np.log(expected)) ** 2).sum())
    variance = (_FINER * _PROMPT_SD**2 + off) / (_FINER + len(calls))
    constant, of_texts, of_sources, of_upstream = (float(share) for share in shares)
    return PromptModel(constant, of_texts, of_sources, of_upstream, variance**0.5)
