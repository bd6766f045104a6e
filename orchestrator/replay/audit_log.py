"""Requests of a foreign log, profiled and priced as our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.fleet.prices import price_list
from orchestrator.money import Price, Usage
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.audit import Request, shortened
from orchestrator.replay.logs import Logged, read_log
from orchestrator.routing.profile import Profiler
from orchestrator.types import FleetSnapshot


def logged_requests(
    path: Path,
    profiler: Profiler,
    policy: Policy,
    fleet: FleetSnapshot,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> tuple[list[Request], tuple[str, ...]]:
    """The requests of a log, and what was not read of it.

    What the log does not say of costs is told by the fleet's price for the model, or by the price
    list; else it is unknown.

    Raises:
        UserError: it cannot be read, or holds no request.
    """
    log = read_log(path, lambda lines: progress("lines", lines, 0))
    problems = tuple(log.problems(path.name))
    if not log.requests:
        said = f": {problems[0]}" if problems else "; it is empty"
        raise UserError(f"{path} holds no request of an OpenAI-shaped service{said}")
    prices = _Prices(fleet)
    found = []
    for number, logged in enumerate(log.requests):
        if number % 200 == 0:
            progress("profiles", number, len(log.requests))
        found.append(_request(logged, profiler, policy, prices))
    return found, problems


def _request(logged: Logged, profiler: Profiler, policy: Policy, prices: _Prices) -> Request:
    profile = profiler.profile(
        logged.text,
        data_class=policy.default_data_class,
        input_tokens=logged.usage.input,
        needs=logged.needs,
        most_output_tokens=logged.most_output_tokens,
        values=False,
    )
    cost = logged.micro_usd
    return Request(
        profile=profile,
        model=logged.model,
        usage=logged.usage,
        micro_usd=prices.cost(logged.model, logged.usage) if cost is None else cost,
        example=shortened(logged.question),
    )


class _Prices:
    """What models of any name cost."""

    def __init__(self, fleet: FleetSnapshot) -> None:
        self._known: dict[str, Price | None] = {}
        for d in fleet.deployments:
            for name in (d.target, d.model, d.id):
                self._known.setdefault(name, d.price)

    def cost(self, model: str, usage: Usage) -> int | None:
        """Micro-dollars; `None` where nobody knows its price."""
        if model not in self._known:
            listed = price_list().find(model)
            self._known[model] = listed.price if listed else None
        price = self._known[model]
        return price.cost(usage) if price else None
