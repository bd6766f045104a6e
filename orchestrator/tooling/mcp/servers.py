"""The declared MCP servers, and their tools as tools of the project."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StorageError, UserError
from orchestrator.project._check_tools import OF_SERVER
from orchestrator.project.protocols import Clock
from orchestrator.project.tools_schema import McpServer
from orchestrator.tooling.mcp.sessions import Way, require_extra, session, way_to
from orchestrator.tooling.mcp.trust import Kept, Told, TrustStore
from orchestrator.tooling.values import ANYTHING, Tool, ToolFailure, ToolSpec

if TYPE_CHECKING:
    import mcp.types as protocol
    from mcp import ClientSession

MOST_TOOLS = 200
"""Of one server; more are not listed, and no model could choose among them."""
FRESH_S = 60.0
"""For so long a list of tools is taken for what there is; a call looks again."""
LONGEST_DESCRIPTION = 4_000
_LONGEST_NAME = 64
_NAME = re.compile(r"[^A-Za-z0-9_-]")


class McpServers:
    """Servers by name. Each is asked for its tools when somebody first wants to know.

    Args:
        env: the environment, of which each server gets what it declares and nothing else but what
            every program needs (PATH, HOME, …).
        root: where programs are started.
        trust: what was agreed to of each tool.
    """

    def __init__(
        self,
        declared: Mapping[str, McpServer],
        *,
        env: Mapping[str, str],
        root: Path,
        trust: TrustStore,
        clock: Clock,
    ) -> None:
        self._declared, self._env, self._root = declared, env, root
        self._trust, self._clock = trust, clock
        self._known: dict[str, tuple[float, Mapping[str, Tool]]] = {}
        self.silent: dict[str, str] = {}
        """The servers that did not answer when they were asked last, and why."""

    async def tools(self, server: str | None = None) -> Mapping[str, Tool]:
        """All tools of all servers that answer, by name.

        Args:
            server: ask this one alone, so that nobody waits for another.

        Raises:
            PrerequisiteError: the extra `mcp` is not installed.
            StorageError: what was agreed to cannot be read.
        """
        require_extra()
        now = self._clock.monotonic()
        due = [
            name
            for name in (self._declared if server is None else (server,))
            if name not in self._known or now - self._known[name][0] > FRESH_S
        ]
        for name, found in zip(due, await asyncio.gather(*map(self._listed, due)), strict=True):
            if isinstance(found, str):
                self.silent[name] = found
                self._known.pop(name, None)
            else:
                self.silent.pop(name, None)
                self._known[name] = (now, found)
        return {name: tool for _, tools in self._known.values() for name, tool in tools.items()}

    def changes(self) -> Mapping[str, Kept]:
        """The tools that have changed since somebody agreed, by the name that the project knows."""
        return {
            _known_as(server, own): kept
            for server, tools in self._trust.changes().items()
            for own, kept in tools.items()
        }

    def agree(self, name: str, to: str, *, by: str) -> bool:
        """A person agrees to what that tool is now; see `TrustStore.agree`."""
        for server, tools in self._trust.changes().items():
            for own in tools:
                if _known_as(server, own) == name:
                    self._known.pop(server, None)
                    return self._trust.agree(server, own, to, by=by)
        return False

    async def _listed(self, name: str) -> Mapping[str, Tool] | str:
        """The tools of one server, or why it has none."""
        declared = self._declared[name]
        try:
            way = way_to(name, declared, self._env, self._root)
        except UserError as error:
            return str(error)
        try:
            async with asyncio.timeout(declared.timeout_s), session(way) as opened:
                listed = await _tools_of(opened)
        except TimeoutError:
            return f"the MCP server '{name}' did not answer within {declared.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - another's program: whatever goes wrong is told of it
            return _trouble(way, error)
        told = {tool.name: _told(tool) for tool in listed if self._wanted(declared, tool.name)}
        refused = self._trust.see(name, told)
        return self._as_tools(way, told, refused)

    def _wanted(self, declared: McpServer, tool: str) -> bool:
        return declared.only is None or tool in declared.only

    def _as_tools(
        self, way: Way, told: Mapping[str, Told], refused: Mapping[str, str]
    ) -> Mapping[str, Tool]:
        """By the names that the project knows them under."""
        names = {own: _known_as(way.name, own) for own in told}
        times = Counter(names.values())
        found: dict[str, Tool] = {}
        for own, name in names.items():
            why = refused.get(own, "")
            if times[name] > 1:
                why = f"the MCP server '{way.name}' has {times[name]} tools of this name"
            found[name] = self._tool(way, name, own, told[own], why)
        return found

    def _tool(self, way: Way, name: str, own: str, told: Told, refused: str) -> Tool:
        from orchestrator.validation.schemas import faults

        declared = way.declared
        wrong = faults(told.parameters)
        if wrong:
            refused = refused or f"the MCP server '{way.name}' gives it a broken schema: {wrong[0]}"
        spec = ToolSpec(
            name=name,
            description=told.description[:LONGEST_DESCRIPTION],
            parameters=ANYTHING if wrong else told.parameters,
            level=declared.levels.get(own, declared.default_level),
            stated=own in declared.levels or "default_level" in declared.model_fields_set,
            environments=declared.environments,
            timeout_s=declared.timeout_s,
            data_class=declared.data_class,
            hosted=declared.hosted,
            source=f"mcp:{way.name}",
            refused=refused,
        )

        async def call(_box: Any, **arguments: Any) -> str | ToolFailure:
            return await self._called(way, own, told.digest, arguments)

        return Tool(spec=spec, function=call)

    async def _called(
        self, way: Way, own: str, agreed: str, arguments: dict[str, Any]
    ) -> str | ToolFailure:
        try:
            async with session(way) as opened:
                now = next((t for t in await _tools_of(opened) if t.name == own), None)
                changed = self._changed(way, own, agreed, now)
                if changed is not None:
                    return changed
                answer = await opened.call_tool(own, arguments)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - another's program: whatever goes wrong is told of it
            return ToolFailure(kind="unreachable", message=_trouble(way, error))
        text = way.without_secrets(_text_of(answer))
        return ToolFailure(kind="failed", message=text) if answer.isError else text

    def _changed(
        self, way: Way, own: str, agreed: str, now: protocol.Tool | None
    ) -> ToolFailure | None:
        """Why the tool is not the one that was permitted; `None` where it is."""
        if now is None:
            self._known.pop(way.name, None)
            said = f"the MCP server '{way.name}' has no tool '{own}' any more"
            return ToolFailure(kind="gone", message=said)
        told = _told(now)
        if told.digest == agreed:
            return None
        self._known.pop(way.name, None)
        refused = self._trust.see(way.name, {own: told})
        said = refused.get(own) or f"the MCP server '{way.name}' has changed '{own}' just now"
        return ToolFailure(kind="changed", message=said)


def _known_as(server: str, own: str) -> str:
    """The name that the project knows a server's tool under, which models can be told too."""
    return f"{server}{OF_SERVER}{_NAME.sub('_', own)}"[:_LONGEST_NAME]


async def _tools_of(opened: ClientSession) -> list[protocol.Tool]:
    found: list[protocol.Tool] = []
    cursor: str | None = None
    while len(found) < MOST_TOOLS:
        page = await opened.list_tools(cursor)
        found += page.tools
        if not page.nextCursor or not page.tools:
            break
        cursor = page.nextCursor
    return found[:MOST_TOOLS]


def _told(tool: protocol.Tool) -> Told:
    return Told(description=tool.description or "", parameters=tool.inputSchema)


def _text_of(answer: protocol.CallToolResult) -> str:
    """Its text; what is no text is named, for models read text."""
    texts: list[str] = []
    for part in answer.content:
        resource = getattr(part, "resource", None)
        text = getattr(part, "text", None) or getattr(resource, "text", None)
        texts.append(text if isinstance(text, str) else f"[{part.type}, which is no text]")
    if not texts and answer.structuredContent is not None:
        import json

        return json.dumps(answer.structuredContent, ensure_ascii=False)
    return "\n".join(texts)


def _trouble(way: Way, error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = way.without_secrets(str(error))[:300] or type(error).__name__
    return f"the MCP server '{way.name}' cannot be used: {said}"
