"""Who a route lets say what is unsafe."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import listed
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.guard_schema import UnsafeDeclaration
from orchestrator.project.policy_schema import Route

LOCAL = "local"
TASK = "moderate"


def check_filter(
    route: Route, at: KeyPath, document: Document, fleet: Fleet | None
) -> Iterator[Problem]:
    """The filter is our own, or a model that has the task by name: nobody moderates by the way.

    Args:
        fleet: `None` where it is not whole; then nothing is said.
    """
    unsafe = route.unsafe
    if fleet is None or not isinstance(unsafe, UnsafeDeclaration) or unsafe.filter == LOCAL:
        return
    moderating = [name for name, model in fleet.models.items() if TASK in model.tasks]
    path: KeyPath = (*at, "unsafe", "filter")
    if unsafe.filter in fleet.models and unsafe.filter not in moderating:
        yield document.problem(
            path,
            f"this model does not have the task '{TASK}'",
            found=unsafe.filter,
            allowed=", ".join((LOCAL, *moderating)),
            code="filter-without-task",
        )
        return
    yield from listed(document, "filter", unsafe.filter, (LOCAL, *moderating), path)
