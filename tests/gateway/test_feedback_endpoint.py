"""`POST /v1/feedback` over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller
from tests.calling.server import Say, StandIn
from tests.gateway.serving import Ring, Served, serving

ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}


async def give(gateway: Served, key: str = "", **body: Any) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with gateway.http.post(
        f"{gateway.url}/v1/feedback", json=body, headers=headers
    ) as answer:
        return answer.status, await answer.json()


async def test_an_application_says_how_good_an_answer_was(tmp_path: Path) -> None:
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, _, answer = await gateway.post(ASK)
        trace = answer["mesh"]["trace_id"]
        status, kept = await give(gateway, trace_id=trace, score=0, hop="chat", comment="No.")
        (found,) = gateway.mesh.store.feedback(trace)
    assert status == 201
    assert (kept["score"], kept["by"], kept["source"]) == (0.0, "open", "person")
    assert (found.trace_id, found.comment) == (trace, "No.")
    assert found.hop_id.startswith(trace)


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"trace_id": "01zzzz", "score": 1}, 404, "unknown_trace", "there is no trace '01zzzz'"),
        ({"trace_id": "TRACE", "score": 2}, 400, None, "score"),
        ({"trace_id": "TRACE", "scor": 1, "score": 1}, 400, "unknown_field", "mean 'score'"),
        ({"trace_id": "TRACE"}, 400, None, "score"),
        ({"trace_id": "TRACE", "score": 1, "hop": "cht"}, 404, "unknown_hop", "mean 'chat'"),
        ({"trace_id": "TRACE", "score": 1, "source": "me"}, 400, "unknown_source", "person"),
    ],
)
async def test_what_cannot_be_kept_is_refused_in_words(
    tmp_path: Path, body: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, _, answer = await gateway.post(ASK)
        if body["trace_id"] == "TRACE":
            body = {**body, "trace_id": answer["mesh"]["trace_id"]}
        found, refused = await give(gateway, **body)
        assert gateway.mesh.store.feedback() == []
    assert found == status, refused
    assert words in refused["error"]["message"]
    assert code is None or refused["error"]["code"] == code


async def test_a_key_speaks_of_its_own_workspace_alone(tmp_path: Path) -> None:
    ring = Ring(
        {
            f"mesh-{name}": Key(id=name, caller=Caller(workspace=name, key=name))
            for name in ("north", "south")
        }
    )
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream, keys=ring) as gateway:
        _, _, answer = await gateway.post(ASK, authorization="Bearer mesh-north")
        trace = answer["mesh"]["trace_id"]
        theirs, _ = await give(gateway, "mesh-south", trace_id=trace, score=0)
        nobody, _ = await give(gateway, trace_id=trace, score=0)
        own, kept = await give(gateway, "mesh-north", trace_id=trace, score=1)
    assert (theirs, nobody, own) == (404, 401, 201)
    assert kept["by"] == "north"
