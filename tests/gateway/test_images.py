"""`POST /v1/images/generations`: through a provider, paid for by the image or by its tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.gateway.product_provider import NOWHERE, Provider, images
from tests.gateway.serving import Served, serving, write_served

FLEET = """
models:
  painter:
    family: painter
    tier: mid
    tasks: {image: 0.8}
    deployments:
      - {id: one, via: openai, model: p-1, endpoint: "${PRIMARY_URL}", hosting: hosted,
         region: eu, price: {input: 0, output: 0, per_image: 0.04}, first_token_ms: 10}
  printer:
    family: printer
    tier: mid
    tasks: {image: 0.5}
    deployments:
      - {id: one, via: openai, model: q-1, endpoint: "${FALLBACK_URL}", hosting: hosted,
         price: {input: 5, output: 30}, first_token_ms: 10}
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
routes:
  - {name: at-home, match: {data_class: pii}, require: {hosting: self}}
"""


def by_tokens(body: dict[str, Any]) -> dict[str, Any]:
    """What OpenAI's image models say."""
    tokens = {"input_tokens": 10, "output_tokens": 4000, "total_tokens": 4010}
    return {
        **images(body),
        "size": "1024x1024",
        "usage": {**tokens, "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}},
    }


@asynccontextmanager
async def gateway(
    folder: Path, first: str = NOWHERE, second: str | None = None, policy: str = POLICY
) -> AsyncIterator[Served]:
    write_served(folder, fleet=FLEET, policy=policy)
    async with serving(folder, first, second) as served:
        yield served


async def paint(served: Served, **body: Any) -> tuple[int, Any, Any]:
    return await served.post({"prompt": "a boat", **body}, "/v1/images/generations")


async def test_images_are_made_and_paid_for_each(tmp_path: Path) -> None:
    provider = Provider(images)
    async with provider.serving() as url, gateway(tmp_path, url) as served:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{served.url}/v1")
        made = await client.images.generate(
            model="auto", prompt="a boat", n=2, size="1024x1024", response_format="b64_json"
        )
        await client.close()
        status, headers, body = await paint(served, n=2)
    assert [image.b64_json for image in made.data or ()] == ["aW1hZ2U=", "aW1hZ2U="]
    assert provider.seen[0] == {
        "model": "p-1",
        "prompt": "a boat",
        "n": 2,
        "size": "1024x1024",
        "response_format": "b64_json",
    }
    assert (status, body["data"][0]["revised_prompt"]) == (200, "a boat!")
    assert (headers["x-mesh-model"], headers["x-mesh-cost-usd"]) == ("painter", "0.080000")
    assert "usage" not in body


async def test_what_reports_tokens_is_paid_by_them(tmp_path: Path) -> None:
    async with Provider(by_tokens).serving() as url, gateway(tmp_path, NOWHERE, url) as served:
        status, headers, body = await paint(served, model="printer")
    assert (status, headers["x-mesh-cost-usd"]) == (200, "0.120050")
    assert (body["size"], body["usage"]["total_tokens"]) == ("1024x1024", 4010)


async def test_a_cost_that_nobody_knows_is_unknown(tmp_path: Path) -> None:
    async with Provider(images).serving() as url, gateway(tmp_path, NOWHERE, url) as served:
        status, headers, body = await paint(served, model="printer")
    assert (status, headers["x-mesh-cost-usd"]) == (200, "unknown")
    assert body["mesh"]["cost_usd"] is None


async def test_another_model_may_take_over_and_is_named(tmp_path: Path) -> None:
    down = Provider(lambda _: 503)
    async with (
        down.serving() as first,
        Provider(by_tokens).serving() as second,
        gateway(tmp_path, first, second) as served,
    ):
        status, headers, _ = await paint(served)
        mesh = served.mesh
        await mesh.close()
        [hop] = mesh.store.hops(headers["x-mesh-trace-id"])
    assert (status, headers["x-mesh-model"]) == (200, "printer")
    assert int(headers["x-mesh-attempts"]) > 1
    assert (hop.prompt, hop.output) == ("a boat", "1 image")


async def test_the_reservation_counts_images(tmp_path: Path) -> None:
    policy = f"{POLICY}\nbudgets: [{{per: project, usd: 0.1, window: day}}]"
    async with Provider(images).serving() as url, gateway(tmp_path, url, policy=policy) as served:
        found = [(await paint(served, model="painter", n=n))[0] for n in (3, 2, 1)]
    assert found == [402, 200, 402]


async def test_where_nobody_makes_images_the_error_says_why(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        status, _, body = await paint(served, mesh={"data_class": "pii"})
        chat_status, _, chat = await paint(served, model="talker")
    assert status == 403
    assert "route:at-home.require.hosting" in body["error"]["message"]
    assert chat_status == 400
    assert "those that do: painter, printer" in chat["error"]["message"]


@pytest.mark.parametrize("broken", [{}, {"data": []}, {"data": [{"b64_json": ""}]}, {"data": [1]}])
async def test_what_holds_no_image_is_no_answer(broken: dict[str, Any], tmp_path: Path) -> None:
    async with (
        Provider(lambda _: broken).serving() as first,
        Provider(by_tokens).serving() as second,
        gateway(tmp_path, first, second) as served,
    ):
        status, headers, _ = await paint(served)
    assert (status, headers["x-mesh-model"]) == (200, "printer")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"prompt": " "}, 400, "prompt: found nothing"),
        ({"prompt": None}, 400, "prompt: found null"),
        ({"n": 0}, 400, "n: "),
        ({"n": 11}, 400, "n: "),
        ({"response_format": "png"}, 400, "response_format: "),
        ({"stream": True}, 400, "stream: images come whole"),
        ({"model": "paintr"}, 404, "did you mean 'painter'?"),
        ({"base_url": "http://x"}, 400, "never passed on"),
    ],
)
async def test_bad_input_is_the_callers_mistake(
    body: dict[str, Any], status: int, said: str, tmp_path: Path
) -> None:
    async with gateway(tmp_path) as served:
        found, _, answer = await paint(served, **body)
    assert found == status, answer
    assert said in answer["error"]["message"]
