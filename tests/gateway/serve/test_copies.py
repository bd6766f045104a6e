"""Copies and workers of a real service keep one limit, with Valkey, without it, and after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.calling.server import Say, StandIn
from tests.sharing.valkey import Valkey, valkey

from .service import Service, body, serving, write_service

__all__ = ["valkey"]

pytestmark = pytest.mark.slow
FIVE_HUNDRED = """
objective: {minimize: cost}
limits: [{per: project, requests_per_minute: 500}]
"""


async def ask(services: list[Service], times: int, at_once: int = 64) -> Counter[int]:
    """How often each status came; the requests go to the services in turn."""
    statuses: Counter[int] = Counter()
    waiting = iter(range(times))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def one_after_the_other() -> None:
            for number in waiting:
                url = f"{services[number % len(services)].url}/v1/chat/completions"
                async with client.post(url, json=body()) as response:
                    statuses[response.status] += 1
                    if response.status != 200:
                        assert int(response.headers["retry-after"]) >= 1
                    await response.read()

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return statuses


def project(folder: Path, endpoint: str, mesh: str = "") -> Path:
    write_service(folder, endpoint, FIVE_HUNDRED)
    if mesh:
        (folder / "mesh.yaml").write_text(mesh)
    return folder


async def test_two_copies_and_their_workers_admit_what_the_limit_says(
    tmp_path: Path, valkey: Valkey
) -> None:
    shared = f"shared: {{url: '{valkey.url}', name: sales}}\n"
    async with StandIn(Say("hello")) as endpoint, AsyncExitStack() as stack:
        copies = [
            await stack.enter_async_context(
                serving(project(tmp_path / name, endpoint, shared), "--workers", "2")
            )
            for name in ("one", "two")
        ]
        assert await ask(copies, 2000, at_once=500) == {200: 500, 429: 1500}


async def test_workers_of_one_service_keep_a_limit_together(tmp_path: Path) -> None:
    async with StandIn(Say("hello")) as endpoint:
        folder = project(tmp_path / "one", endpoint)
        async with serving(folder, "--workers", "2") as service:
            assert await ask([service], 1000, at_once=200) == {200: 500, 429: 500}


async def test_without_valkey_copies_go_on_within_the_limit(tmp_path: Path, valkey: Valkey) -> None:
    shared = f"shared: {{url: '{valkey.url}', name: sales}}\n"
    async with StandIn(Say("hello")) as endpoint, AsyncExitStack() as stack:
        copies = [
            await stack.enter_async_context(serving(project(tmp_path / name, endpoint, shared)))
            for name in ("one", "two")
        ]
        assert await ask(copies, 200) == {200: 200}
        await asyncio.sleep(1.5)  # each has heard of the other
        valkey.kill()
        during = await ask(copies, 800)
        assert during[200] <= 300
        assert during[200] >= 250
        assert set(during) == {200, 429}
        valkey.start()
        await asyncio.sleep(5)
        after = await ask(copies, 800)
        assert during[200] + after[200] == 300
        assert all("is back" in copy.logged() for copy in copies)


async def test_refuse_answers_503_and_says_when_to_come_back(
    tmp_path: Path, valkey: Valkey
) -> None:
    shared = f"shared: {{url: '{valkey.url}', when_gone: refuse}}\n"
    async with (
        StandIn(Say("hello")) as endpoint,
        serving(project(tmp_path / "one", endpoint, shared)) as service,
    ):
        assert await ask([service], 20) == {200: 20}
        valkey.kill()
        await asyncio.sleep(1.5)
        assert await ask([service], 20) == {503: 20}
        valkey.start()
        await asyncio.sleep(3)
        assert await ask([service], 20) == {200: 20}
