"""The waterfall: hops and their attempts as lines with bars, in windows where there are many.

A trace of some hundred hops is shown whole. A longer one is folded by node and round, so that its
page stays small; a group, or what is searched for, is opened in windows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.money import total_cost
from orchestrator.tracing.explain import counted, duration
from orchestrator.viewer.words import key_of, money, spoken

if TYPE_CHECKING:
    from orchestrator.records import Trace
    from orchestrator.tracing._finding import BriefAttempt, BriefHop

WINDOW = 500
"""Hops that are shown at once; more are folded."""
_LEAST = 0.4
"""Percent of the width that the shortest bar takes, so that it is seen."""
_AGAIN = ("retry", "fallback", "repair", "hedge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A piece of the time line; `x` and `width` in percent."""

    x: float
    width: float
    kind: str
    """`model`, `tool`, `group`, or how it differs: `failed`, `again`, `cached`, `resumed`, …"""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row: a hop, an attempt of the one above, or a group of hops."""

    kind: str
    key: str
    """Of the hop in links; of a group empty."""
    label: str
    before: str = ""
    """The beginning of a nested node's name, shown fainter."""
    depth: int = 0
    round: int = 0
    who: str = ""
    model: str = ""
    words: tuple[tuple[str, str], ...] = ()
    """What is to be seen at once: (word that says the tone, text)."""
    cost: int | None = 0
    paid: bool = False
    """A model was asked, so that there is a cost to speak of."""
    ms: float = 0.0
    bars: tuple[Bar, ...] = ()
    node: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The time that the width stands for, in seconds since the epoch and milliseconds."""

    start: float
    ms: float

    def bar(self, at: float, ms: float, kind: str, title: str) -> Bar:
        """From `at` on, so long."""
        x = min(max((at - self.start) * 100_000 / self.ms, 0.0), 100.0)
        width = min(max(ms * 100 / self.ms, _LEAST), 100.0)
        x = min(x, 100.0 - _LEAST)
        return Bar(x=round(x, 3), width=round(min(width, 100 - x), 3), kind=kind, title=title)

    @property
    def ticks(self) -> tuple[str, ...]:
        """What stands at each quarter."""
        return tuple(duration(self.ms * part / 4) if part else "0" for part in range(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the waterfall."""

    find: str = ""
    node: str = ""
    round: int | None = None
    start: int = 0
    """How many of what is found come before the window."""

    @property
    def all(self) -> bool:
        return not self.find and not self.node


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """What is shown of it."""

    lines: tuple[Line, ...]
    scale: Scale
    asked: Asked
    total: int
    """Hops of the trace."""
    found: int
    """Hops that were asked for."""
    folded: bool = False
    shown: int = 0
    groups: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Which sorts of bars there are, with their meaning: the legend."""

    @property
    def next(self) -> int | None:
        """Where the next window starts."""
        end = self.asked.start + self.shown
        return end if end < (self.groups if self.folded else self.found) else None


LEGEND = {
    "model": "answered by a model",
    "tool": "code, no model",
    "failed": "an attempt that failed",
    "again": "retry, fallback, repair or hedge",
    "cached": "answered from the cache",
    "resumed": "taken from the journal, nothing ran",
    "stopped": "stopped or skipped",
    "group": "from the first to the last of a group",
}


def waterfall(
    trace: Trace, hops: Sequence[BriefHop], asked: Asked = Asked(), *, inside: bool = False
) -> Waterfall:
    """The lines of the trace, or of the part that is asked for.

    Args:
        hops: all of the trace, in the order in which they began.
        inside: a part is shown on the scale of the whole.
    """
    found = _found(hops, asked)
    scale = _scale(trace, hops if asked.all or inside or not found else found)
    if asked.all and len(found) > WINDOW:
        groups = list(_groups(found, scale))
        lines = groups[asked.start : asked.start + WINDOW]
        shown, folded = len(lines), True
    else:
        part = found[asked.start : asked.start + WINDOW]
        groups, folded, shown = [], False, len(part)
        lines = [line for hop, depth in _tree(part) for line in _lines(hop, depth, scale)]
    kinds = {bar.kind for line in lines for bar in line.bars}
    return Waterfall(
        lines=tuple(lines),
        scale=scale,
        asked=asked,
        total=len(hops),
        found=len(found),
        folded=folded,
        shown=shown,
        groups=len(groups),
        kinds={kind: words for kind, words in LEGEND.items() if kind in kinds},
    )


def head_of(node: str) -> str:
    """What nodes are folded by: `work` of `work/extract`."""
    return node.partition("/")[0]


def _found(hops: Sequence[BriefHop], asked: Asked) -> list[BriefHop]:
    found = list(hops)
    if asked.node:
        found = [h for h in found if asked.node in (h.node, head_of(h.node))]
    if asked.round is not None:
        found = [h for h in found if h.round == asked.round]
    if asked.find:
        word = asked.find.lower()
        found = [h for h in found if any(word in text.lower() for text in _texts(h))]
    return found


def _texts(hop: BriefHop) -> Iterator[str]:
    yield from (hop.node, hop.role, hop.agent or "", hop.status)
    for a in hop.attempts:
        yield from (a.deployment, a.outcome.replace("_", " "), a.outcome, a.kind)


def _scale(trace: Trace, hops: Sequence[BriefHop]) -> Scale:
    starts = [h.started_at for h in hops if h.started_at] or [trace.started_at]
    ends = [h.started_at + h.ms / 1000 for h in hops] or [trace.started_at]
    start = min(starts)
    return Scale(start=start, ms=max((max(ends) - start) * 1000, 1.0))


# ── folded ───────────────────────────────────────────────────────────────────────────────


def _groups(hops: Iterable[BriefHop], scale: Scale) -> Iterator[Line]:
    """One line for each node and round, in the order in which they began."""
    held: dict[tuple[str, int], list[BriefHop]] = {}
    for hop in hops:
        held.setdefault((head_of(hop.node), hop.round), []).append(hop)
    for (node, number), group in held.items():
        start = min(h.started_at for h in group)
        end = max(h.started_at + h.ms / 1000 for h in group)
        states = Counter(h.status for h in group)
        words = tuple((s, f"{n:,} {spoken(s)}") for s, n in states.most_common() if s != "ok")
        tried = [a for h in group for a in h.attempts]
        again = sum(a.kind in _AGAIN for a in tried)
        if again:
            words += (("retry", counted(again, "further attempt")),)
        models = Counter(h.attempts[-1].deployment for h in group if h.attempts)
        named = [name for name, _ in models.most_common(2)]
        more = f" +{len(models) - 2}" if len(models) > 2 else ""
        title = f"{counted(len(group), 'hop')}, {duration((end - start) * 1000)}"
        kind = "failed" if states.get("failed") else "group"
        yield Line(
            kind="group",
            key="",
            label=node,
            node=node,
            round=number,
            count=len(group),
            model=", ".join(named) + more,
            words=words,
            cost=total_cost([h.cost_micro_usd for h in group]),
            paid=bool(tried),
            ms=(end - start) * 1000,
            bars=(scale.bar(start, (end - start) * 1000, kind, title),),
        )


# ── single hops ──────────────────────────────────────────────────────────────────────────


def _tree(hops: Sequence[BriefHop]) -> Iterator[tuple[BriefHop, int]]:
    """Parents first, each with what hangs below it; never deeper than the records say."""
    ids = {h.id for h in hops}
    below: dict[str | None, list[BriefHop]] = {}
    for hop in hops:
        parent = hop.parent_id if hop.parent_id in ids and hop.parent_id != hop.id else None
        below.setdefault(parent, []).append(hop)
    seen: set[str] = set()
    waiting = [(hop, 0) for hop in reversed(below.get(None, ()))]
    while waiting:
        hop, depth = waiting.pop()
        seen.add(hop.id)
        yield hop, depth
        waiting += [(h, depth + 1) for h in reversed(below.get(hop.id, ())) if h.id not in seen]
    yield from ((hop, 0) for hop in hops if hop.id not in seen)  # a circle of parents


def _lines(hop: BriefHop, depth: int, scale: Scale) -> Iterator[Line]:
    before, slash, label = hop.node.rpartition("/")
    tried = hop.attempts
    used = tried[-1] if tried and hop.status == "ok" else None
    yield Line(
        kind="hop",
        key=key_of(hop.id, hop.trace_id),
        label=label,
        before=before + slash,
        depth=depth,
        round=hop.round,
        who=hop.agent or hop.role,
        model=used.deployment if used else (tried[-1].deployment if tried else ""),
        words=tuple(_words(hop)),
        cost=hop.cost_micro_usd,
        paid=bool(tried),
        ms=hop.ms,
        bars=tuple(_bars(hop, scale)),
        node=hop.node,
    )
    if len(tried) > 1 or any(a.outcome != "ok" for a in tried):
        for number, a in enumerate(tried, 1):
            yield _attempt(hop, a, number, depth, scale)


def _words(hop: BriefHop) -> Iterator[tuple[str, str]]:
    kinds = Counter(a.kind for a in hop.attempts)
    if hop.resumed:
        yield "resumed", "resumed"
    else:
        yield hop.status, spoken(hop.status)
    if hop.validated is False:
        yield "failed", "invalid"
    for kind in ("cached", "fallback", "retry", "repair", "hedge"):
        if kinds[kind]:
            yield kind, kind if kinds[kind] == 1 else f"{kinds[kind]}× {kind}"
    if hop.ending in ("continued", "restarted", "incomplete"):
        yield "retry", hop.ending


def _bars(hop: BriefHop, scale: Scale) -> Iterator[Bar]:
    title = f"{hop.node}: {spoken(hop.status)}, {duration(hop.ms)}"
    if hop.resumed:
        yield scale.bar(hop.started_at, hop.ms, "resumed", f"{title}, resumed")
    elif not hop.attempts:
        kind = {"failed": "failed", "cancelled": "stopped", "skipped": "stopped"}
        yield scale.bar(hop.started_at, hop.ms, kind.get(hop.status, "tool"), title)
    else:
        yield scale.bar(hop.started_at, hop.ms, "span", title)
        for a in hop.attempts:
            yield scale.bar(a.started_at, a.ms, _kind(a), _told(a))


def _kind(a: BriefAttempt) -> str:
    if a.kind == "cached":
        return "cached"
    if a.outcome in ("cancelled", "skipped_open", "busy"):
        return "stopped"
    if a.outcome not in ("ok", "unsure"):
        return "failed"
    return "again" if a.kind in _AGAIN else "model"


def _told(a: BriefAttempt) -> str:
    kind = "" if a.kind == "first" else f" ({a.kind})"
    cost = money(a.cost_micro_usd)
    return f"{a.deployment}{kind}: {spoken(a.outcome)}, {duration(a.ms)}, {cost}"


def _attempt(hop: BriefHop, a: BriefAttempt, number: int, depth: int, scale: Scale) -> Line:
    return Line(
        kind="attempt",
        key=key_of(hop.id, hop.trace_id),
        label=f"attempt {number}",
        depth=depth + 1,
        who="" if a.kind == "first" else a.kind,
        model=a.deployment,
        words=((a.outcome, spoken(a.outcome)),),
        cost=a.cost_micro_usd,
        paid=True,
        ms=a.ms,
        bars=(scale.bar(a.started_at, a.ms, _kind(a), _told(a)),),
        node=hop.node,
    )
