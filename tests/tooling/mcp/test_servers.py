"""Real MCP servers, by their input and over HTTP: used, and what a hostile one may try."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.errors import PrerequisiteError
from orchestrator.project.tools_schema import McpServer
from orchestrator.tooling.calling import Callings, call_tool
from orchestrator.tooling.mcp.servers import McpServers
from orchestrator.tooling.mcp.trust import TrustStore
from orchestrator.tooling.rates import ToolRates
from orchestrator.tooling.values import CallLimits, Tool, ToolCallResult

SERVING = str(Path(__file__).with_name("serving.py"))
KEY = "planted-key-of-the-server"


def servers(tmp_path: Path, *, trust: TrustStore | None = None, **named: McpServer) -> McpServers:
    """These servers, with a state that a test may write to `state`."""
    env = {
        **os.environ,
        "PLANTED_KEY": KEY,
        "HIDDEN": "of somebody else",
        "STATE_FILE": str(tmp_path / "state"),
    }
    store = trust or TrustStore(tmp_path / "trust.json")
    return McpServers(named, env=env, root=tmp_path, trust=store, clock=SystemClock())


def program(*arguments: str, **more: Any) -> McpServer:
    given: dict[str, Any] = {"env": ("PLANTED_KEY", "STATE_FILE"), "timeout_s": 20}
    return McpServer(command=sys.executable, args=(SERVING, *arguments), **given | more)


async def call(tool: Tool, timeout_s: float = 20, **arguments: Any) -> ToolCallResult:
    clock = SystemClock()
    limits = Callings(limits=CallLimits(timeout_s=timeout_s), rates=ToolRates(clock), clock=clock)
    return await call_tool(tool.spec, tool.function, arguments, box=None, limits=limits)


@contextmanager
def over_http(tmp_path: Path) -> Iterator[str]:
    """The address of a server over HTTP, and the process behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "STATE_FILE": str(tmp_path / "state")}
    process = Popen([sys.executable, SERVING, "http"], env=env)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()  # one that hangs hears nothing else
        process.wait(10)


async def up(url: str) -> None:
    """Wait until somebody listens there."""
    port = int(url.split(":")[2].split("/")[0])
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError("the server does not come up")


async def test_tools_of_a_program_are_tools_of_the_project(tmp_path: Path) -> None:
    found = servers(
        tmp_path,
        weather=program(
            levels={"weather": "read", "delete_file": "destructive"},
            only=("weather", "delete_file", "secret"),
            default_level="write",
            environments=("dev",),
            data_class="internal",
            hosted=False,
        ),
    )
    tools = await found.tools()
    assert sorted(tools) == ["weather__delete_file", "weather__secret", "weather__weather"]
    spec = tools["weather__weather"].spec
    assert (spec.level, spec.stated, spec.source) == ("read", True, "mcp:weather")
    assert (spec.environments, spec.data_class, spec.hosted) == (("dev",), "internal", False)
    assert spec.description == "The weather of a place."
    assert spec.parameters["required"] == ["place"]
    assert tools["weather__secret"].spec.level == "write"
    assert (await call(tools["weather__weather"], place="Rome")).text == "In Rome it is mild."
    wrong = await call(tools["weather__weather"], town="Rome")
    assert wrong.error is not None
    assert wrong.error.kind == "arguments"


async def test_a_tool_of_no_stated_level_is_destructive(tmp_path: Path) -> None:
    tools = await servers(tmp_path, files=program()).tools()
    assert {tool.spec.level for tool in tools.values()} == {"destructive"}
    assert not any(tool.spec.stated for tool in tools.values())
    assert all(tool.spec.hosted for tool in tools.values())


async def test_a_server_gets_what_it_declares_of_the_environment_and_shows_none_of_it(
    tmp_path: Path,
) -> None:
    tools = await servers(tmp_path, files=program()).tools()
    said = await call(tools["files__secret"])
    assert said.text == "the key is <PLANTED_KEY>, None"
    failed = await call(tools["files__fail"])
    assert failed.error is not None
    assert "cannot log in with <PLANTED_KEY>" in failed.text
    assert KEY not in repr((said, failed))


