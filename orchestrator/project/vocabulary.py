"""The open words of a project: what a caller may say is what some declared file says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from orchestrator.errors import UnknownNameError
from orchestrator.project.schema import Project
from orchestrator.types import RiskWord

_ANY = "*"


def tasks(project: Project) -> tuple[str, ...]:
    """Every task that a model, an agent or a route of the project names."""
    models = [task for model in project.fleet.models.values() for task in model.tasks]
    agents = [agent.task for agent in project.agents.values()]
    routes = [task for route in project.policy.routes for task in _listed(route.match.task)]
    return tuple(sorted({*models, *agents, *routes} - {_ANY}))


def capabilities(project: Project) -> tuple[str, ...]:
    """Everything that a model of the fleet can."""
    return tuple(sorted({name for model in project.fleet.models.values() for name in model.can}))


def check_request(
    project: Project,
    *,
    task: str | None = None,
    data_class: str | None = None,
    risk: str | None = None,
    needs: Sequence[str] = (),
) -> None:
    """Refuse a word that nothing in the project knows: it would silently match no rule.

    Raises:
        UnknownNameError: with the near name.
    """
    said: list[tuple[str, str, Sequence[str]]] = [
        *(("capability", name, capabilities(project)) for name in needs)
    ]
    if task is not None:
        said.append(("task", task, tasks(project)))
    if data_class is not None:
        said.append(("data class", data_class, project.policy.data_classes))
    if risk is not None:
        said.append(("risk", risk, get_args(RiskWord)))
    for kind, name, known in said:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def _listed(value: tuple[str, ...] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()
