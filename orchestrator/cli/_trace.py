"""Recorded requests on the screen: a list of them, and one as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.cli._show import Screen, Tone
from orchestrator.errors import UserError
from orchestrator.money import total_cost, usd
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.explain import (
    answered,
    counted,
    dollars,
    duration,
    in_words,
    kind_of,
)
from orchestrator.types import Outcome

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.tracing.store import TraceStore

WIDE = 110
"""Columns from which the list has room for the graph's name."""
SHORT_ID = 12
"""Characters of an id in the list: the time to the millisecond, and some chance."""
_TONES: Mapping[str, Tone] = {
    "accepted": "good",
    "revised": "good",
    "ok": "good",
    "abstained": "warn",
    "running": "warn",
    "waiting": "warn",
    "failed": "bad",
    "cancelled": "warn",
    "unknown": "warn",
}


def show_list(screen: Screen, traces: Sequence[Trace], *, now: float) -> None:
    """One row a request; `now` in seconds since the epoch."""
    if not traces:
        screen.print('Nothing has been recorded yet. Try: mesh ask "QUESTION"')
        return
    right = {"justify": "right", "no_wrap": True}
    wide = screen.width >= WIDE
    graphs = max(len(trace.graph) for trace in traces) + 2 if wide else 0
    room = screen.width - 60 - graphs
    table = screen.table(
        ("id", {"no_wrap": True}),
        ("when", {"no_wrap": True, "justify": "right"}),
        *([("graph", {"no_wrap": True})] if wide else []),
        ("result", {"no_wrap": True}),
        ("cost", right),
        ("time", right),
        ("question", {}),
    )
    for trace in traces:
        result = trace.verdict or trace.status
        running = trace.status == "running"
        table.add_row(
            trace.id[:SHORT_ID],
            screen.text(_ago(now - trace.started_at), "quiet"),
            *([screen.text(trace.graph)] if wide else []),
            screen.text(result, _TONES[result]),
            "" if running else dollars(usd(trace.cost_micro_usd)),
            "" if running else duration(trace.ms),
            screen.text(screen.short(trace.question or "", room), "quiet"),
        )
    screen.show(table, indent=0)


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"


def show_trace(screen: Screen, trace: Trace, hops: Sequence[Hop]) -> None:
    """The request as a tree: hops below their parents, attempts below hops that had several."""
    result = trace.verdict or trace.status
    cost = total_cost([h.cost_micro_usd for h in hops]) if hops else trace.cost_micro_usd
    screen.print(screen.join((trace.id, "strong"), f"  {trace.graph}  ", (result, _TONES[result])))
    if trace.question:
        screen.prose(screen.short(trace.question, 300), 2)
    if trace.origin:
        screen.prose(f"repeats {trace.origin} from one of its steps on", 2, "quiet")
    tokens = [a.usage for h in hops for a in h.attempts]
    failed = sum(h.status == "failed" for h in hops)
    facts = (
        counted(len(hops), "hop") + (f", {failed} failed" if failed else ""),
        f"{sum(u.input for u in tokens):,} tokens in, {sum(u.output for u in tokens):,} out",
        f"cost {dollars(usd(cost))}",
        duration(trace.ms) if trace.ms else "",
    )
    screen.prose(screen.facts(facts), 2, "quiet")
    if trace.error:
        screen.prose(trace.error, 2, "bad")
    screen.print("")
    right = {"justify": "right", "no_wrap": True}
    rows = list(_tree(screen, hops))
    table = screen.table(
        screen.names("hop", _labels(rows), 0.25),
        screen.names("model", (a.deployment for h in hops for a in h.attempts)),
        "outcome",
        ("tokens", right),
        ("cost", right),
        ("time", right),
    )
    for guide, hop in rows:
        _rows(screen, table, guide, hop)
    screen.show(table)


