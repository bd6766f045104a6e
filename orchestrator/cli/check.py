"""`mesh check`: read the project, and report every mistake at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.project.schema import Project as Declared


def check(project: Project = HERE, as_json: AsJson = False) -> None:
    """Check the declared files; exit 2 where one has a mistake."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import ProjectError
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    try:
        declared = Mesh.load(project).project
    except ProjectError as error:
        if as_json:
            print_json({"ok": False, "problems": [plain(p) for p in error.problems]})
        raise
    found = counts(declared)
    if as_json:
        hashes = {"hash": declared.hash, "policy_hash": declared.policy_hash}
        print_json({"ok": True, "problems": [], "counts": found, **hashes})
        return
    screen = Screen()
    told = ", ".join(
        f"{number} {name[:-1] if number == 1 else name}" for name, number in found.items() if number
    )
    screen.print(screen.join((screen.sign("yes"), "good"), f" {told}"))
    screen.prose(f"project {declared.hash}", 2, "quiet")


def counts(declared: Declared) -> dict[str, Any]:
    """How much of everything the project declares."""
    models = declared.fleet.models.values()
    return {
        "models": len(models),
        "deployments": sum(len(m.deployments) for m in models),
        "routes": len(declared.policy.routes),
        "agents": len(declared.agents),
        "graphs": len(declared.graphs),
        "suites": len(declared.suites),
    }
