"""One trace as a graph: the declared nodes as they ran, and the plan's subtasks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orchestrator.money import total_cost
from orchestrator.tracing.explain import counted, duration
from orchestrator.viewer.drawing import Drawing, Edge, Node, draw
from orchestrator.viewer.head import Head, head
from orchestrator.viewer.pages import Asked, ViewerState, page
from orchestrator.viewer.timeline import head_of
from orchestrator.viewer.words import key_of, money, query, segment, short, spoken

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.graph.draw import Picture
    from orchestrator.project.schema import Graph
    from orchestrator.tracing._finding import BriefHop

MOST = 60
"""Nodes of a trace whose graph is not declared any more."""
_WORST = ("failed", "unknown", "cancelled", "ok", "skipped")
_SUBTASKS = 24
_NOT_RUN = "not run"


def routes(state: ViewerState) -> list[Route]:
    """The graph of a trace."""
    from starlette.routing import Route

    return [Route("/t/{id}/graph", page(state, show))]


def show(asked: Asked) -> Response:
    """The page."""
    top = head(asked, "graph")
    link = f"{asked.base}/t/{segment(top.trace.id)}"
    declared = asked.mesh.project.graphs.get(top.trace.graph)
    ran = _by(top.hops, lambda hop: head_of(hop.node))
    if declared is None:
        drawing, why = _from_hops(top, ran, link)
    else:
        drawing, why = _from_graph(top, declared, ran, link), ""
        if asked.mesh.project.hash != top.trace.project_hash:
            why = "Drawn as the project declares it now; it has changed since this ran."
    plan = _plan(asked, top)
    return asked.render(
        "graph.html",
        title=f"{short(top.trace.question or top.trace.graph, 80)} · graph",
        here="traces",
        top=top,
        drawing=drawing,
        why=why,
        plan=_plan_drawing(top, plan, link) if plan else None,
        states=_states(ran),
    )


def _by(hops: Sequence[BriefHop], name: Any) -> dict[str, list[BriefHop]]:
    found: dict[str, list[BriefHop]] = {}
    for hop in hops:
        found.setdefault(name(hop), []).append(hop)
    return found


def _states(ran: Mapping[str, Sequence[BriefHop]]) -> Sequence[tuple[str, str]]:
    counts = Counter(_state(hops) for hops in ran.values())
    return [(state, f"{number} {spoken(state)}") for state, number in counts.most_common()]


# ── nodes ────────────────────────────────────────────────────────────────────────────────


def _state(hops: Sequence[BriefHop]) -> str:
    """The worst that became of them; resumed where nothing of it ran."""
    if hops and all(h.resumed for h in hops):
        return "resumed"
    states = {h.status for h in hops}
    return next((state for state in _WORST if state in states), "running")


def _node(top: Head, name: str, does: str, hops: Sequence[BriefHop], link: str) -> Node:
    if not hops:
        return Node(name=name, does=does, state="skipped", told=_NOT_RUN)
    start = min(h.started_at for h in hops)
    ms = (max(h.started_at + h.ms / 1000 for h in hops) - start) * 1000
    tried = [a for h in hops for a in h.attempts]
    kinds = Counter(a.kind for a in tried)
    state = _state(hops)
    parts = [spoken(state), counted(len(hops), "hop") if len(hops) > 1 else "", duration(ms)]
    parts += [money(total_cost([h.cost_micro_usd for h in hops])) if tried else ""]
    parts += [kind for kind in ("fallback", "retry", "repair", "cached") if kinds[kind]]
    models = list(dict.fromkeys(h.attempts[-1].deployment for h in hops if h.attempts))
    fault = any(h.id == top.fault for h in hops)
    if len(hops) == 1:
        href = f"{link}/h/{segment(key_of(hops[0].id, top.trace.id))}"
    else:
        href = link + query({"node": name})
    return Node(
        name=name,
        does=does if does != name else "",
        model=", ".join(models[:2]) + (f" +{len(models) - 2}" if len(models) > 2 else ""),
        state=state,
        told=" · ".join(part for part in parts if part) + (" · likely fault" if fault else ""),
        href=href,
        fault=fault,
    )


def _from_graph(
    top: Head, graph: Graph, ran: Mapping[str, Sequence[BriefHop]], link: str
) -> Drawing:
    from orchestrator.graph.draw import picture

    drawn = picture(graph)
    nodes = [
        Node(name=box.name, round=True)
        if box.kind in ("start", "end")
        else _node(top, box.name, box.does, ran.get(box.name, ()), link)
        for box in drawn.boxes
    ]
    return draw(nodes, list(_edges(drawn, ran)))


def _edges(drawn: Picture, ran: Mapping[str, Sequence[BriefHop]]) -> Iterator[Edge]:
    ends = {box.name for box in drawn.boxes if box.kind in ("start", "end")}
    for arrow in drawn.arrows:
        there = all(name in ends or name in ran for name in (arrow.source, arrow.target))
        again = any(h.round for h in ran.get(arrow.target, ()))
        yield Edge(
            source=arrow.source,
            target=arrow.target,
            kind=arrow.kind,
            label=arrow.label,
            taken=there and (arrow.kind != "back" or again),
        )


def _from_hops(
    top: Head, ran: Mapping[str, Sequence[BriefHop]], link: str
) -> tuple[Drawing | None, str]:
    """Of a graph that is not declared (any more): its nodes in the order in which they began."""
    names = list(ran)[:MOST]
    if not names:
        return None, "Nothing has run yet."
    nodes = [_node(top, name, "", ran[name], link) for name in names]
    why = f"The project declares no graph '{top.trace.graph}' now: in the order of their beginning."
    more = len(ran) - len(names)
    why += f" {counted(more, 'further node')} not drawn." if more else ""
    return draw(nodes, [Edge(source=a, target=b) for a, b in pairwise(names)]), why


# ── the plan ─────────────────────────────────────────────────────────────────────────────


def _plan(asked: Asked, top: Head) -> list[Mapping[str, Any]]:
    """The subtasks of the last plan, if their texts were kept."""
    planned = [h.id for h in top.hops if h.role == "decomposer" and h.status == "ok"][-1:]
    for hop in asked.store.some_hops(top.trace.id, planned):
        try:
            content = json.loads(hop.output or "")
        except (ValueError, RecursionError):
            return []
        tasks = content.get("subtasks") if isinstance(content, dict) else None
        if not isinstance(tasks, list):
            return []
        named = [t for t in tasks if isinstance(t, dict) and isinstance(t.get("id"), str)]
        return list({t["id"]: t for t in named[:_SUBTASKS]}.values())
    return []


def _plan_drawing(top: Head, plan: Sequence[Mapping[str, Any]], link: str) -> Drawing | None:
    worked = _by(
        [h for h in top.hops if "/" in h.node and h.role not in ("router", "decomposer")],
        lambda hop: hop.node.partition("/")[2],
    )
    ids = [str(task["id"]) for task in plan]
    nodes = []
    for task in plan:
        hops = worked.get(str(task["id"]), ())
        made = _node(top, str(task["id"]), "", hops, link)
        who = f" · {hops[0].agent}" if hops and hops[0].agent else ""
        nodes.append(
            Node(
                name=made.name,
                title=f"{made.name}{who}",
                does=short(str(task.get("description", "")), 120),
                model=made.model,
                state=made.state,
                told=made.told,
                href=made.href,
                fault=made.fault,
            )
        )
    edges = []
    for place, task in enumerate(plan):
        needs = task.get("needs")
        for need in needs if isinstance(needs, list) else []:
            if need in ids[:place]:
                edges.append(Edge(source=need, target=ids[place]))
            elif need in ids and need != ids[place]:  # recorded in another order; maybe a circle
                edges.append(Edge(source=need, target=ids[place], kind="back"))
    return draw(nodes, edges)
