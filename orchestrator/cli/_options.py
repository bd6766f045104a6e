"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.types import Risk

Project = Annotated[Path, typer.Option("--project", metavar="DIR", help="The project's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DataClass = Annotated[
    str | None, typer.Option("--data-class", metavar="NAME", help="For example pii.")
]
RiskLevel = Annotated[Risk | None, typer.Option("--risk", help="How much a mistake would cost.")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", metavar="USD", min=0, help="At most, a call.")
]
Latency = Annotated[
    int | None, typer.Option("--latency-ms", metavar="MS", min=1, help="At most, a call.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="May be repeated.")]
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
