"""Draining, reloading and the record of it, over HTTP, in one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.serve.reload import Alone
from tests.calling.server import Say, StandIn

from .serving import POLICY, Ring, Served, serving, write_served

KEYS = Ring(
    {
        "reader": Key(id="key_r", access=frozenset({"read"})),
        "admin": Key(id="key_a", access=frozenset({"admin"})),
    }
)
ADMIN = {"authorization": "Bearer admin"}


async def post(got: Served, path: str, **body: Any) -> tuple[int, Any]:
    status, _, answer = await got.post(body, path, **ADMIN)
    return status, answer


@pytest.mark.parametrize("path", ["/admin/reload", "/admin/drain", "/admin/undrain"])
async def test_only_an_admin_may(tmp_path: Path, path: str) -> None:
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream, keys=KEYS) as got:
        assert (await got.post({"name": "primary"}, path))[0] == 401
        assert (await got.post({"name": "primary"}, path, authorization="Bearer reader"))[0] == 403
        assert (await got.get("/admin/operations", authorization="Bearer reader"))[0] == 403
        # A page of another site can have a browser send a form, and no JSON.
        async with got.http.post(got.url + path, data="{}", headers=ADMIN) as form:
            assert form.status == 415


async def test_a_drain_and_its_end_are_on_record_with_the_key(tmp_path: Path) -> None:
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream, keys=KEYS) as got:
        status, done = await post(got, "/admin/drain", name="primary", reason="slow", for_s=3600)
        assert status == 200
        assert done["deployments"] == ["primary/here"]
        assert {one["after"] for one in done["takeovers"]} == {"fallback/here"}
        assert (await post(got, "/admin/undrain", name="primary"))[1] == {
            "deployments": ["primary/here"]
        }
        _, _, listed = await got.get("/admin/operations", **ADMIN)
        last, first = listed["operations"]
        assert (first["who"], first["action"], first["subject"]) == ("key_a", "drain", "primary")
        assert (first["why"], first["before"], first["after"]) == ("slow", "in use", "drained")
        assert last["action"] == "undrain"
        assert "drained by key_a since" in last["before"]
        assert last["before"].endswith(": slow")


async def test_what_cannot_be_is_refused_with_words(tmp_path: Path) -> None:
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream, keys=KEYS) as got:
        status, body = await post(got, "/admin/drain", name="primry")
        assert status == 404
        assert "did you mean 'primary'?" in body["error"]["message"]
        assert (await post(got, "/admin/undrain", name="primary"))[0] == 409
        assert (await post(got, "/admin/drain", name="primary", forse=True))[0] == 400
        assert (await post(got, "/admin/drain", name="primary", for_s=-1))[0] == 400
        assert (await post(got, "/admin/drain"))[0] == 400
        assert (await post(got, "/admin/drain", name="primary"))[0] == 200
        status, body = await post(got, "/admin/drain", name="fallback/here")
        assert status == 409
        assert body["error"]["code"] == "nobody_left"
        assert (await post(got, "/admin/drain", name="fallback", force=True))[0] == 200
        status, body = await post(got, "/admin/reload")
        assert (status, body["error"]["code"]) == (409, "not_reloadable")
        assert (await got.get("/admin/operations?limit=0", **ADMIN))[0] == 400
        assert len((await got.get("/admin/operations?limit=1", **ADMIN))[2]["operations"]) == 1


async def test_a_reload_takes_over_what_was_counted(tmp_path: Path) -> None:
    policy = POLICY + "limits: [{per: project, requests_per_minute: 3}]\n"
    write_served(tmp_path, policy=policy)
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream) as got:
        env = {**os.environ, "PRIMARY_URL": upstream, "FALLBACK_URL": upstream}
        got.app.state.control = Alone(got.app.state, tmp_path, env)
        ask = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
        assert [(await got.post(ask))[0] for _ in range(2)] == [200, 200]
        before = got.app.state.serving.mesh
        (tmp_path / "policy.yaml").write_text(policy + "default_data_class: public\n")
        status, _, done = await got.post({"reason": "a test"}, "/admin/reload")
        assert status == 200
        after = got.app.state.serving.mesh
        assert (done["before"], done["after"]) == (before.project.hash, after.project.hash)
        assert done["details"]["policy"] == [before.project.policy_hash, after.project.policy_hash]
        # One of the three is left: the first two count, although another project counts them.
        assert [(await got.post(ask))[0] for _ in range(2)] == [200, 429]
        texts = {kept.hash: kept.text for kept in after.operations.policies()}
        assert texts[after.project.policy_hash].endswith("default_data_class: public\n")
        await after.close()


async def test_what_cannot_change_while_it_runs_is_refused(tmp_path: Path) -> None:
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream) as got:
        env = {**os.environ, "PRIMARY_URL": upstream, "FALLBACK_URL": upstream}
        got.app.state.control = Alone(got.app.state, tmp_path, env)
        before = got.app.state.serving
        (tmp_path / "mesh.yaml").write_text("storage: {path: elsewhere}\n")
        status, _, body = await got.post({}, "/admin/reload")
        assert status == 422
        assert "storage.path cannot change while the service runs" in body["error"]["message"]
        assert got.app.state.serving is before
