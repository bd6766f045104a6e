"""A real `mesh serve` in processes of its own, over a project whose model is a stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

POLICY = "objective: {minimize: cost}\n"
MESH = (sys.executable, "-m", "orchestrator.cli")


def write_service(folder: Path, endpoint: str, policy: str = POLICY) -> Path:
    """A project with two deployments of one model, both at `endpoint`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fleet.yaml").write_text(
        f"""
models:
  words:
    family: someone
    context: 8000
    tier: mid
    tasks: {{"*": 0.9}}
    can: [stream]
    deployments:
      - {{id: one, via: openai, model: first, endpoint: "{endpoint}", hosting: self}}
  spare:
    family: other
    context: 8000
    tier: small
    tasks: {{"*": 0.5}}
    can: [stream]
    deployments:
      - {{id: one, via: openai, model: second, endpoint: "{endpoint}", hosting: self}}
"""
    )
    (folder / "policy.yaml").write_text(policy)
    return folder


@dataclass
class Service:
    """One that runs."""

    process: asyncio.subprocess.Process
    started: dict[str, Any]
    log: Path

    @property
    def url(self) -> str:
        return str(self.started["address"])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.started["pid"], number)

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), 30)

    def logged(self) -> str:
        return self.log.read_text()


@asynccontextmanager
async def serving(folder: Path, *options: str) -> AsyncIterator[Service]:
    """`mesh serve --open` on a free port, killed at the end if it still runs."""
    log = folder / "serve.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(*MESH, "serve", "--open", "--port", "0", "--json", "--project", str(folder)),
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line, log.read_text()
        yield Service(process, json.loads(line), log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def mesh(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """A `mesh` command with `--json`: its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(*MESH, *arguments, "--project", str(folder), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 30)
    said = json.loads(out) if out.strip() else {"error": errors.decode()}
    return process.returncode or 0, said


def body(text: str = "hello", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    """A request."""
    return {
        "model": "auto",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        **more,
    }


async def streamed(client: aiohttp.ClientSession, url: str) -> str:
    """The text of a streamed answer; `cut` where it did not end with `[DONE]`, `refused` where it
    was not taken, `dropped` where nobody said so."""
    try:
        response = await client.post(f"{url}/v1/chat/completions", json=body(stream=True))
    except aiohttp.ClientConnectorError:
        return "refused"
    except aiohttp.ClientConnectionError:
        return "dropped"
    async with response:
        if response.status == 503:
            return "refused"
        assert response.status == 200, await response.text()
        words, done = "", False
        try:
            async for line in response.content:
                if line.startswith(b"data: [DONE]"):
                    done = True
                elif line.startswith(b"data: "):
                    for choice in json.loads(line[6:])["choices"]:
                        words += choice["delta"].get("content") or ""
        except aiohttp.ClientError:
            return "cut"
        return words if done else "cut"
