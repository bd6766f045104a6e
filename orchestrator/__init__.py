"""Model Mesh Orchestrator: routes every step to the right model and proves what it answers.

Importing this package loads nothing heavy: each public name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.errors import (
        CallError,
        MeshError,
        NoCandidateError,
        OverBudgetError,
        ProjectError,
        RunError,
        UserError,
    )
    from orchestrator.mesh import Answer, Mesh, RunOptions
    from orchestrator.project.policy_schema import Route
    from orchestrator.project.registry import (
        builtin,
        check,
        condition,
        function,
        output_model,
        role,
        tool,
        transport,
    )
    from orchestrator.project.schema import Agent, Graph, Node
    from orchestrator.records import Hop, Trace
    from orchestrator.types import Constraints, Decision, Deployment, FleetSnapshot, TaskProfile

    __version__: str

__all__ = [
    "Agent",
    "Answer",
    "CallError",
    "Constraints",
    "Decision",
    "Deployment",
    "FleetSnapshot",
    "Graph",
    "Hop",
    "Mesh",
    "MeshError",
    "NoCandidateError",
    "Node",
    "OverBudgetError",
    "ProjectError",
    "Route",
    "RunError",
    "RunOptions",
    "TaskProfile",
    "Trace",
    "UserError",
    "__version__",
    "builtin",
    "check",
    "condition",
    "function",
    "output_model",
    "role",
    "tool",
    "transport",
]

_HOMES = {
    "orchestrator.mesh": ("Answer", "Mesh", "RunOptions"),
    "orchestrator.errors": (
        "CallError",
        "MeshError",
        "NoCandidateError",
        "OverBudgetError",
        "ProjectError",
        "RunError",
        "UserError",
    ),
    "orchestrator.project.registry": (
        "builtin",
        "check",
        "condition",
        "function",
        "output_model",
        "role",
        "tool",
        "transport",
    ),
    "orchestrator.project.policy_schema": ("Route",),
    "orchestrator.project.schema": ("Agent", "Graph", "Node"),
    "orchestrator.records": ("Hop", "Trace"),
    "orchestrator.types": (
        "Constraints",
        "Decision",
        "Deployment",
        "FleetSnapshot",
        "TaskProfile",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use and keep it."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("model-mesh-orchestrator")
    elif name in _HOME:
        from importlib import import_module

        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
