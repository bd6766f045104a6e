"""One strong call, a cheap one that may lead to a better one, or cheap ones that must agree:
whichever is worth most by expected cost and quality.

All of them are plans of `_beliefs`: a plan that asks one model and gives its answer is a single
call. What is worth most is said by the policy: what an error costs; or the least cost that reaches
the quality floor; or the best quality under the cap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orchestrator.money import MICRO_USD
from orchestrator.routing._beliefs import MOST, Beliefs, Play
from orchestrator.routing._rank import siblings_first
from orchestrator.routing._rules import Facts, Rule
from orchestrator.routing._strategy import Aim, Plan
from orchestrator.types import Agreement, Move, Tactics

_RATES = (1e-9, 1e6)
"""Between the worth of a micro-dollar next to nothing, in quality, and more than all quality."""
_HALVINGS = 12


class Weighed(NamedTuple):
    """Whom to ask, in their order, and how."""

    members: list[Facts]
    play: Play

    @property
    def alone(self) -> bool:
        """Whether it is one call."""
        return len(self.members) == 1


def plan_by_worth(
    aim: Aim,
    reach: list[Facts],
    below: list[Facts],
    cap: Rule | None,
    agreement: Agreement | None,
) -> Plan | None:
    """The plan that is worth most by the aim; `None` where it is no better than by rank: nobody's
    price is known, or nobody reaches the quality floor.

    Args:
        reach, below: by rank, as in `_strategy.plan`.
        cap: the tightest limit on the cost of a call.
    """
    found = weighed([*reach, *below], agreement, aim, cap) if reach else None
    if found is None:
        return None
    members, play = found.members, found.play
    taken = {f.deployment.id for f in members}
    others = [f for f in (*reach, *below) if f.deployment.id not in taken]
    if found.alone:
        note, cost = "", members[0].cost
        if agreement is None:
            note = f"{aim.origin}: how answers agree is not known here, so one is asked alone"
        order = siblings_first([*members, *others])
        return Plan(order, tactics=Tactics(origin=aim.origin), note=note, least=cost, most=cost)
    tactics = Tactics(
        models=len(members), start="in_turn", moves=play.moves, origin=aim.origin, agree=2
    )
    note = (
        f"{aim.origin}: up to {len(members)} in turn are expected to answer right "
        f"{play.quality:.0%} of the time for ${play.cost / MICRO_USD:.6f}"
    )
    least, most = members[0].cost, math.ceil(play.most)
    return Plan([*members, *others], "panel", tactics, note=note, least=least, most=most)


def weighed(
    order: Sequence[Facts], agreement: Agreement | None, aim: Aim, cap: Rule | None
) -> Weighed | None:
    """The plan for those that may be asked; `None` where nobody's price is known.

    Args:
        order: by rank; of a model's deployments the first counts.
        agreement: without it only single calls are compared.
        cap: the tightest limit on the cost of a call, which all together must keep.
    """
    known = [f for f in order if f.cost is not None]
    if not known:
        return None
    choose = _choice(aim)
    plans = [_single(f) for f in known]
    members = _members(known, agreement, cap)
    if len(members) > 1 and agreement is not None:
        costs = [float(f.cost or 0) for f in members]
        beliefs = Beliefs([f.expected for f in members], agreement.spread, agreement.variety)
        plans += [Weighed(members, play) for play in _plays(beliefs, costs, aim)]
    return _only_asked(choose(plans))


def _members(known: Sequence[Facts], agreement: Agreement | None, cap: Rule | None) -> list[Facts]:
    """One deployment of each model that is worth asking, the cheapest first."""
    first: dict[str, Facts] = {}
    for f in known:
        first.setdefault(f.deployment.model, f)
    wanted = () if agreement is None else agreement.models
    found = [first[model] for model in wanted if model in first][:MOST]
    found.sort(key=lambda f: (f.cost or 0, f.deployment.id))
    left = None if cap is None else round(cap.required * MICRO_USD)
    while left is not None and sum(f.cost or 0 for f in found) > left:
        found.pop()
    return found


def _plays(beliefs: Beliefs, costs: Sequence[float], aim: Aim) -> Iterator[Play]:
    """Plans that the aim may choose from."""
    if aim.error_usd is not None:
        play = beliefs.best(costs, 1 / (aim.error_usd * MICRO_USD))
        yield play
        if play.quality >= aim.floor:
            return
    low, high = _RATES
    yield beliefs.best(costs, low)
    if aim.floor:
        for _ in range(_HALVINGS):
            middle = (low * high) ** 0.5
            play = beliefs.best(costs, middle)
            yield play
            low, high = (middle, high) if play.quality >= aim.floor else (low, middle)


def _choice(aim: Aim) -> Callable[[Sequence[Weighed]], Weighed]:
    def worth(plan: Weighed) -> tuple[float, ...]:
        quality, cost = plan.play.quality, plan.play.cost
        if quality < aim.floor:
            return (0.0, quality)
        if aim.error_usd is not None:
            return (1.0, quality * aim.error_usd - cost / MICRO_USD)
        return (1.0, quality, -cost) if aim.best else (1.0, -cost, quality)

    def choose(plans: Sequence[Weighed]) -> Weighed:
        return max(plans, key=worth)  # of equals the first: a single call, by rank

    return choose


def _single(f: Facts) -> Weighed:
    cost = float(f.cost or 0)
    moves = {"": Move(0, False, 0.0), "a": Move(0, True, f.expected)}
    return Weighed([f], Play(f.expected, cost, (1.0,), cost, moves))


def _only_asked(plan: Weighed) -> Weighed:
    """Without those that it never asks."""
    play = plan.play
    kept = [place for place, share in enumerate(play.asked) if share > 0]
    if len(kept) == len(plan.members):
        return plan
    moves = {
        "".join(pattern[place] for place in kept if place < len(pattern)): Move(
            kept.index(move.place), move.gives, move.sure
        )
        for pattern, move in play.moves.items()
    }
    asked = tuple(play.asked[place] for place in kept)
    fewer = Play(play.quality, play.cost, asked, play.most, moves)
    return Weighed([plan.members[place] for place in kept], fewer)
