"""`POST /v1/embeddings`: offline, through providers, within keys and budgets, of one model."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller
from tests.gateway.product_provider import NOWHERE, Provider
from tests.gateway.serving import Ring, Served, serving, write_served

FLEET = """
models:
  near:
    tier: nano
    tasks: {embed: 0.5}
    deployments: [{id: here, via: embedder, model: static, hosting: self}]
  far:
    family: far
    tier: mid
    tasks: {embed: 0.9}
    can: [dimensions]
    deployments:
      - {id: one, via: openai, model: far-1, endpoint: "${PRIMARY_URL}", hosting: self,
         price: {input: 100, output: 0}, first_token_ms: 1}
      - {id: two, via: openai, model: far-1, endpoint: "${FALLBACK_URL}", hosting: self,
         price: {input: 200, output: 0}, first_token_ms: 2}
  talker:
    family: talker
    tier: mid
    context: 8000
    tasks: {"*": 1.0}
    deployments: [{id: here, via: openai, model: t, endpoint: "${PRIMARY_URL}", hosting: self}]
"""
POLICY = """
data_classes: [public, internal, pii]
objective: {maximize: quality}
"""


@asynccontextmanager
async def gateway(
    folder: Path,
    first: str = NOWHERE,
    second: str | None = None,
    policy: str = POLICY,
    **made: Any,
) -> AsyncIterator[Served]:
    write_served(folder, fleet=FLEET, policy=policy)
    async with serving(folder, first, second, **made) as served:
        yield served


async def embed(served: Served, **body: Any) -> tuple[int, Any, Any]:
    headers = body.pop("headers", {})
    return await served.post(body, "/v1/embeddings", **headers)


# ── without any provider ─────────────────────────────────────────────────────────────────


async def test_the_static_model_answers_offline_and_says_so(tmp_path: Path) -> None:
    texts = ["a parcel is late", "where is my order?"]
    async with gateway(tmp_path) as served:
        status, headers, body = await embed(served, model="near", input=texts)
    assert status == 200, body
    assert body["model"] == headers["x-mesh-model"] == "near"
    assert headers["x-mesh-cost-usd"] == "0.000000"
    assert body["mesh"]["deployment"] == "near/here"
    assert [row["index"] for row in body["data"]] == [0, 1]
    found = np.array([row["embedding"] for row in body["data"]])
    np.testing.assert_allclose(found, StaticEmbedder().embed(texts), atol=1e-7)


async def test_the_default_fleet_embeds_on_a_fresh_machine(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("deadline_ms: 20000\n")
    (tmp_path / "fleet.yaml").symlink_to(Path(__file__).parents[2] / "fleet.yaml")
    async with serving(tmp_path, NOWHERE) as served:
        status, _, body = await embed(served, model="auto", input="hello")
    assert (status, body["model"]) == (200, "static-minilm")


async def test_a_long_list_is_embedded_in_order(tmp_path: Path) -> None:
    texts = [f"text number {n} about shoes" for n in range(300)]
    async with gateway(tmp_path) as served:
        _, _, body = await embed(served, model="near", input=texts)
    found = np.array([row["embedding"] for row in body["data"]])
    np.testing.assert_allclose(found, StaticEmbedder().embed(texts), atol=1e-7)


async def test_openais_client_reads_floats_and_base64(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{served.url}/v1")
        packed = await client.embeddings.create(model="near", input="hello")  # asks for base64
        plain = await client.embeddings.create(
            model="near", input=["hello"], encoding_format="float"
        )
        await client.close()
        _, _, raw = await embed(served, model="near", input="hello", encoding_format="base64")
    np.testing.assert_allclose(packed.data[0].embedding, plain.data[0].embedding, atol=1e-7)
    data = base64.b64decode(raw["data"][0]["embedding"])
    np.testing.assert_allclose(struct.unpack("<256f", data), plain.data[0].embedding, atol=1e-7)


# ── through a provider ───────────────────────────────────────────────────────────────────


async def test_a_provider_is_asked_and_paid(tmp_path: Path) -> None:
    provider = Provider()
    async with provider.serving() as url, gateway(tmp_path, url) as served:
        status, headers, body = await embed(
            served, model="task:embed", input=["four", "seventy"], dimensions=3, user="u1"
        )
    assert status == 200, body
    assert provider.seen == [{"model": "far-1", "input": ["four", "seventy"], "dimensions": 3}]
    assert [row["embedding"] for row in body["data"]] == [[4.0, 0.0, 0.25], [7.0, 1.0, 0.25]]
    assert body["model"] == "far"
    assert body["usage"] == {"prompt_tokens": 11, "total_tokens": 11}
    assert headers["x-mesh-cost-usd"] == "0.001100"  # 11 tokens at 100 USD a million


async def test_the_call_is_on_record(tmp_path: Path) -> None:
    async with Provider().serving() as url, gateway(tmp_path, url) as served:
        _, headers, _ = await embed(
            served, model="auto", input=["one", "two"], mesh={"tags": ["index"], "user": "u1"}
        )
        mesh = served.mesh
        await mesh.close()
        trace = mesh.store.trace(headers["x-mesh-trace-id"])
        [hop] = mesh.store.hops(trace.id)
    assert (trace.status, trace.tags, trace.caller.user) == ("ok", ("index",), "u1")
    assert (hop.profile.task if hop.profile else "", hop.prompt) == ("embed", "one\n\ntwo")
    assert hop.output == "2 vectors of 3 numbers"
    assert hop.attempts[0].reported_model == "far-1-as-it-says"


async def test_a_failover_goes_to_a_sibling_and_never_to_another_model(tmp_path: Path) -> None:
    down, up = Provider(lambda _: 503), Provider()
    async with (
        down.serving() as first,
        up.serving() as second,
        gateway(tmp_path, first, second) as served,
    ):
        status, headers, body = await embed(served, model="auto", input="hello")
    assert (status, headers["x-mesh-deployment"]) == (200, "far/two"), body
    assert body["data"][0]["embedding"] == [5.0, 0.0, 0.25]


async def test_where_its_model_is_down_there_is_no_answer(tmp_path: Path) -> None:
    down = Provider(lambda _: 503)
    async with down.serving() as url, gateway(tmp_path, url) as served:
        status, _, body = await embed(served, model="auto", input="hello")
        decision = served.mesh.decide("hello", task="embed")
    assert status == 503
    assert {m["model"] for m in down.seen} == {"far-1"}
    assert "near" not in body["error"]["message"]
    left = {c.deployment: c.rule for c in decision.candidates if c.stage == "rank"}
    assert decision.chain == ("far/one", "far/two")
    assert left == {"near/here": "embed.one_model"}


async def test_a_chat_model_that_takes_every_task_makes_no_vectors(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        status, _, body = await embed(served, model="talker", input="hello")
    assert status == 400
    assert "those that do: far, near" in body["error"]["message"]


def row(*numbers: Any) -> dict[str, Any]:
    return {"data": [{"index": 0, "embedding": list(numbers)}]}


@pytest.mark.parametrize(
    "broken",
    [
        {"data": []},
        {"data": [{"index": 0}]},
        {"object": "list"},
        row(),
        row(1.0, "x"),
        row(1.0, None),
        {"data": [{"index": 0, "embedding": "###"}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
        {"error": {"message": "overloaded"}},
    ],
    ids=lambda body: json.dumps(body)[:40],
)
async def test_what_is_no_vector_for_each_text_is_no_answer(
    broken: dict[str, Any], tmp_path: Path
) -> None:
    async with (
        Provider(lambda _: broken).serving() as first,
        Provider().serving() as second,
        gateway(tmp_path, first, second) as served,
    ):
        status, headers, body = await embed(served, model="far", input="hello")
    assert (status, headers["x-mesh-deployment"]) == (200, "far/two"), body


# ── who may, and what is refused ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "near", "input": ""}, 400, "input: found an empty text"),
        ({"model": "near", "input": []}, 400, "input: found no text"),
        ({"model": "near", "input": ["a", ""]}, 400, "input[1]: found an empty text"),
        ({"model": "near", "input": [1, 2, 3]}, 400, "send the text itself"),
        ({"model": "near", "input": [[1, 2]]}, 400, "send the text itself"),
        ({"model": "near", "input": [True]}, 400, "input[0]: allowed: a text"),
        ({"model": "near", "input": ["a"] * 2049}, 400, "2048 in one request"),
        ({"model": "near"}, 400, "input: it is missing"),
        ({"model": "nears", "input": "a"}, 404, "did you mean 'near'?"),
        ({"model": "task:chat", "input": "a"}, 400, "send 'auto', 'task:embed'"),
        ({"model": "near", "input": "a", "encoding_format": "hex"}, 400, "encoding_format"),
        ({"model": "near", "input": "a", "dimensions": 0}, 400, "dimensions"),
        ({"model": "near", "input": "a", "dimensions": 64}, 400, "those that do: far"),
        ({"model": "near", "input": "a", "mesh": {"task": "draft"}}, 400, "the task 'embed'"),
        ({"model": "near", "input": "a", "mesh": {"data_class": "pi"}}, 400, "'pii'"),
        ({"model": "near", "input": "a", "mesh": {"inputs": {}}}, 400, "mesh.inputs: only"),
        ({"model": "near", "input": "a", "api_base": "http://x"}, 400, "never passed on"),
        ([1], 400, "the body"),
    ],
)
async def test_bad_input_is_the_callers_mistake(
    body: Any, status: int, said: str, tmp_path: Path
) -> None:
    async with gateway(tmp_path) as served:
        found, _, answer = await served.post(body, "/v1/embeddings")
    assert found == status, answer
    assert said in answer["error"]["message"]


async def test_a_key_is_held_to_its_scope(tmp_path: Path) -> None:
    keys = Ring(
        {
            "all": Key(id="key_1", caller=Caller(key="key_1")),
            "chat": Key(id="key_2", tasks=frozenset({"chat"})),
            "far": Key(id="key_3", models=frozenset({"far"})),
            "public": Key(id="key_4", data_classes=frozenset({"public"})),
        }
    )
    found = {}
    async with gateway(tmp_path, keys=keys) as served:
        for secret in ("", "wrong", "all", "chat", "far", "public"):
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            asked = {"model": "near", "input": "hello", "headers": headers}
            found[secret] = (await embed(served, **asked))[0]
    assert found == {"": 401, "wrong": 401, "all": 200, "chat": 403, "far": 403, "public": 403}


async def test_a_budget_and_a_limit_hold(tmp_path: Path) -> None:
    policy = f"""{POLICY}
budgets: [{{per: user, usd: 0.0015, window: day}}]
limits: [{{per: key, requests_per_minute: 3}}]
"""
    async with Provider().serving() as url, gateway(tmp_path, url, policy=policy) as served:
        asked = {"model": "far", "input": "ten chars.", "mesh": {"user": "u1"}}
        said = [(await embed(served, **asked))[0] for _ in range(3)]
        other = {**asked, "mesh": {"user": "u2"}}
        said.append((await embed(served, **other))[0])
        status, headers, _ = await embed(served, **other)
    assert said == [200, 200, 402, 200]
    assert status == 429
    assert int(headers["Retry-After"]) > 0
