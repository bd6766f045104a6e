"""`mesh ask` and `mesh run`: carry out a graph and show what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import (
    HERE,
    AcceptChanges,
    AnswerText,
    AsJson,
    By,
    DataClass,
    Feature,
    MaxCost,
    ProgressShown,
    Project,
    RiskLevel,
    Tags,
    User,
    UserTier,
    Workspace,
)

if TYPE_CHECKING:
    from orchestrator.graph.answer import RunOptions
    from orchestrator.types import Caller

Budget = Annotated[
    float | None, typer.Option("--budget", metavar="USD", min=0, help="At most, the whole run.")
]
Resume = Annotated[
    str | None, typer.Option("--resume", metavar="RUN", help="Take up a run that was cut off.")
]
Thread = Annotated[
    str | None, typer.Option("--thread", metavar="NAME", help="Continue this conversation.")
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
    thread: Thread = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    budget: Budget = None,
    user: User = None,
    user_tier: UserTier = None,
    feature: Feature = None,
    workspace: Workspace = None,
    resume: Resume = None,
    answer: AnswerText = None,
    by: By = None,
    accept_changes: AcceptChanges = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer a question from sources, checked, with citations."""
    from orchestrator.cli._carry import Wish, carry_out
    from orchestrator.cli._progress import Shown
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
    _alone(resume, answer, given=bool(inputs) or thread is not None)
    caller = _caller(user, user_tier, feature, workspace)
    carry_out(
        Wish(
            project=project,
            graph=graph,
            inputs=inputs,
            options=_options(data_class, risk, tag, max_cost, budget, caller),
            thread=thread,
            resume=resume,
            answer=answer,
            by=by,
            accept_changes=accept_changes,
            shown=Shown(progress),
            as_json=as_json,
        )
    )


def run(  # noqa: PLR0913 - a parameter is an option
    graph: Annotated[str | None, typer.Argument(help="The graph's name.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="The graph's inputs.")
    ] = None,
    thread: Thread = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    budget: Budget = None,
    user: User = None,
    user_tier: UserTier = None,
    feature: Feature = None,
    workspace: Workspace = None,
    resume: Resume = None,
    answer: AnswerText = None,
    by: By = None,
    accept_changes: AcceptChanges = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Run any graph: `mesh run answer question="…" sources=docs/`."""
    from orchestrator.cli._carry import Wish, carry_out
    from orchestrator.cli._progress import Shown
    from orchestrator.errors import UserError

    if graph is None and resume is None:
        raise UserError("which graph? mesh run GRAPH KEY=VALUE; mesh graph list names them")
    _alone(resume, answer, given=graph is not None or thread is not None)
    caller = _caller(user, user_tier, feature, workspace)
    carry_out(
        Wish(
            project=project,
            graph=graph,
            inputs=list(inputs or ()),
            options=_options(data_class, risk, tag, max_cost, budget, caller),
            thread=thread,
            resume=resume,
            answer=answer,
            by=by,
            accept_changes=accept_changes,
            shown=Shown(progress),
            as_json=as_json,
        )
    )


def _alone(resume: str | None, answer: str | None, *, given: bool) -> None:
    """A resumed run has its graph, inputs and thread; only such a run can be answered.

    Raises:
        UserError: one is given beside the other, or an answer without a run.
    """
    from orchestrator.errors import UserError

    if resume is not None and given:
        raise UserError("--resume takes graph, inputs and thread from the run; leave them out")
    if answer is not None and resume is None:
        raise UserError("--answer needs the run that asks: --resume RUN")


def _options(
    data_class: str | None,
    risk: Any,
    tags: list[str] | None,
    max_cost: float | None,
    budget: float | None,
    caller: Caller,
) -> RunOptions:
    from orchestrator.graph.answer import RunOptions
    from orchestrator.types import Constraints

    return RunOptions(
        data_class=data_class,
        risk=risk,
        tags=tuple(tags or ()),
        constraints=Constraints(max_cost_usd=max_cost),
        budget_usd=budget,
        caller=caller,
    )


def _caller(
    user: str | None, tier: str | None, feature: str | None, workspace: str | None
) -> Caller:
    from orchestrator.types import Caller

    return Caller(
        user=user or "", tier=tier or "", feature=feature or "", workspace=workspace or ""
    )