def _labels(rows: Sequence[tuple[str, Hop]]) -> Iterator[str]:
    """What stands in the first column: hops, and the attempts below them."""
    for guide, hop in rows:
        yield f"{guide}{_name(hop)}"
        if _listed(hop):
            yield _attempt_label(guide, len(hop.attempts))


def _listed(hop: Hop) -> bool:
    """Whether its attempts get rows of their own."""
    return len(hop.attempts) > 1 or any(a.outcome is not Outcome.OK for a in hop.attempts)


def _attempt_label(guide: str, number: int) -> str:
    return f"{' ' * len(guide)}  attempt {number}"


def _name(hop: Hop) -> str:
    return f"{hop.node} #{hop.round + 1}" if hop.round else hop.node


def _rows(screen: Screen, table: Table, guide: str, hop: Hop) -> None:
    used = answered(hop)
    chosen = hop.decision.chosen if hop.decision else ""
    if hop.role == "person":
        chosen = hop.agent or ""
    outcome: str = "resumed" if hop.resumed else hop.status
    if hop.validated is not None and hop.status == "ok":
        outcome += ", valid" if hop.validated else ", invalid"
    if used is not None and used.kind == "cached":
        outcome += ", cached"
    elif hop.decision and hop.decision.strategy != "single":
        outcome += f", {hop.decision.strategy}"
    tokens = _tokens(screen, hop.attempts)
    table.add_row(
        screen.join((guide, "quiet"), _name(hop)),
        screen.text(used.deployment if used else chosen, "" if used else "quiet"),
        screen.text(outcome, "bad" if hop.status == "failed" else ""),
        tokens,
        dollars(usd(hop.cost_micro_usd)) if hop.attempts else "",
        screen.text(duration(hop.ms), "quiet"),
    )
    if not _listed(hop):
        return
    for number, a in enumerate(hop.attempts, 1):
        good = a.outcome is Outcome.OK
        table.add_row(
            screen.text(_attempt_label(guide, number), "quiet"),
            screen.text(a.deployment, "quiet"),
            screen.text(in_words(a.outcome) + kind_of(a, ", {}"), "good" if good else "warn"),
            screen.text(_tokens(screen, [a]), "quiet"),
            screen.text(dollars(usd(a.cost_micro_usd)), "quiet"),
            screen.text(duration(a.ms), "quiet"),
        )


def _tokens(screen: Screen, attempts: Sequence[Attempt]) -> str:
    """With `~` where they were counted here, since the provider said nothing."""
    taken = sum(a.usage.input for a in attempts)
    made = sum(a.usage.output for a in attempts)
    about = "~" if any(a.usage.estimated for a in attempts) else ""
    return f"{about}{_count(taken)} {screen.sign('to')} {_count(made)}" if taken or made else ""


def _count(tokens: int) -> str:
    return f"{tokens / 1000:.1f}k" if tokens >= 1000 else str(tokens)


def _tree(screen: Screen, hops: Sequence[Hop]) -> Iterator[tuple[str, Hop]]:
    """Each hop with the lines that lead to it, parents first."""
    children: dict[str | None, list[Hop]] = {}
    ids = {h.id for h in hops}
    for hop in hops:
        children.setdefault(hop.parent_id if hop.parent_id in ids else None, []).append(hop)
    fork, last, down = ("├ ", "└ ", "│ ") if screen.symbols else ("|- ", "`- ", "|  ")

    def walk(parent: str | None, lead: str) -> Iterator[tuple[str, Hop]]:
        below = children.get(parent, [])
        for index, hop in enumerate(below):
            ends = index == len(below) - 1
            yield lead + (last if ends else fork), hop
            yield from walk(hop.id, lead + (" " * len(down) if ends else down))

    return walk(None, "")


def find_trace(store: TraceStore, wanted: str | None) -> Trace:
    """The trace of that id, or beginning of one; `None`: the latest."""
    if wanted is not None:
        return store.trace(wanted)
    latest = store.traces(1)
    if not latest:
        raise UserError('nothing has been recorded yet; try: mesh ask "QUESTION"')
    return latest[0]
