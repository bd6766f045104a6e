"""What stands beside every figure: commit, machine, versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from orchestrator.evaluation.values import Circumstances
from orchestrator.project.schema import Project

_SECONDS = 5


def circumstances(project: Project, fleet_hash: str, jobs: int) -> Circumstances:
    """Those of an evaluation that begins now, on this machine."""
    return Circumstances(
        project_hash=project.hash,
        policy_hash=project.policy_hash,
        fleet_hash=fleet_hash,
        commit=commit(Path(project.root)),
        machine=machine(),
        python=platform.python_version(),
        version=version("model-mesh-orchestrator"),
        jobs=jobs,
    )


def machine() -> str:
    """System, kind of processor, and how many of them."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"


def commit(folder: Path) -> str | None:
    """The commit that is checked out, with `+` where tracked files differ; `None` without git."""
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if changed or changed is None else head


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or `None` where it cannot answer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
