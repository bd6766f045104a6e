"""`/v1/models`: everything that a caller may ask for, and nothing else."""

from __future__ import annotations

from pathlib import Path

from orchestrator.gateway.keys.values import Key
from tests.calling.server import Say, StandIn
from tests.gateway.serving import Ring, serving


async def test_the_list(tmp_path: Path) -> None:
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.get("/v1/models")
        _, _, one = await gateway.get("/v1/models/primary")
        _, _, task = await gateway.get("/v1/models/task:chat")
        missing, _, refused = await gateway.get("/v1/models/primry")
    assert status == 200
    found = {model["id"]: model for model in body["data"]}
    assert {"auto", "task:chat", "graph:cross-validated", "primary", "fallback"} <= set(found)
    assert all(m["object"] == "model" and isinstance(m["created"], int) for m in found.values())
    assert found["primary"] == one
    assert found["task:chat"] == task
    assert one["owned_by"] == "first"
    assert one["mesh"]["can"] == ["tools", "json", "vision", "stream"]
    assert one["mesh"]["deployments"] == ["primary/here"]
    assert one["mesh"]["available"] is True
    assert upstream not in str(body)
    assert (missing, refused["error"]["code"]) == (404, "model_not_found")
    assert "did you mean 'primary'" in refused["error"]["message"]


async def test_a_key_sees_what_it_may_ask_for(tmp_path: Path) -> None:
    ring = Ring(
        {
            "mesh-narrow": Key(
                id="a", models=frozenset({"fallback", "graph:answer"}), tasks=frozenset({"chat"})
            ),
            "mesh-tasks": Key(id="b", tasks=frozenset({"chat"})),
        }
    )
    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream, keys=ring) as gateway:
        seen = {}
        for name in ("narrow", "tasks"):
            _, _, body = await gateway.get("/v1/models", authorization=f"Bearer mesh-{name}")
            seen[name] = {model["id"] for model in body["data"]}
        status, _, _ = await gateway.get("/v1/models/primary", authorization="Bearer mesh-narrow")
        nobody, headers, _ = await gateway.get("/v1/models")
    assert seen["narrow"] == {"auto", "task:chat", "graph:answer", "fallback"}
    assert seen["tasks"] == {"auto", "task:chat", "primary", "fallback"}
    assert status == 404
    assert nobody == 401
    assert "www-authenticate" in headers
