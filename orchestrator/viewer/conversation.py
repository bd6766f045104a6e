"""One trace as a conversation: what each model was asked and what it said, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.viewer.head import head
from orchestrator.viewer.kept import KeptText, kept
from orchestrator.viewer.pages import Asked, ViewerState, page
from orchestrator.viewer.words import short

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.records import Hop

WINDOW = 40
"""Turns on a page, each with its texts."""


def routes(state: ViewerState) -> list[Route]:
    """The conversation of a trace."""
    from starlette.routing import Route

    return [Route("/t/{id}/conversation", page(state, show))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A hop as a turn: what was asked, what was said."""

    hop: Hop
    prompt: KeptText
    output: KeptText


def show(asked: Asked) -> Response:
    """The page: hops that asked somebody, in windows."""
    top = head(asked, "conversation")
    spoke = [h for h in top.hops if h.attempts or h.role == "person"]
    start = _start(asked)
    ids = [h.id for h in spoke[start : start + WINDOW]]
    order = {name: place for place, name in enumerate(ids)}
    hops = sorted(asked.store.some_hops(top.trace.id, ids), key=lambda hop: order[hop.id])
    turns = [
        Turn(hop=hop, prompt=kept(top.trace, hop, "prompt"), output=kept(top.trace, hop, "output"))
        for hop in hops
    ]
    return asked.render(
        "conversation.html",
        title=f"{short(top.trace.question or top.trace.graph, 80)} · conversation",
        here="traces",
        top=top,
        turns=turns,
        start=start,
        spoke=len(spoke),
        window=WINDOW,
    )


def _start(asked: Asked) -> int:
    text = asked.query.get("start", "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UserError(f"start: found '{text[:40]}'; allowed: a whole number")
    return int(text or 0)
