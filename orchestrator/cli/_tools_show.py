"""How tools are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli._operations import with_status
from orchestrator.errors import UnknownNameError
from orchestrator.tooling.permit import Allowed, NeedsApproval, Permit, Refused
from orchestrator.tooling.values import CallLimits, ToolSpec
from orchestrator.types import as_json as plain

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.roles.lone_tool import LoneCall

_WORDS: Mapping[type, str] = {
    Allowed: "allowed",
    NeedsApproval: "needs an approval",
    Refused: "refused",
}
_RESULTS: Mapping[type, str] = {
    Allowed: "allowed",
    NeedsApproval: "needs_approval",
    Refused: "refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTool:
    """A tool, and what the rules say of a model's call to it."""

    spec: ToolSpec
    permit: Permit
    limits: CallLimits

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        permit = {"result": _RESULTS[type(self.permit)], **plain(self.permit)}
        spec = {**plain(self.spec), "digest": self.spec.digest}
        return {**spec, "permit": permit, "limits": plain(self.limits)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTools:
    """All tools, and the servers that could not be asked."""

    environment: str | None
    tools: tuple[FoundTool, ...]
    silent: Mapping[str, str]

    def get(self, name: str) -> FoundTool:
        """The tool of that name. Raises `UnknownNameError` with the near name."""
        for tool in self.tools:
            if tool.spec.name == name:
                return tool
        raise UnknownNameError("tool", name, [tool.spec.name for tool in self.tools])

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "environment": self.environment,
            "tools": [tool.as_json() for tool in self.tools],
            "silent": dict(self.silent),
        }


def found_tools(project: Path, asked: LoneCall) -> FoundTools:
    """The project's tools, and what the rules say of each."""
    import asyncio

    from orchestrator.mesh import Mesh
    from orchestrator.project.vocabulary import check_request

    mesh = Mesh.load(project)
    check_request(mesh.project, data_class=asked.data_class, risk=asked.risk)

    async def ask() -> FoundTools:
        async with mesh:
            tools, given = mesh.tools, mesh.circumstances(asked)
            known = await tools.all()
            return FoundTools(
                environment=tools.environment,
                tools=tuple(
                    FoundTool(
                        spec=tool.spec,
                        permit=tools.permit(tool.spec, given),
                        limits=tools.limits(tool.spec, given),
                    )
                    for _, tool in sorted(known.items())
                ),
                silent=tools.silent,
            )

    return with_status("asking the servers", lambda: asyncio.run(ask()))


def show_tools(screen: Screen, found: FoundTools) -> None:
    """A line for each."""
    names = [tool.spec.name for tool in found.tools]
    rules = [tool.permit.by_rule for tool in found.tools]
    table = screen.table(
        screen.names("tool", names, 0.4),
        "level",
        "from",
        "a model's call",
        screen.names("rule", rules, 0.3),
    )
    for tool in found.tools:
        spec = tool.spec
        word, tone = _word(tool)
        level = spec.level if spec.stated else f"{spec.level}*"
        table.add_row(
            spec.name,
            screen.text(level, _LEVELS[spec.level]),
            spec.source,
            screen.text(word, tone),
            screen.text(tool.permit.by_rule if spec.for_models else "", "quiet"),
        )
    screen.show(table, indent=0)
    if not all(tool.spec.stated for tool in found.tools):
        screen.prose("* Nobody has stated a level, so it counts as destructive.", tone="quiet")
    for why in found.silent.values():
        screen.prose(why, tone="bad")
    for tool in found.tools:
        if isinstance(tool.permit, Refused) and tool.spec.refused:
            screen.prose(f"{tool.spec.name}: {tool.permit.why}", tone="warn")
    if found.environment is None:
        said = "Nobody has said where this runs: `environment` in mesh.yaml, or MESH_ENVIRONMENT."
        screen.prose(said, tone="quiet")


_LEVELS: Mapping[str, Tone] = {"read": "", "write": "warn", "destructive": "bad"}


def _word(tool: FoundTool) -> tuple[str, Tone]:
    if not tool.spec.for_models:
        return "only graphs call it", "quiet"
    tones: Mapping[type, Tone] = {Allowed: "good", NeedsApproval: "warn", Refused: "bad"}
    return _WORDS[type(tool.permit)], tones[type(tool.permit)]


_WHERE: Mapping[bool | None, str] = {
    True: "leaves your machines",
    False: "stays on your machines",
    None: "may leave your machines: nobody has said",
}


def show_tool(screen: Screen, tool: FoundTool) -> None:
    """All of one."""
    spec, limits = tool.spec, tool.limits
    screen.print(screen.text(spec.name, "strong"))
    screen.prose(spec.description or "(it does not say what it does)", 2)
    screen.print("")
    rate = limits.calls_per_minute
    facts = (
        ("level", spec.level if spec.stated else f"{spec.level}: it states none"),
        ("from", spec.source),
        ("where", ", ".join(spec.environments) or "everywhere"),
        ("what it is given", _WHERE[spec.hosted]),
        ("what it returns", spec.data_class or "as what it is given"),
        ("time", f"{limits.timeout_s:g} s"),
        ("output", f"{limits.most_output_chars:,} characters"),
        ("calls a minute", "no limit" if rate is None else str(rate)),
        ("digest", spec.digest),
    )
    table = screen.table("", "")
    table.show_header = False
    for name, value in facts:
        table.add_row(screen.text(name, "quiet"), value)
    word, tone = _word(tool)
    table.add_row(screen.text("a model's call", "quiet"), screen.text(word, tone))
    table.add_row(screen.text("rule", "quiet"), tool.permit.by_rule)
    if not isinstance(tool.permit, Allowed):
        table.add_row(screen.text("why", "quiet"), tool.permit.why)
    screen.show(table)
    screen.heading("Arguments")
    screen.print(json.dumps(plain(spec.parameters), indent=2, ensure_ascii=False))
