"""`mesh ask` and `mesh run`: carry out a graph and show what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, DataClass, MaxCost, Project, RiskLevel, Tags

if TYPE_CHECKING:
    from orchestrator.graph.answer import Answer, RunOptions

Budget = Annotated[
    float | None, typer.Option("--budget", metavar="USD", min=0, help="At most, the whole run.")
]
Resume = Annotated[
    str | None, typer.Option("--resume", metavar="RUN", help="Take up a run that was cut off.")
]


def ask(  # noqa: PLR0913 - a parameter is an option
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="What you want to know.")
    ] = None,
    sources: Annotated[
        list[Path] | None,
        typer.Option("--sources", "-s", metavar="PATH…", help="Files or folders."),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    graph: Annotated[
        str | None, typer.Option("--graph", metavar="NAME", help="Default: that of mesh.yaml.")
    ] = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    budget: Budget = None,
    resume: Resume = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer a question from sources, checked, with citations."""
    from orchestrator.errors import UserError

    if question is None and resume is None:
        raise UserError('nothing was asked: mesh ask "QUESTION" --sources PATH')
    inputs: dict[str, Any] = {} if question is None else {"question": question}
    if sources:
        # The shell turns `--sources docs/*` into one option and further arguments.
        inputs["sources"] = [str(path) for path in (*sources, *(more or ()))]
    elif more:
        raise UserError(
            f"'{more[0]}' is one argument too many: put the question into quotes, "
            "and name sources with --sources"
        )
    options = _options(data_class, risk, tag, max_cost, budget)
    _carry_out(project, graph, options, resume, inputs, as_json=as_json)


def run(  # noqa: PLR0913 - a parameter is an option
    graph: Annotated[str, typer.Argument(help="The graph's name.")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="The graph's inputs.")
    ] = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    budget: Budget = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Run any graph: `mesh run answer question="…" sources=docs/`."""
    options = _options(data_class, risk, tag, max_cost, budget)
    _carry_out(project, graph, options, None, list(inputs or ()), as_json=as_json)


def parse_inputs(pairs: list[str], declared: dict[str, Any]) -> dict[str, Any]:
    """`key=value` pairs as a graph's inputs; the declared type says how a value is read.

    `paths` may be repeated or separated by commas; `json` and `number` are JSON.

    Raises:
        UserError: not `key=value`, or the value cannot be read as its type.
    """
    from orchestrator.errors import UserError

    values: dict[str, Any] = {}
    for pair in pairs:
        key, found, text = pair.partition("=")
        if not found or not key:
            raise UserError(f"'{pair}' is not an input; write key=value, for example question=…")
        kind = str(declared.get(key, "text")).rstrip("?")
        if kind == "paths":
            values.setdefault(key, []).extend(part for part in text.split(",") if part)
        elif key in values:
            raise UserError(f"the input '{key}' is given twice")
        else:
            values[key] = text if kind == "text" else _read_json(key, kind, text)
    return values


def _read_json(key: str, kind: str, text: str) -> Any:
    import json

    from orchestrator.errors import UserError

    try:
        return json.loads(text)
    except ValueError:
        raise UserError(f"the input '{key}' must be {kind}; found '{text}'") from None


def _options(
    data_class: str | None,
    risk: Any,
    tags: list[str] | None,
    max_cost: float | None,
    budget: float | None,
) -> RunOptions:
    from orchestrator.graph.answer import RunOptions
    from orchestrator.types import Constraints

    return RunOptions(
        data_class=data_class,
        risk=risk,
        tags=tuple(tags or ()),
        constraints=Constraints(max_cost_usd=max_cost),
        budget_usd=budget,
    )


def _carry_out(
    project: Path,
    graph: str | None,
    options: RunOptions,
    resume: str | None,
    inputs: dict[str, Any] | list[str],
    *,
    as_json: bool,
) -> None:
    import asyncio
    import sys

    from orchestrator.cli._progress import Progress
    from orchestrator.errors import CancelledRunError, RunError
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    if isinstance(inputs, list):
        known = mesh.project.graphs.get(graph or "")
        inputs = parse_inputs(inputs, dict(known.input) if known else {})
    given = inputs

    progress = Progress()

    async def whole() -> Answer:
        try:
            with progress:
                return await mesh.run(
                    graph, options=options, on_hop=progress.hop, resume=resume, **given
                )
        finally:
            await mesh.close()

    try:
        answer = asyncio.run(whole())
    except KeyboardInterrupt:
        again = f"; to go on: mesh ask --resume {progress.run}" if progress.run else ""
        raise CancelledRunError(f"stopped{again}") from None
    except RunError as error:
        if progress.run:
            error.add_note(f"What was done until then: mesh trace why {progress.run}")
        raise
    if as_json:
        from orchestrator.cli._json import answer_json
        from orchestrator.cli._show import print_json

        print_json(answer_json(answer))
    else:
        from orchestrator.cli._answer import show_answer
        from orchestrator.cli._show import Screen

        show_answer(Screen(), answer)
    if mesh.store.problem:
        print(f"mesh: the run is well, but {mesh.store.problem}", file=sys.stderr)
