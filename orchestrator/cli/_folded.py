"""A trace of thousands of hops on the screen: one row for all hops of a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.cli._show import Screen
from orchestrator.money import total_cost, usd
from orchestrator.tracing.explain import counted, dollars, duration

if TYPE_CHECKING:
    from orchestrator.records import Trace
    from orchestrator.tracing._finding import BriefHop

MOST_ROWS = 40
"""Nodes that get a row of their own, those with most hops first."""


@dataclass(slots=True)
class _Row:
    """All hops of one node."""

    name: str
    hops: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    costs: list[int | None] = field(default_factory=list)
    input: int = 0
    output: int = 0
    ms: float = 0.0
    longest: float = 0.0

    def add(self, hop: BriefHop) -> None:
        self.hops += 1
        self.statuses["invalid" if hop.validated is False else hop.status] += 1
        self.costs.append(hop.cost_micro_usd)
        for a in hop.attempts:
            self.input += a.input
            self.output += a.output
        if hop.attempts:
            self.models[hop.attempts[-1].deployment] += 1
        self.ms += hop.ms
        self.longest = max(self.longest, hop.ms)


def show_folded(screen: Screen, trace: Trace, hops: Sequence[BriefHop]) -> None:
    """The request with its hops counted by node; `work/a` and `work/b` are both of `work`."""
    by_node: dict[str, _Row] = {}
    for hop in hops:
        name = hop.node.partition("/")[0]
        row = by_node.get(name)
        if row is None:
            row = by_node[name] = _Row(name)
        row.add(hop)
    rows = sorted(by_node.values(), key=lambda row: -row.hops)
    screen.print(
        screen.join((trace.id, "strong"), f"  {trace.graph}  {trace.verdict or trace.status}")
    )
    if trace.question:
        screen.prose(screen.short(trace.question, 300), 2)
    failed = sum(row.statuses["failed"] for row in rows)
    cost = total_cost([cost for row in rows for cost in row.costs])
    facts = (
        counted(len(hops), "hop") + (f", {failed:,} failed" if failed else ""),
        f"{sum(row.input for row in rows):,} tokens in, {sum(row.output for row in rows):,} out",
        f"cost {dollars(usd(cost))}",
        duration(trace.ms) if trace.ms else "",
    )
    screen.prose(screen.facts(facts), 2, "quiet")
    screen.print("")
    _table(screen, rows)
    screen.prose(
        f"One hop: mesh trace why {trace.id} NODE. All: mesh trace show {trace.id} --json", 2
    )


def _table(screen: Screen, rows: Sequence[_Row]) -> None:
    right = {"justify": "right", "no_wrap": True}
    table = screen.table(
        screen.names("node", (row.name for row in rows), 0.2),
        ("hops", right),
        screen.names("models", (_most(row.models) for row in rows), 0.3),
        "outcome",
        ("cost", right),
        ("time", right),
        ("longest", right),
    )
    for row in rows[:MOST_ROWS]:
        bad = row.hops - row.statuses["ok"] - row.statuses["skipped"]
        table.add_row(
            row.name,
            f"{row.hops:,}",
            screen.text(_most(row.models), "quiet"),
            screen.text(_counts(row.statuses), "bad" if bad else ""),
            dollars(usd(total_cost(row.costs))) if row.models else "",
            screen.text(duration(row.ms), "quiet"),
            screen.text(duration(row.longest), "quiet"),
        )
    screen.show(table)
    if len(rows) > MOST_ROWS:
        screen.prose(f"and {counted(len(rows) - MOST_ROWS, 'node')} more", 2, "quiet")


def _most(models: Counter[str]) -> str:
    """The model that answered most, and how many others."""
    if not models:
        return ""
    name = models.most_common(1)[0][0]
    return name if len(models) == 1 else f"{name} and {len(models) - 1:,} more"


def _counts(statuses: Counter[str]) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in statuses.most_common())
