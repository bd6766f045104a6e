"""Approvals from elsewhere: told by a signed webhook, answered by a signed request or an admin."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from orchestrator import Mesh
from orchestrator.calling.clock import SystemClock
from orchestrator.errors import PrerequisiteError, WaitingError
from orchestrator.gateway.build import build
from orchestrator.gateway.keys.values import Key
from orchestrator.graph.telling import FRESH_S, HEADER, is_signed, signed
from tests.calling.server import StandIn
from tests.graph.acting import Told, done, plan, spending, waiting, write_project

from .serving import Ring
from .serving import listening as served

SECRET = "a long shared secret"
ENV = {"APPROVALS_SECRET": SECRET}
SIGNED = "approvals: {secret: APPROVALS_SECRET}\n"
KEYS = Ring(
    {
        "caller": Key(id="key_c", access=frozenset({"call"})),
        "admin": Key(id="key_a", access=frozenset({"admin"})),
    }
)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, list[tuple[str, bytes]]]]:
    heard: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        heard.append((request.headers.get(HEADER, ""), await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", heard
    finally:
        await runner.cleanup()


async def test_a_webhook_is_told_once_and_can_tell_that_it_was_us(tmp_path: Path) -> None:
    async with StandIn(Told()) as url, listening() as (hook, heard):
        settings = f"approvals: {{webhook: '{hook}', secret: APPROVALS_SECRET}}\n"
        folder = write_project(tmp_path, url, settings=settings)
        async with Mesh.load(folder, env=ENV) as mesh:
            with pytest.raises(WaitingError) as stopped:
                await mesh.run(question=plan(spending(7), "end"))
            with pytest.raises(WaitingError):
                await mesh.run(resume=stopped.value.run)
        ((signature, body),) = heard
        with pytest.raises(PrerequisiteError, match="set APPROVALS_SECRET"):
            async with Mesh.load(folder, env={}) as mesh:
                await mesh.run(question=plan(spending(8), "end"))
    assert is_signed(SECRET, body, signature, SystemClock().now())
    assert not is_signed(SECRET, body + b" ", signature, SystemClock().now())
    assert not is_signed("another", body, signature, SystemClock().now())
    assert not is_signed(SECRET, body, signature, SystemClock().now() + FRESH_S + 2)
    told = json.loads(body)
    assert told["approval"] == stopped.value.approval
    assert (told["tool"], told["level"]) == ("spend", "destructive")
    assert json.loads(told["shown"]["arguments"]) == {"amount": 7}


async def test_a_signed_answer_is_taken_and_no_other(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url, settings=SIGNED)
        one = await waiting(folder, question=plan(spending(7), "end"))
        other = await waiting(folder, question=plan(spending(8), "end"))
        async with (
            Mesh.load(folder, env=ENV) as mesh,
            served(build(mesh, keys=KEYS)) as gateway,
            aiohttp.ClientSession() as http,
        ):
            now = SystemClock().now()
            said = {"approval": one.approval, "answer": "approve", "by": "ann"}
            path = f"/v1/approvals/{one.approval}"

            async def post(at: str, body: Any, **headers: str) -> tuple[int, Any]:
                data = json.dumps(body).encode()
                headers = {"content-type": "application/json", **headers}
                async with http.post(gateway + at, data=data, headers=headers) as answer:
                    return answer.status, await answer.json()

            def sign(body: Any, secret: str = SECRET, at: float = now) -> dict[str, str]:
                return {HEADER: signed(secret, json.dumps(body).encode(), at)}

            assert (await post(path, said))[0] == 401
            assert (await post(path, said, authorization="Bearer caller"))[0] == 403
            assert (await post(path, said, **sign(said, "guessed")))[0] == 401
            assert (await post(path, said, **sign(said, at=now - FRESH_S - 60)))[0] == 401
            assert (await post(path, {**said, "answer": "reject"}, **sign(said)))[0] == 401
            # A good one, sent to another approval's path.
            elsewhere = f"/v1/approvals/{other.approval}"
            assert (await post(elsewhere, said, **sign(said)))[0] == 400
            assert mesh.approvals.get(one.approval).state == "waiting"
            status, answer = await post(path, said, **sign(said))
            assert (status, answer["state"]) == (200, "approved")
            assert (await post(path, said, **sign(said)))[0] == 200, "said twice is said once"
            ruling = mesh.approvals.get(one.approval).ruling
            assert ruling is not None
            assert ruling.by == "webhook:ann"
            no = {"approval": other.approval, "answer": "reject", "because": "no"}
            assert (await post(elsewhere, no, authorization="Bearer admin"))[0] == 200
            yes = {**no, "answer": "approve"}
            assert (await post(elsewhere, yes, authorization="Bearer admin"))[0] == 409
            nobody = {**said, "approval": "f" * 32}
            away = f"/v1/approvals/{'f' * 32}"
            assert (await post(away, nobody, authorization="Bearer admin"))[0] == 404
            answer = await mesh.run(resume=one.run)
            assert answer.text == "end"
            assert (await post(path, said, **sign(said)))[0] == 200, "and nothing comes of it"
    assert done(folder) == ["spend 7"]
