"""One hop: why its model was chosen, what it was asked and said, what that rests on and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.money import Price
from orchestrator.tracing.diagnosis import Suspect
from orchestrator.tracing.explain import why_chosen, why_hop
from orchestrator.viewer.evidence import evidence
from orchestrator.viewer.funnel import funnel
from orchestrator.viewer.head import hop_of, reading
from orchestrator.viewer.kept import kept
from orchestrator.viewer.pages import Asked, ViewerState, page
from orchestrator.viewer.sources import Sources

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.records import Attempt, Hop
    from orchestrator.tracing._finding import BriefHop

_PICO_A_MILLION = 1_000_000
"""Pico-dollars a token of a price of one dollar a million tokens."""


def routes(state: ViewerState) -> list[Route]:
    """The page of a hop."""
    from starlette.routing import Route

    return [Route("/t/{id}/h/{hop:path}", page(state, show))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """An attempt, with the price that it was paid at."""

    attempt: Attempt
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The hops before and after it."""

    number: int
    total: int
    before: BriefHop | None
    after: BriefHop | None


def show(asked: Asked) -> Response:
    """The page."""
    trace = asked.trace(str(asked.path["id"]))
    hop = hop_of(asked, trace)
    read = reading(asked, trace)
    return shown(asked, hop, read.hops, read.diagnosis.suspects)


def shown(
    asked: Asked, hop: Hop, brief: Sequence[BriefHop], suspects: Sequence[Suspect]
) -> Response:
    """The page of a hop, where what speaks against the hops of its trace is known already."""
    trace = asked.trace(hop.trace_id)
    decision = hop.decision
    sources = Sources(Path(asked.mesh.project.root), asked.mesh.storage)
    return asked.render(
        "hop.html",
        title=f"{hop.node} · {trace.question or trace.graph}"[:100],
        here="traces",
        trace=trace,
        hop=hop,
        why=why_chosen(decision) if decision is not None else why_hop(hop).splitlines()[0],
        suspect=_suspect(suspects, hop),
        culprit=bool(suspects) and suspects[0].hop_id == hop.id,
        around=_around(brief, hop),
        prompt=kept(trace, hop, "prompt"),
        output=kept(trace, hop, "output"),
        evidence=evidence(hop.output, sources),
        funnel=funnel(decision) if decision is not None else None,
        paid=_paid(asked, hop),
    )


def _suspect(suspects: Sequence[Suspect], hop: Hop) -> Suspect | None:
    return next((s for s in suspects if s.hop_id == hop.id), None)


def _around(brief: Sequence[BriefHop], hop: Hop) -> Around:
    at = next((n for n, h in enumerate(brief) if h.id == hop.id), 0)
    return Around(
        number=at + 1,
        total=len(brief),
        before=brief[at - 1] if at else None,
        after=brief[at + 1] if at + 1 < len(brief) else None,
    )


def _paid(asked: Asked, hop: Hop) -> tuple[Paid, ...]:
    """The attempts, each with the price that its deployment had when it was decided."""
    fleet = hop.decision and asked.store.snapshot(hop.decision.fleet_hash)
    prices = {d.id: d.price for d in fleet.deployments} if fleet else {}
    return tuple(
        Paid(attempt=a, price=price_words(prices.get(a.deployment), known=bool(fleet)))
        for a in hop.attempts
    )


def price_words(price: Price | None, *, known: bool) -> str:
    """`$0.25 in, $2 out` a million tokens."""
    if not known:
        return "not on record"
    if price is None:
        return "unknown"
    if price.input == price.output == 0 and not price.per_image:
        return "free"
    told = (("in", price.input), ("out", price.output), ("cached", price.cache_read))
    parts = [f"{_a_million(value)} {name}" for name, value in told if value is not None]
    return ", ".join(parts) or "unknown"


def _a_million(pico: int) -> str:
    return f"${pico / _PICO_A_MILLION:,.6g}"
