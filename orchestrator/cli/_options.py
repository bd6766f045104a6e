"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
HERE = Path()
