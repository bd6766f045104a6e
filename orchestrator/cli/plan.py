"""`mesh plan`: what a run of a graph is expected to cost and to take. No model is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import (
    HERE,
    AsJson,
    DataClass,
    Feature,
    MaxCost,
    Project,
    RiskLevel,
    Tags,
    User,
    UserTier,
    Workspace,
)

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.graph.answer import RunOptions
    from orchestrator.mesh import Mesh
    from orchestrator.replay.planning.values import GraphPlan, NodePlan, Range

OVER = 1
"""The exit code where the range passes a limit."""


def plan(  # noqa: PLR0913 - a parameter is an option
    graph: Annotated[
        str | None, typer.Argument(help="The graph's name. Default: that of mesh.yaml.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="The graph's inputs.")
    ] = None,
    sources: Annotated[
        list[Path] | None,
        typer.Option("--sources", "-s", metavar="PATH", help="Files or folders; repeatable."),
    ] = None,
    max_usd: Annotated[
        float | None,
        typer.Option(
            "--max-usd",
            metavar="USD",
            min=0,
            help=f"Exit with {OVER} where more than 5 of 100 runs would cost more.",
        ),
    ] = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    user: User = None,
    user_tier: UserTier = None,
    feature: Feature = None,
    workspace: Workspace = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what a run will cost and take, node by node and in all, before anything is called.

    Recorded runs of the graph tell how long prompts and answers get, how often it goes back, and
    what fails: `mesh plan report question="…"`.
    """
    import asyncio

    from orchestrator.cli._replaying import Steps
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.graph.answer import RunOptions
    from orchestrator.mesh import Mesh
    from orchestrator.types import Caller, Constraints, risk_of
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    options = RunOptions(
        data_class=data_class,
        risk=risk_of(risk),
        tags=tuple(tag or ()),
        constraints=Constraints(max_cost_usd=max_cost),
        caller=Caller(
            user=user or "", tier=user_tier or "", feature=feature or "", workspace=workspace or ""
        ),
    )
    with Steps() as steps:
        steps.say("planning")
        found = asyncio.run(_planned(mesh, graph, list(inputs or ()), sources or [], options))
    over = list(found.over)
    if max_usd is not None and (found.cost is None or found.cost.high > max_usd):
        over.append(f"--max-usd allows {_usd(max_usd)}")
    if as_json:
        print_json({**plain(found), "over": over})
    else:
        show(Screen(), found, over)
    if over and (max_usd is not None or found.over):
        raise typer.Exit(OVER)


async def _planned(
    mesh: Mesh, graph: str | None, pairs: list[str], sources: list[Path], options: RunOptions
) -> GraphPlan:
    from orchestrator.cli._carry import parse_inputs

    name = graph or mesh.project.settings.default_graph
    declared = mesh.project.graphs.get(name)
    given: dict[str, Any] = parse_inputs(pairs, dict(declared.input) if declared else {})
    if sources:
        given["sources"] = [str(path) for path in sources]
    async with mesh:
        return await mesh.plan(name, options=options, **given)


# ── what is shown ────────────────────────────────────────────────────────────────────────


def show(screen: Screen, found: GraphPlan, over: list[str]) -> None:
    """The sentence, the table of nodes, and what is to be known of them."""
    from orchestrator.tracing.explain import duration

    cost, time = found.cost, found.time
    if cost is None:
        screen.print(screen.text("What this costs cannot be said: a price is not known.", "warn"))
    elif cost.high == 0:
        screen.print(screen.join("A run of ", (found.graph, "strong"), " costs nothing."))
    else:
        screen.print(
            screen.join(
                f"A run of {found.graph} costs about ",
                (_usd(cost.likely), "strong"),
                f"; 90 of 100 cost {_usd(cost.low)} to {_usd(cost.high)}.",
            )
        )
        worst = (
            "nothing bounds what it may cost"
            if cost.worst is None
            else (f"at worst {_usd(cost.worst)}")
        )
        screen.print(screen.text(f"At best {_usd(cost.best)}, {worst}.", "quiet"))
    screen.print(
        f"It takes about {duration(time.likely)}; 90 of 100 take {duration(time.low)} to "
        f"{duration(time.high)}."
    )
    screen.print("")
    _nodes(screen, found)
    screen.print("")
    for line in _grounds(found):
        screen.prose(line, tone="quiet")
    for warning in found.warnings:
        screen.prose(f"! {warning}", tone="warn")
    for limit in over:
        high = "unknown" if cost is None else _usd(cost.high)
        screen.prose(f"{screen.sign('no')} over a limit: {limit}, the range ends at {high}",
                     tone="bad")  # fmt: skip


def _nodes(screen: Screen, found: GraphPlan) -> None:
    from orchestrator.tracing.explain import duration

    right = {"justify": "right", "no_wrap": True}
    rows = [node for node in found.nodes if _matters(node)]
    table = screen.table(
        screen.names("node", [n.node for n in rows]),
        screen.names("asks first", [", ".join(n.deployments) for n in rows], 0.3),
        ("runs", right),
        ("calls", right),
        ("likely", right),
        ("90 of 100", right),
        ("at worst", right),
        ("takes", right),
    )
    for node in rows:
        asked = ", ".join(node.deployments) or screen.sign("none")
        table.add_row(
            node.node,
            screen.text(asked, "quiet"),
            f"{node.runs:.2g}",
            f"{node.calls:.2g}",
            *_costs(screen, node.cost),
            duration(node.time.likely) if node.time else screen.sign("none"),
        )
    screen.show(table)


def _costs(screen: Screen, cost: Range | None) -> tuple[str, str, str]:
    if cost is None:
        return "unknown", "", ""
    if cost.high == 0:
        return "$0", "", "$0" if cost.worst == 0 else "" if cost.worst is None else _usd(cost.worst)
    dash = screen.sign("dash")
    worst = "unbounded" if cost.worst is None else _usd(cost.worst)
    return _usd(cost.likely), f"{_usd(cost.low)} {dash} {_usd(cost.high)}", worst


def _matters(node: NodePlan) -> bool:
    """Whether a person wants to see it: it asks somebody, or takes its time."""
    return node.kind in ("agent", "each") or (node.time is not None and node.time.likely >= 50)


def _grounds(found: GraphPlan) -> list[str]:
    """What the numbers rest on."""
    from orchestrator.tracing.explain import counted

    if not found.recorded:
        return [found.subtasks] if found.subtasks else []
    learned = f"learned from {counted(found.recorded, 'recorded run')}"
    held = f"; how wide the range is was measured on {found.checked_on} of them"
    return [learned + (held if found.checked_on else ""), *filter(None, [found.subtasks])]


def _usd(value: float) -> str:
    """US dollars with three digits that count."""
    from orchestrator.tracing.explain import dollars

    return dollars(float(f"{value:.3g}"))
