"""Asking a model, as a plan sees it: who is asked in which order, and what that costs and takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.money import PICO_PER_MICRO, Price
from orchestrator.replay.planning.lengths import AnswerModel, PromptModel
from orchestrator.replay.planning.odds import Failing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]

MOST_TRIES = 3
"""A deployment is asked at most so often for one call: once, and two retries."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a deployment takes: milliseconds to begin, and for each token that it writes."""

    first_ms: float
    token_ms: float
    sd: float = 0.3
    """Of the whole, in logarithms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One deployment that may be asked."""

    deployment: str
    price: Price | None
    counted: float
    """Its provider's tokens for one of ours."""
    cached: float
    """The share of a prompt that its provider has in its cache."""
    answer: AnswerModel
    failing: Failing
    pace: Pace | None
    """`None`: it is not known how long it takes."""
    context: int | None = None

    def cost(self, prompt: Numbers, answer: Numbers) -> Numbers:
        """Micro-dollars of one attempt each; of one whose price is not known nothing."""
        import numpy as np

        total = np.zeros(len(prompt))
        if self.price is None:
            return total
        sent = prompt * self.counted
        for above, price in ((-1, self.price), *((s.above, s.price) for s in self.price.steps)):
            here = sent > above
            read = price.input if price.cache_read is None else price.cache_read
            whole = (price.input or 0) * (1 - self.cached) + (read or 0) * self.cached
            total = np.where(here, sent * whole + answer * (price.output or 0), total)
        return total / PICO_PER_MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An agent at a node."""

    agent: str
    prompt: PromptModel
    members: tuple[Member, ...] = ()
    """In the order in which they are asked."""
    at_once: int = 1
    """So many of the first are asked at the same time, and all are paid for."""
    first_wins: bool = False
    """Of those: whose answer comes first is taken."""
    refused: str = ""
    """Why nobody may serve it."""

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Who may be asked and has no known price."""
        return tuple(m.deployment for m in self.members if not _priced(m.price))


def _priced(price: Price | None) -> bool:
    return price is not None and price.input is not None and price.output is not None


@dataclass(frozen=True, slots=True)
class Asked:
    """What calls have cost, in micro-dollars, written, in tokens, and taken, in milliseconds."""

    cost: Numbers
    answer: Numbers
    ms: Numbers


def ask(use: Use, prompt: Numbers, rng: np.random.Generator) -> Asked:
    """One call for each prompt, with what fails on the way."""
    import numpy as np

    size = len(prompt)
    cost, answer, ms = np.zeros(size), np.zeros(size), np.zeros(size)
    open_ = np.ones(size, dtype=bool)
    together, others = use.members[: use.at_once], use.members[use.at_once :]
    if use.at_once > 1:
        open_ = _together(use, together, prompt, (cost, answer, ms), rng)
    else:
        others = use.members
    for member in others:
        asks = open_.copy()
        for _ in range(MOST_TRIES):
            at = np.flatnonzero(asks)
            if not len(at):
                break
            written, price, took = _attempt(member, prompt[at], rng)
            ended = rng.random(len(at)) < member.failing.ends
            paid = ended | (rng.random(len(at)) < member.failing.paid)
            cost[at] += np.where(paid, price, 0.0)
            ms[at] += took
            answer[at] = np.where(ended, written, answer[at])
            open_[at] = ~ended
            asks[at] = ~ended & (rng.random(len(at)) < member.failing.again)
    return Asked(cost, answer, ms)


def _together(
    use: Use,
    members: Sequence[Member],
    prompt: Numbers,
    totals: tuple[Numbers, Numbers, Numbers],
    rng: np.random.Generator,
) -> Truths:
    """Ask them at the same time; returns for which prompts nobody has answered."""
    import numpy as np

    cost, answer, ms = totals
    open_ = np.ones(len(prompt), dtype=bool)
    fastest = np.full(len(prompt), np.inf)
    for member in members:
        written, price, took = _attempt(member, prompt, rng)
        ended = rng.random(len(prompt)) < member.failing.ends
        cost += price
        answer[:] = np.where(ended & open_, written, answer)
        open_ &= ~ended
        fastest = np.where(ended, np.minimum(fastest, took), fastest)
        np.maximum(ms, took, out=ms)
    if use.first_wins:
        ms[:] = np.where(np.isfinite(fastest), fastest, ms)
    return open_


def _attempt(
    member: Member, prompt: Numbers, rng: np.random.Generator
) -> tuple[Numbers, Numbers, Numbers]:
    import numpy as np

    written = member.answer.draw(prompt, rng)
    pace = member.pace or Pace(0.0, 0.0)
    took = (pace.first_ms + pace.token_ms * written) * np.exp(rng.normal(0, pace.sd, len(prompt)))
    return written, member.cost(prompt, written), took


def paces(
    seen: Sequence[tuple[str, float, float]], declared: Mapping[str, Pace | None]
) -> dict[str, Pace | None]:
    """How long each deployment takes, by what it took: least squares over the answers' lengths.

    Args:
        seen: deployment, tokens written, milliseconds.
        declared: what the fleet says of those with too few.
    """
    import numpy as np

    found = dict(declared)
    for name in declared:
        own = np.array([(out, ms) for d, out, ms in seen if d == name and ms > 0])
        if len(own) < 3:
            continue
        out, ms = own[:, 0], own[:, 1]
        spread = float(((out - out.mean()) ** 2).sum())
        slope = float(((out - out.mean()) * (ms - ms.mean())).sum()) / spread if spread else 0.0
        slope = min(max(slope, 0.0), float(ms.mean() / max(out.mean(), 1.0)))
        first = max(float(ms.mean() - slope * out.mean()), 0.0)
        off = np.log(ms) - np.log(np.maximum(first + slope * out, 0.1))
        found[name] = Pace(first, slope, max(float(off.std()), 0.05))
    return found
