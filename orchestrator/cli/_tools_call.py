"""A tool called by hand, and changes of MCP tools agreed to."""

from __future__ import annotations

import asyncio
import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli._show import Screen, Tone, print_json, terminal
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.types import as_json as plain

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh
    from orchestrator.roles.lone_tool import LoneCall
    from orchestrator.tooling.mcp.trust import Kept, Told
    from orchestrator.tooling.permit import NeedsApproval
    from orchestrator.tooling.values import ToolCallResult, ToolSpec


def arguments_of(pairs: Sequence[str], whole: str | None) -> dict[str, Any]:
    """The arguments as values: `KEY=VALUE`, whose value is JSON where it can be read as such.

    Raises:
        UserError: not of that form, or no JSON object.
    """
    found: dict[str, Any] = {}
    if whole is not None:
        try:
            found = json.loads(whole)
        except ValueError as error:
            raise UserError(f"--args: this is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise UserError('--args: allowed is one JSON object, for example {"path": "a.txt"}')
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UserError(f"--arg: found '{pair}'; allowed: KEY=VALUE")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def called(project: Path, asked: LoneCall) -> ToolCallResult:
    """What the tool brought.

    Raises:
        RunError: the rules refuse it, or nobody agreed.
    """
    from orchestrator.mesh import Mesh
    from orchestrator.project.vocabulary import check_request

    mesh = Mesh.load(project)
    check_request(mesh.project, data_class=asked.data_class, risk=asked.risk)

    async def call() -> ToolCallResult:
        async with mesh:
            return await mesh.call_tool(asked, agreed)

    return asyncio.run(call())


def agreed(spec: ToolSpec, arguments: Mapping[str, Any], needs: NeedsApproval) -> str | None:
    """Ask the person at the terminal; without one nobody agrees."""
    if not (terminal(sys.stdin) and terminal(sys.stderr)):
        return None
    from orchestrator.storage.operations import os_user

    screen = Screen(sys.stderr)
    screen.print(screen.join((f"{spec.name}", "strong"), f" ({spec.level}): {needs.why}"))
    for key, value in arguments.items():
        screen.print(screen.join((f"  {key} = ", "quiet"), json.dumps(plain(value))))
    return os_user() if _yes("Call it? Write yes: ") else None


def _yes(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def trusted(project: Path, name: str, yes: str | None, *, as_json: bool) -> None:
    """Show what has changed, ask, and put the answer on record.

    Raises:
        UnknownNameError: no such server, or no such tool of one.
        UserError: nothing has changed, or nobody is there to agree.
    """
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    screen = Screen(sys.stderr if as_json else None)

    async def ask() -> list[dict[str, Any]]:
        async with mesh:
            await mesh.tools.all()  # nobody agrees to what the servers said yesterday
            found = _changed(mesh, name)
            return [
                {
                    "tool": tool,
                    "digest": kept.now.digest,
                    "agreed": _agreed_to(screen, mesh, tool, kept.agreed, kept.now, yes),
                }
                for tool, kept in sorted(found.items())
                if kept.now is not None
            ]

    done = asyncio.run(ask())
    if as_json:
        print_json({"tools": done})
    if not all(one["agreed"] for one in done):
        raise UserError("not agreed; the tool stays off (--yes DIGEST agrees without a terminal)")


def _changed(mesh: Mesh, name: str) -> dict[str, Kept]:
    """What is meant of all that has changed, by the name of the tool."""
    found = {
        tool: kept
        for tool, kept in mesh.tools.changes().items()
        if name in (tool, tool.partition("__")[0])
    }
    if found:
        return found
    servers, server = tuple(mesh.project.settings.tools.mcp), name.partition("__")[0]
    if server in mesh.tools.silent:
        raise UserError(mesh.tools.silent[server])
    if server not in servers:
        raise UnknownNameError("MCP server", name, servers)
    raise UserError(f"'{name}' is as it was agreed to; there is nothing to agree")


def _agreed_to(
    screen: Screen, mesh: Mesh, tool: str, before: Told, now: Told, yes: str | None
) -> bool:
    from orchestrator.storage.operations import os_user

    screen.heading(tool)
    for line in _difference(before, now):
        tone: Tone = "good" if line.startswith("+") else "bad" if line.startswith("-") else "quiet"
        screen.print(screen.text(line, tone))
    screen.print(screen.text(f"digest {now.digest}", "quiet"))
    if yes is None and terminal(sys.stdin) and terminal(sys.stderr):
        yes = now.digest if _yes("Agree to what it says now? Write yes: ") else None
    done = yes == now.digest and mesh.trust_tool(tool, now.digest, by=os_user())
    if done:
        screen.print(screen.join((screen.sign("yes"), "good"), f" agreed: {tool} may be called"))
    return done


def _difference(before: Told, now: Told) -> list[str]:
    def lines(told: Told) -> list[str]:
        return [*told.description.splitlines(), *json.dumps(told.parameters, indent=1).splitlines()]

    found = difflib.unified_diff(lines(before), lines(now), "agreed", "now", lineterm="", n=2)
    return list(found)
