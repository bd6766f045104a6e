"""The page `/diff`: two traces side by side, the first difference marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.records import Hop
from orchestrator.tracing.diff import (
    Aspect,
    Difference,
    HopPair,
    TraceDiff,
    diff_traces,
    headline,
    label,
    summary,
)
from orchestrator.tracing.explain import answered, duration
from orchestrator.viewer.pages import Asked, ViewerState, page

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

MOST_ROWS = 2000
MOST_OPEN = 200
"""So many pairs are shown with what differs; who needs more takes `mesh trace diff --json`."""
_WHOLE = 360
"""Characters of an equal stretch that are shown whole."""
_AROUND = 140
"""Of a longer one: so many beside each change."""
_MOST = 40_000
"""Characters of one text that are shown."""
Mark = Literal["first", "changed", "removed", "added", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One difference as it is shown: in words, or as two texts side by side."""

    aspect: str
    said: str
    counts: bool
    first: bool = False
    before: Sequence[tuple[str, str]] = ()
    """Pieces of the first text: `same`, `removed`, or `gap` for what was left out."""
    after: Sequence[tuple[str, str]] = ()
    """Likewise, with `added`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One hop and its like."""

    mark: Mark
    label: str
    key: str
    """Names the row in the page's address."""
    before: Hop | None
    after: Hop | None
    models: tuple[str, str]
    times: tuple[str, str]
    aspects: Sequence[str]
    parts: Sequence[Part]


def routes(state: ViewerState) -> list[Route]:
    """The page of a diff."""
    from starlette.routing import Route

    return [Route("/diff", page(state, diff))]


def diff(asked: Asked) -> Response:
    """Two traces compared; without two, the form that asks for them."""
    ids = [asked.query.get(name, "").strip() for name in ("a", "b")]
    if not all(ids):
        return asked.render("diff_ask.html", title="Compare", here="diff", ids=ids)
    one, other = (asked.trace(name) for name in ids)
    found = diff_traces(one, asked.store.hops(one.id), other, asked.store.hops(other.id))
    return asked.render(
        "diff.html",
        title="Compare",
        here="diff",
        found=found,
        says=summary(found),
        whole=[_part(d, found) for d in found.differences],
        rows=rows(found),
        first_at=_first_at(found),
        left_out=max(0, len(found.pairs) - MOST_ROWS),
    )


def rows(found: TraceDiff) -> list[Row]:
    """What is shown of each pair."""
    made, opened = [], 0
    for number, pair in enumerate(found.pairs[:MOST_ROWS], 1):
        opened += not pair.same
        parts = [_part(d, found) for d in pair.differences] if opened <= MOST_OPEN else []
        made.append(
            Row(
                mark=_mark(pair, found),
                label=label(pair.hop),
                key=f"h{number}",
                before=pair.before,
                after=pair.after,
                models=(_model(pair.before), _model(pair.after)),
                times=(_time(pair.before), _time(pair.after)),
                aspects=list(dict.fromkeys(str(d.aspect) for d in pair.differences if d.counts)),
                parts=[] if pair.same else parts,
            )
        )
    return made


def _first_at(found: TraceDiff) -> str | None:
    """The row of the first difference, where it lies in one."""
    pair = found.first.pair if found.first else None
    place = next((n for n, known in enumerate(found.pairs, 1) if known is pair), None)
    return f"h{place}" if place else None


def _mark(pair: HopPair, found: TraceDiff) -> Mark:
    if found.first is not None and pair is found.first.pair:
        return "first"
    if pair.before is None or pair.after is None:
        return "added" if pair.before is None else "removed"
    return "same" if pair.same else "changed"


def _model(hop: Hop | None) -> str:
    if hop is None:
        return ""
    used = answered(hop)
    return used.deployment if used else hop.decision.chosen if hop.decision else ""


def _time(hop: Hop | None) -> str:
    return duration(hop.ms) if hop is not None else ""


def _part(difference: Difference, found: TraceDiff) -> Part:
    first = found.first is not None and difference is found.first.difference
    before, after = sides(difference) if difference.is_text else ([], [])
    return Part(
        aspect=_WORDS.get(difference.aspect, str(difference.aspect)),
        said=headline(difference),
        counts=difference.counts,
        first=first,
        before=before,
        after=after,
    )


_WORDS = {Aspect.PRESENCE: "hop", Aspect.PROFILE: "task profile"}


def sides(difference: Difference) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The two texts in pieces, long equal stretches shortened to the same on both sides."""
    before: list[tuple[str, str]] = []
    after: list[tuple[str, str]] = []
    size, pieces = 0, difference.words
    for number, piece in enumerate(pieces):
        if size > _MOST:
            for side in (before, after):
                side.append(("gap", "the rest is left out"))
            break
        if piece.kind != "added":
            before += _shortened(piece.kind, piece.text, number == 0, number == len(pieces) - 1)
        if piece.kind != "removed":
            after += _shortened(piece.kind, piece.text, number == 0, number == len(pieces) - 1)
        size += len(piece.text) if piece.kind != "same" else min(len(piece.text), _WHOLE)
    return before, after


def _shortened(kind: str, text: str, head: bool, tail: bool) -> Iterator[tuple[str, str]]:
    """An equal stretch without its middle; without its beginning where it is the first."""
    if kind != "same" or len(text) <= _WHOLE:
        yield kind, text[:_MOST]
        return
    start = "" if head else text[:_AROUND]
    end = "" if tail else text[-_AROUND:]
    yield "same", start
    yield "gap", f"{len(text) - len(start) - len(end):,} equal characters"
    yield "same", end
