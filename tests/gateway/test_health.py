"""What load balancers and people ask a gateway about itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.gateway.drain import drain
from orchestrator.gateway.keys.values import Key
from tests.calling.server import Fail, Say, StandIn

from .serving import FLEET, Ring, serving, write_served


async def test_live_and_ready_need_no_key_and_targets_one_that_reads(tmp_path: Path) -> None:
    keys = Ring({"caller": Key(id="key_1"), "reader": Key(id="key_2", access=frozenset({"read"}))})
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream, keys=keys) as got:
        assert (await got.get("/health/live"))[::2] == (200, {"status": "ok"})
        assert (await got.get("/health/ready"))[::2] == (200, {"status": "ok", "reasons": []})
        assert (await got.get("/health/targets"))[0] == 401
        assert (await got.get("/health/targets", authorization="Bearer caller"))[0] == 403
        status, headers, body = await got.get("/health/targets", authorization="Bearer reader")
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert [one["deployment"] for one in body["targets"]] == ["fallback/here", "primary/here"]


async def test_a_draining_gateway_is_alive_and_not_ready(tmp_path: Path) -> None:
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as got:
        got.app.state.draining = True
        status, _, body = await got.get("/health/ready")
        assert status == 503
        assert body["reasons"] == ["it is draining: it was told to end"]
        assert (await got.get("/health/live"))[0] == 200


async def test_not_ready_where_nobody_is_available(tmp_path: Path) -> None:
    fleet = FLEET.replace("hosting: self,", "hosting: self, key: NOT_SET_ANYWHERE,")
    write_served(tmp_path, fleet=fleet)
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as got:
        status, _, body = await got.get("/health/ready")
        assert status == 503
        assert body["reasons"] == ["no deployment is available; /health/targets says why, each"]
        _, _, targets = await got.get("/health/targets")
        assert {one["reason"] for one in targets["targets"]} == {"NOT_SET_ANYWHERE is not set"}


async def test_not_ready_where_the_storage_cannot_be_written(tmp_path: Path) -> None:
    write_served(tmp_path)
    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as got:
        (tmp_path / "file").write_text("")
        # A file in the way: what a wrong mount looks like, for root too.
        got.mesh._parts.__dict__["storage"] = tmp_path / "file" / "folder"
        status, _, body = await got.get("/health/ready")
        assert status == 503
        assert body["reasons"] == ["the storage folder cannot be written: Not a directory"]


async def test_targets_tell_of_breakers_numbers_and_drains(tmp_path: Path) -> None:
    write_served(tmp_path)
    async with (
        StandIn(Fail(503)) as broken,
        StandIn(Say("Hello.")) as well,
        serving(tmp_path, broken, well) as got,
    ):
        for _ in range(6):
            status, _, _ = await got.post(
                {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
            )
            assert status == 200
        _, _, body = await got.get("/health/targets")
        targets = {one["deployment"]: one for one in body["targets"]}
        primary, fallback = targets["primary/here"], targets["fallback/here"]
        assert primary["breaker"] == "open"
        assert primary["next_try"] > body["at"]
        assert "503" in primary["last_error"]
        assert fallback["calls"] == 6
        assert fallback["p50_ms"] > 0
        assert fallback["drained_by"] is None
        other = Mesh.load(tmp_path, env={"PRIMARY_URL": broken, "FALLBACK_URL": well})
        drain(other, "fallback", "ana", why="a test", for_s=60, force=True)
        await asyncio.sleep(1.1)
        _, _, body = await got.get("/health/targets")
        fallback = next(one for one in body["targets"] if one["deployment"] == "fallback/here")
        assert fallback["available"] is False
        assert fallback["drained_by"] == "ana"
        assert fallback["drain_reason"] == "a test"
        assert fallback["drained_until"] == pytest.approx(fallback["drained_since"] + 60)
        await other.close()


async def test_what_openapi_says_of_them_is_what_they_answer(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    async with StandIn(Say("Hello.")) as upstream, serving(tmp_path, upstream) as got:
        _, _, document = await got.get("/openapi.json")
        for path in ("/health/live", "/health/ready", "/health/targets", "/admin/operations"):
            answer = document["paths"][path]["get"]["responses"]["200"]
            schema = answer["content"]["application/json"]["schema"]
            _, _, body = await got.get(path)
            Draft202012Validator({**schema, "components": document["components"]}).validate(body)
