"""What people write in `mesh.yaml` of the audit log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.project.declared import Declared

EVERY = 1000
MINUTES = 60


class Anchor(Declared):
    """Where the heads of the audit log go, which this service must not be able to rewrite."""

    file: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A file outside of the storage folder that is only ever appended to; let the "
        "system hold that: chattr +a FILE.",
    )
    command: tuple[str, ...] = Field(
        default=(), description="A program and its arguments; each head is a line of its input."
    )
    syslog: bool = Field(default=False, description="To the system's log, as mesh-audit.")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Each head is posted there, as JSON.",
    )
    key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable with the private key that heads are signed with; "
        "`mesh audit key` makes one.",
    )
    public_key: str | None = Field(
        default=None, description="Its public key, which `mesh audit verify` holds heads against."
    )
    every: Annotated[int, Field(gt=0)] = Field(
        default=EVERY, description="A head goes out after so many entries,"
    )
    minutes: Annotated[int, Field(gt=0)] = Field(
        default=MINUTES, description="and after so many minutes in which there were any."
    )


class AuditSettings(Declared):
    """The audit log of the project."""

    anchor: Anchor | None = Field(
        default=None,
        description="Where the log's heads go besides; without it nobody can tell that its end was "
        "cut off, or that all of it was written anew.",
    )
