"""One trace: the waterfall, and the way to its other views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.viewer import timeline
from orchestrator.viewer.head import Head, head, reading, stamp_of
from orchestrator.viewer.pages import HEADERS, Asked, ViewerState, page

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

_KNOWN = ("find", "node", "round", "start")


def routes(state: ViewerState) -> list[Route]:
    """The waterfall, and its lines alone."""
    from starlette.routing import Route

    return [
        Route("/t/{id}", page(state, show)),
        Route("/t/{id}/rows", page(state, rows)),
    ]


def show(asked: Asked) -> Response:
    """The page."""
    top = head(asked, "waterfall")
    found = timeline.waterfall(top.trace, top.hops, _part(asked))
    return asked.render("waterfall.html", title=_title(top), here="traces", top=top, found=found)


def rows(asked: Asked) -> Response:
    """The lines of a window or of a group alone, on the scale of the whole trace; 304 where a run
    that goes on has done nothing new."""
    from starlette.responses import Response

    trace = asked.trace(str(asked.path["id"]))
    ended = trace.status not in ("running", "waiting")
    tag = f'"{stamp_of(asked, trace)}"'
    if asked.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "etag": tag})
    hops = reading(asked, trace).hops if ended else asked.store.brief(trace.id)
    found = timeline.waterfall(trace, hops, _part(asked), inside=True)
    answer = asked.render("waterfall_rows.html", found=found, trace=trace, fault="", inside=True)
    answer.headers["etag"] = tag
    if ended and asked.headers.get("if-none-match"):
        answer.headers["x-mesh-ended"] = "1"
    return answer


def _part(asked: Asked) -> timeline.Asked:
    for name in asked.query:
        if name not in _KNOWN:
            raise UserError(f"'{name[:40]}' is nothing that this page knows: {', '.join(_KNOWN)}")
    numbers: dict[str, int | None] = {}
    for name in ("round", "start"):
        text = asked.query.get(name, "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) < 10):
            raise UserError(f"{name}: found '{text[:40]}'; allowed: a whole number")
        numbers[name] = int(text) if text else None
    return timeline.Asked(
        find=asked.query.get("find", "").strip()[:200],
        node=asked.query.get("node", "")[:200],
        round=numbers["round"],
        start=numbers["start"] or 0,
    )


def _title(top: Head) -> str:
    question = " ".join((top.trace.question or top.trace.graph).split())
    return question if len(question) <= 80 else question[:79] + "…"