async def test_a_server_that_dies_returns_megabytes_or_hangs(tmp_path: Path) -> None:
    tools = await servers(tmp_path, files=program()).tools()
    much, dead, hung = await asyncio.gather(
        call(tools["files__much"], megabytes=4),
        call(tools["files__die"]),
        call(tools["files__hang"], timeout_s=1.5),
    )
    assert much.truncated
    assert len(much.text) < 21_000
    assert dead.error is not None
    assert dead.error.kind == "unreachable"
    assert hung.error is not None
    assert hung.error.kind == "timeout"
    assert (await call(tools["files__weather"], place="Rome")).text == "In Rome it is mild."


async def test_servers_that_do_not_come_up_are_told_and_others_go_on(tmp_path: Path) -> None:
    found = servers(
        tmp_path,
        files=program(),
        broken=program("broken"),
        mute=program("mute", timeout_s=0.5),
        nowhere=McpServer(command="no-such-program-at-all"),
        unset=program(env=("NOT_SET_ANYWHERE",)),
        closed=McpServer(url="http://127.0.0.1:9/mcp", timeout_s=5),
    )
    tools = await found.tools()
    assert {tool.spec.server for tool in tools.values()} == {"files"}
    silent = dict(found.silent)
    assert silent.pop("broken").endswith("it did not come up: cannot open with <PLANTED_KEY>")
    assert silent.pop("mute") == "the MCP server 'mute' did not answer within 0.5 s"
    assert "no program 'no-such-program-at-all'" in silent.pop("nowhere")
    assert silent.pop("unset") == "the MCP server 'unset': NOT_SET_ANYWHERE is not set"
    assert "cannot be used" in silent.pop("closed")
    assert silent == {}


async def test_a_changed_description_is_refused_until_a_person_agrees(tmp_path: Path) -> None:
    trust = TrustStore(tmp_path / "trust.json")
    before = (await servers(tmp_path, trust=trust, files=program()).tools())["files__weather"]
    assert before.spec.refused == ""
    (tmp_path / "state").write_text("poisoned")
    changed = await call(before, place="Rome")  # between its permit and its call
    assert changed.error is not None
    assert changed.error.kind == "changed"
    assert "mild" not in changed.text
    later = (await servers(tmp_path, trust=trust, files=program()).tools())["files__weather"]
    assert "has changed what it says of 'weather'" in later.spec.refused
    kept = trust.changes()["files"]["weather"]
    assert kept.now is not None
    assert "user's keys" in kept.now.description
    assert trust.agree("files", "weather", kept.now.digest, by="ada")
    agreed = (await servers(tmp_path, trust=trust, files=program()).tools())["files__weather"]
    assert agreed.spec.refused == ""
    assert (await call(agreed, place="Rome")).text == "In Rome it is mild."


async def test_a_tool_that_is_there_no_more(tmp_path: Path) -> None:
    found = servers(tmp_path, files=program())
    tool = (await found.tools())["files__weather"]
    (tmp_path / "state").write_text("gone")
    missing = await call(tool, place="Rome")
    assert missing.error is not None
    assert missing.error.kind == "gone"
    assert "files__weather" not in await found.tools()  # nobody goes on by the old list


async def test_a_server_over_http(tmp_path: Path) -> None:
    with over_http(tmp_path) as url:
        await up(url)
        web = McpServer(url=url, headers={"X-Key": "PLANTED_KEY"}, levels={"weather": "read"})
        found = servers(tmp_path, web=web)
        tools = await found.tools()
        assert found.silent == {}
        assert (await call(tools["web__weather"], place="Rome")).text == "In Rome it is mild."
        hung = await call(tools["web__hang"], timeout_s=0.5)
        assert hung.error is not None
        assert hung.error.kind == "timeout"
    dead = await call(tools["web__weather"], place="Rome")
    assert dead.error is not None
    assert dead.error.kind == "unreachable"


async def test_without_the_extra_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PrerequisiteError, match=r"model-mesh-orchestrator\[mcp\]"):
        await servers(tmp_path, files=program()).tools()
