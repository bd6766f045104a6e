"""Idempotency keys: one answer for one key, also for those who ask while it is made."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from orchestrator.gateway.chat.replays import DAY_S, MOST, Kept, Replays
from orchestrator.gateway.chat.wanted import Answer
from orchestrator.gateway.keys.values import Key
from tests.calling.server import Fail, Say, StandIn
from tests.gateway.serving import Ring, serving
from tests.gateway.test_chat_completions import HELLO
from tests.gateway.test_chat_stream import stream, text_of

ASKED: dict[str, Any] = {"model": "primary", "messages": HELLO}


def kept(text: str) -> Kept:
    return Kept((Answer(text=text, model="m", trace_id="t"),), "t", 1)


async def test_the_same_request_is_answered_once(tmp_path: Path) -> None:
    stand_in = StandIn(Say("First."), Say("Second."))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        _, first, said = await gateway.post(ASKED, idempotency_key="k")
        _, again, repeated = await gateway.post(ASKED, idempotency_key="k")
        _, _, other = await gateway.post({**ASKED, "mesh": {"idempotency_key": "other"}})
    assert repeated == said
    assert again["x-mesh-replayed"] == "true"
    assert "x-mesh-replayed" not in first
    assert again["x-mesh-trace-id"] == first["x-mesh-trace-id"]
    assert other["choices"][0]["message"]["content"] == "Second."
    assert len(stand_in.seen) == 2


async def test_a_stream_is_told_again(tmp_path: Path) -> None:
    stand_in = StandIn(Say("One two."))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        asked = {"mesh": {"idempotency_key": "k"}, "stream_options": {"include_usage": True}}
        _, _, first = await stream(gateway, **asked)
        _, headers, again = await stream(gateway, **asked)
    assert headers["x-mesh-replayed"] == "true"
    assert text_of(again) == text_of(first) == "One two."
    assert again[-2:] == first[-2:]
    assert len(stand_in.seen) == 1


async def test_who_asks_meanwhile_waits_for_the_answer(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Only one.", delay_s=0.3))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        answers = await asyncio.gather(
            *(gateway.post(ASKED, idempotency_key="k") for _ in range(3))
        )
    assert len(stand_in.seen) == 1
    assert {body["id"] for _, _, body in answers} == {answers[0][2]["id"]}
    assert sorted("x-mesh-replayed" in headers for _, headers, _ in answers) == [False, True, True]


async def test_another_request_under_the_same_key_is_refused(tmp_path: Path) -> None:
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        await gateway.post(ASKED, idempotency_key="k")
        status, _, body = await gateway.post({**ASKED, "seed": 1}, idempotency_key="k")
    assert (status, body["error"]["code"]) == (422, "idempotency_key_reused")


async def test_keys_of_others_are_others(tmp_path: Path) -> None:
    ring = Ring({"mesh-a": Key(id="key_a"), "mesh-b": Key(id="key_b")})
    stand_in = StandIn(Say("For a."), Say("For b."))
    async with stand_in as upstream, serving(tmp_path, upstream, keys=ring) as gateway:
        found = []
        for name in ("a", "b", "a"):
            _, _, body = await gateway.post(
                ASKED, authorization=f"Bearer mesh-{name}", idempotency_key="k"
            )
            found.append(body["choices"][0]["message"]["content"])
    assert found == ["For a.", "For b.", "For a."]


async def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    stand_in = StandIn(Fail(400, "odd"), Say("Fine."))
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        assert (await gateway.post(ASKED, idempotency_key="k"))[0] == 400
        assert (await gateway.post(ASKED, idempotency_key="k"))[0] == 200


async def test_nothing_is_kept_for_ever() -> None:
    now = 0.0
    replays = Replays(lambda: now)
    mark = ("key", "k")
    assert await replays.claim(mark, b"x") is None
    replays.keep(mark, kept("old"))
    assert await replays.claim(mark, b"x") == kept("old")
    now = DAY_S + 1
    assert await replays.claim(mark, b"y") is None
    replays.drop(mark)
    for number in range(MOST + 1):
        assert await replays.claim(("key", str(number)), b"") is None
        replays.keep(("key", str(number)), kept("x"))
    assert await replays.claim(("key", "0"), b"") is None
    assert await replays.claim(("key", "1"), b"") is not None


async def test_texts_that_are_kept_are_bounded() -> None:
    replays = Replays(lambda: 0.0)
    for number in range(3):
        assert await replays.claim(("key", str(number)), b"") is None
        replays.keep(("key", str(number)), kept("x" * 7_000_000))
    assert await replays.claim(("key", "0"), b"") is None
    assert await replays.claim(("key", "2"), b"") is not None
