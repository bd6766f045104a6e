"""The list of traces: search, filters that a link shares, pages by keyset, news as they come."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.project.names import nearest
from orchestrator.project.vocabulary import tasks
from orchestrator.tracing.wanted import (
    FIELDS,
    OUTCOMES,
    STATUSES,
    VERDICTS,
    Place,
    read_wanted,
)
from orchestrator.viewer.pages import HEADERS, Asked, NavEntry, ViewerState, page

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.project.schema import Project
    from orchestrator.records import Trace
    from orchestrator.tracing._finding import Sums

NAV = NavEntry(key="traces", label="Traces", path="/")
PAGE = 50
"""Traces on a page."""
_AFTER = "after"
_SPOKEN = {"q": "text", "cost_from": "cost from", "cost_to": "cost to"}


def routes(state: ViewerState) -> list[Route]:
    """The list, and its rows alone for who watches it."""
    from starlette.routing import Route

    return [Route("/", page(state, show)), Route("/rows", page(state, rows))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list."""

    trace: Trace
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the address asks for."""

    said: Mapping[str, str]
    problems: Mapping[str, str]
    rows: tuple[Row, ...] = ()
    older: str = ""
    """The place behind which the next page begins; empty where there is none."""

    @property
    def filtered(self) -> bool:
        return bool(self.said)

    @property
    def stamp(self) -> str:
        """Another one as soon as any line reads differently."""
        told = [
            (r.trace.id, r.trace.status, r.trace.verdict, r.trace.cost_micro_usd, r.sums)
            for r in self.rows
        ]
        return hashlib.sha256(repr(told).encode("utf-8", "replace")).hexdigest()[:20]


def listed(asked: Asked) -> Listed:
    """The traces that the address asks for, as far as it can be understood: a filter that is
    wrong is told, and finds nothing."""
    from orchestrator.tracing._finding import Sums

    said = {k: v.strip() for k, v in asked.query.items() if v.strip() and k != _AFTER}
    read = read_wanted(said, time.time())
    problems = dict(read.problems)
    after = _after(asked, problems)
    if problems:
        return Listed(said=said, problems=problems)
    wanted = replace(read.wanted, workspace=asked.visitor.workspace)
    found = asked.store.find(wanted, PAGE + 1, after=after)
    shown = found[:PAGE]
    sums = asked.store.sums([trace.id for trace in shown])
    made = tuple(Row(trace=t, sums=sums.get(t.id, Sums())) for t in shown)
    older = str(Place.of(shown[-1])) if len(found) > PAGE else ""
    return Listed(said=said, problems={}, rows=made, older=older)


def _after(asked: Asked, problems: dict[str, str]) -> Place | None:
    text = asked.query.get(_AFTER, "")
    try:
        return Place.read(text) if text else None
    except ValueError as error:
        problems[_AFTER] = str(error)
        return None


def show(asked: Asked) -> Response:
    """The page."""
    found = listed(asked)
    project = asked.mesh.project
    return asked.render(
        "list.html",
        status=400 if found.problems else 200,
        title="Traces",
        here="traces",
        found=found,
        first=_AFTER not in asked.query,
        fields=FIELDS,
        spoken=_SPOKEN,
        known=_known(project),
        near=_near(found.said, project),
        one_workspace=asked.visitor.workspace,
    )


def rows(asked: Asked) -> Response:
    """The lines alone; 304 where they read as before."""
    from starlette.responses import Response

    found = listed(asked)
    tag = f'"{found.stamp}"'
    if asked.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "etag": tag})
    answer = asked.render("list_rows.html", found=found, status=400 if found.problems else 200)
    answer.headers["etag"] = tag
    return answer


def _known(project: Project) -> Mapping[str, Sequence[str]]:
    """What can be chosen; models, tasks and graphs of the past may be others, and can be typed."""
    return {
        "task": tasks(project),
        "model": sorted(project.fleet.models),
        "graph": sorted(project.graphs),
        "outcome": OUTCOMES,
        "verdict": VERDICTS,
        "status": STATUSES,
    }


def _near(said: Mapping[str, str], project: Project) -> Mapping[str, str]:
    """For names that the project does not know, the one that was most likely meant."""
    known, found = _known(project), {}
    for name in ("task", "model", "graph"):
        text, names = said.get(name, ""), known[name]
        if text and "/" not in text and text not in names and (near := nearest(text, names)):
            found[name] = near
    return found
