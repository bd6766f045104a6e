"""What people write of tools: `policy.tools` says what may be done, `mesh.yaml` what there is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import (
    VARIABLE_PATTERN,
    Declared,
    DeclaredRisk,
    Name,
    Table,
    WebAddress,
)
from orchestrator.types import ToolLevel

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""Tools of MCP servers bring their own names, also with capital letters."""
Host = Annotated[
    str,
    Field(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$", max_length=255),
]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Then = Literal["allow", "approve", "refuse"]


# ── policy.yaml ──────────────────────────────────────────────────────────────────────────


class ToolMatch(Declared):
    """A rule matches where every key that is set holds; a list means any of its values.

    What nobody knows of a call (its data class, where it runs) matches whatever would make the
    call stricter, and nothing that would allow it.
    """

    tool: tuple[ToolName, ...] | ToolName | None = Field(
        default=None, description="Of these names; of an MCP server's: SERVER__TOOL."
    )
    server: tuple[Name, ...] | Name | None = Field(
        default=None, description="All tools of these MCP servers."
    )
    level: tuple[ToolLevel, ...] | ToolLevel | None = Field(
        default=None, description="read, write or destructive."
    )
    environment: tuple[Name, ...] | Name | None = Field(
        default=None, description="Where it runs: `environment` of mesh.yaml, MESH_ENVIRONMENT."
    )
    data_class: tuple[str, ...] | str | None = Field(
        default=None, description="One of the policy's data_classes."
    )
    risk: tuple[DeclaredRisk, ...] | DeclaredRisk | None = Field(
        default=None, description="How much a mistake would cost."
    )
    tags: tuple[str, ...] | str | None = Field(default=None, description="Tags of the request.")


class ToolRule(Declared):
    """Of all rules that match the tightest counts, for each key apart."""

    name: Name = Field(description="Stands with every call that it decided.")
    match: ToolMatch = Field(default=ToolMatch(), description="Unset: every call of every tool.")
    then: Then | None = Field(
        default=None,
        description="allow: a tool that writes needs no approval (one that is destructive always "
        "does); approve: a person must agree; refuse. Where no rule says: what reads is allowed, "
        "all else a person must agree to.",
    )
    double_check: bool = Field(
        default=False,
        description="Before a person is asked, a second model must find the call sensible; implies "
        "approve.",
    )
    calls_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="At most so many calls of each of these tools in 60 seconds."
    )
    timeout_s: Seconds | None = Field(
        default=None, description="A call that takes longer is given up."
    )
    max_output_chars: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="More is cut off from what a tool returns."
    )


# ── mesh.yaml ────────────────────────────────────────────────────────────────────────────


class HttpGet(Declared):
    """The built-in tool http-get: reads pages of these hosts, and of no others."""

    hosts: Annotated[tuple[Host, ...], Field(min_length=1)] = Field(
        description="Allowed hosts: api.example.com, *.example.org (hosts below it), with a port "
        "where it is not the usual one."
    )
    plain_http: tuple[Host, ...] = Field(
        default=(), description="Those of them that are spoken to without TLS."
    )
    loopback: bool = Field(
        default=False, description="For tests only: they may lie on this very machine."
    )
    max_kb: Annotated[int, Field(gt=0, le=20_000)] = Field(
        default=512, description="The largest page, in kilobytes."
    )
    timeout_s: Seconds = Field(default=15, description="For the whole page, redirects included.")


class McpServer(Declared):
    """A server of the Model Context Protocol, whose tools become tools of this project."""

    command: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The program that is the server, spoken to by its input."
    )
    args: tuple[str, ...] = Field(default=(), description="Its arguments.")
    env: tuple[Annotated[str, Field(pattern=VARIABLE_PATTERN)], ...] = Field(
        default=(), description="The names of variables of the environment that it is given."
    )
    url: WebAddress | None = Field(
        default=None, description="Or the address of one that is served over HTTP."
    )
    headers: Table[str, Annotated[str, Field(pattern=VARIABLE_PATTERN)]] = Field(
        default_factory=FrozenDict,
        description="Header → the environment variable that holds its value.",
    )
    levels: Table[str, ToolLevel] = Field(
        default_factory=FrozenDict,
        description="Its tools by their own names: read, write or destructive.",
    )
    default_level: ToolLevel = Field(
        default="destructive", description="Of its tools that `levels` does not name."
    )
    only: tuple[str, ...] | None = Field(
        default=None, description="Only these of its tools; unset: all."
    )
    environments: tuple[Name, ...] = Field(
        default=(), description="Its tools may be called there only; unset: everywhere."
    )
    hosted: bool = Field(
        default=True, description="What its tools are given leaves your own machines."
    )
    data_class: str | None = Field(default=None, description="Of what its tools return, at least.")
    timeout_s: Seconds = Field(default=30, description="For one call, its start included.")


class Tools(Declared):
    """Tools besides those that the project's Python registers."""

    http_get: HttpGet | None = Field(
        default=None, description="Turns the tool http-get on, for these hosts."
    )
    search_sources: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Files and folders, relative to the project, that the tool search-sources "
        "looks into where a run brings no sources of its own.",
    )
    mcp: Table[Name, McpServer] = Field(
        default_factory=FrozenDict, description="MCP servers by name."
    )
