"""A session with a declared MCP server: opened, used once, closed.

Each call has one of its own, so a server that hangs, dies or keeps what it was told in memory
touches no other call. What a server writes to its error output is shown nowhere, but its last line
where it did not come up.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import PrerequisiteError, UserError
from orchestrator.project.tools_schema import McpServer

if TYPE_CHECKING:
    import httpx
    from mcp import ClientSession

_LAST_LINE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to reach one server."""

    name: str
    declared: McpServer
    env: Mapping[str, str]
    """What it is given of the environment, by name."""
    headers: Mapping[str, str]
    root: Path

    def without_secrets(self, text: str) -> str:
        """`text` without the values that the server was given of the environment."""
        given = {**self.env, **{v: self.headers[h] for h, v in self.declared.headers.items()}}
        for name, value in given.items():
            if len(value) >= 4:
                text = text.replace(value, f"<{name}>")
        return text


def way_to(name: str, declared: McpServer, env: Mapping[str, str], root: Path) -> Way:
    """How to reach the server.

    Raises:
        UserError: a variable of the environment that it needs is not set.
    """
    wanted = (*declared.env, *declared.headers.values())
    missing = sorted({variable for variable in wanted if not env.get(variable)})
    if missing:
        raise UserError(f"the MCP server '{name}': {', '.join(missing)} is not set")
    return Way(
        name=name,
        declared=declared,
        env={variable: env[variable] for variable in declared.env},
        headers={header: env[variable] for header, variable in declared.headers.items()},
        root=root,
    )


def require_extra() -> None:
    """Raises:
    PrerequisiteError: the packages of the extra `mcp` are not installed.
    """
    from importlib.util import find_spec

    if find_spec("mcp") is None or find_spec("langchain_mcp_adapters") is None:
        raise PrerequisiteError(
            "mesh.yaml declares MCP servers (tools.mcp), which need the extra `mcp`: "
            'pip install "model-mesh-orchestrator[mcp]"'
        )


@asynccontextmanager
async def session(way: Way) -> AsyncIterator[ClientSession]:
    """A session that is ready for requests.

    Raises:
        RuntimeError: the server did not come up; says its last words, without secrets.
    """
    opened = _by_program(way) if way.declared.command else _by_http(way)
    async with opened as found:
        yield found


@asynccontextmanager
async def _by_program(way: Way) -> AsyncIterator[ClientSession]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(
        command=way.declared.command or "",
        args=list(way.declared.args),
        env=dict(way.env),
        cwd=way.root,
        encoding_error_handler="replace",
    )
    ready = False
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            async with (
                # langchain_mcp_adapters would let it write its errors on our own output.
                stdio_client(server, errlog=said) as (read, write),
                ClientSession(read, write) as found,
            ):
                await found.initialize()
                ready = True
                yield found
        except FileNotFoundError as error:
            raise RuntimeError(f"there is no program '{way.declared.command}'") from error
        except Exception as error:
            if ready:
                raise
            raise RuntimeError(f"it did not come up{_last_line(said, way)}") from error


def _last_line(said: Any, way: Way) -> str:
    said.seek(0)
    lines = [line.strip() for line in said.read()[-10_000:].splitlines() if line.strip()]
    return f": {way.without_secrets(lines[-1][:_LAST_LINE])}" if lines else ""


@asynccontextmanager
async def _by_http(way: Way) -> AsyncIterator[ClientSession]:
    from langchain_mcp_adapters.sessions import StreamableHttpConnection, create_session

    connection = StreamableHttpConnection(
        transport="streamable_http",
        url=way.declared.url or "",
        headers=dict(way.headers),
        timeout=way.declared.timeout_s,
        sse_read_timeout=way.declared.timeout_s,
        httpx_client_factory=_client,
    )
    async with create_session(connection) as found:
        await found.initialize()
        yield found


def _client(
    headers: dict[str, str] | None = None,
    timeout: httpx.Timeout | None = None,
    auth: httpx.Auth | None = None,
) -> httpx.AsyncClient:
    """Follows no redirect: the headers hold keys, and are for the declared address alone."""
    import httpx

    return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, follow_redirects=False)
