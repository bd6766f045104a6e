"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.types import RiskWord, risk_of


def declares_nothing(folder: Path) -> bool:
    """Whether `folder` holds no part of a project, so that all comes from the default one."""
    from orchestrator.project._files import FOLDERS, SINGLE

    return not any((folder / name).exists() for name in (*SINGLE, *FOLDERS))


def _noticed(folder: Path) -> Path:
    """Name the project above, where a command runs in one of its subfolders."""
    if folder.is_dir() and declares_nothing(folder):
        for above in folder.resolve().parents:
            if (above / "mesh.yaml").is_file():
                where = f"--project {os.path.relpath(above)}"
                said = f"mesh: {folder.resolve().name}/ is no project, so the default one is taken"
                typer.echo(f"{said}; for the one above say {where}", err=True)
                break
    return folder


Project = Annotated[
    Path,
    typer.Option("--project", metavar="DIR", help="The project's folder.", callback=_noticed),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DataClass = Annotated[
    str | None, typer.Option("--data-class", metavar="NAME", help="For example pii.")
]
RiskLevel = Annotated[
    RiskWord | None,
    typer.Option("--risk", help="How much a mistake would cost.", callback=risk_of),
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", metavar="USD", min=0, help="At most, a call.")
]
Latency = Annotated[
    int | None, typer.Option("--latency-ms", metavar="MS", min=1, help="At most, a call.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="May be repeated.")]
User = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="On whose behalf; for budgets.")
]
UserTier = Annotated[
    str | None, typer.Option("--user-tier", metavar="NAME", help="For example free or paid.")
]
Feature = Annotated[
    str | None, typer.Option("--feature", metavar="NAME", help="The part of your application.")
]
Workspace = Annotated[
    str | None, typer.Option("--workspace", metavar="NAME", help="Whose work it is.")
]
AnswerText = Annotated[
    str | None,
    typer.Option("--answer", metavar="TEXT", help="The answer that the resumed run waits for."),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who answers; default: you.")]
AcceptChanges = Annotated[
    bool, typer.Option("--accept-changes", help="Resume although the project was edited.")
]
ProgressShown = Annotated[
    Literal["auto", "plain", "off"],
    typer.Option("--progress", help="plain: a line a step, also without a terminal."),
]
HERE = Path()
