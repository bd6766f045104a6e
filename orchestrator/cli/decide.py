"""`mesh decide`: what routing would do with a prompt. No model is called."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli._options import (
    HERE,
    AsJson,
    DataClass,
    Latency,
    MaxCost,
    Project,
    RiskLevel,
    Tags,
)


def decide(  # noqa: PLR0913 - a parameter is an option
    prompt: Annotated[str, typer.Argument(help="The request's text.")],
    task: Annotated[str | None, typer.Option("--task", help="For example draft.")] = None,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    needs: Annotated[
        list[str] | None, typer.Option("--needs", help="json, tools, vision, …; repeatable.")
    ] = None,
    tag: Tags = None,
    max_cost: MaxCost = None,
    latency_ms: Latency = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say which model a prompt would go to, and why not the others."""
    from orchestrator.cli._json import candidates_json, decision_json
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import NoCandidateError
    from orchestrator.mesh import Mesh
    from orchestrator.types import Candidate, Constraints, risk_of

    mesh, level = Mesh.load(project), risk_of(risk)
    try:
        guessed = None if task else mesh.profile(prompt, data_class=data_class, risk=level).task
        decision = mesh.decide(
            prompt,
            task=task,
            data_class=data_class,
            risk=level,
            needs=needs or (),
            tags=tuple(tag or ()),
            constraints=Constraints(max_cost_usd=max_cost, latency_ms=latency_ms),
        )
    except NoCandidateError as error:
        removed = [c for c in error.candidates if isinstance(c, Candidate)]
        if as_json:
            none = {"chosen": None, "error": str(error), "relax": list(error.relax)}
            print_json({**none, "candidates": candidates_json(removed)})
        else:
            from orchestrator.cli._funnel import show_removed

            show_removed(Screen(), removed)
        raise
    if as_json:
        from orchestrator.types import as_json as plain

        placeholders = plain(mesh.placeholders(prompt, decision))
        found = {"task": task or guessed, **decision_json(decision)}
        print_json({**found, "placeholders": placeholders})
    else:
        from orchestrator.cli._funnel import show_decision

        show_decision(Screen(), decision, guessed, mesh.placeholders(prompt, decision).words)
