"""The fault server: what it does by name, what it notes, and what it draws by chance."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import aiohttp
import pytest

from tests.faults.clock import SharedClock
from tests.faults.server import HEALTHY, FaultServer
from tests.faults.steps import FAULTS, Asked, Chaos, Fail, LongTail, Say, Used

USER = {"role": "user", "content": "Say it, please."}


async def post(url: str, *messages: dict[str, str], **body: Any) -> tuple[int, str]:
    """Status and body of a streamed request."""
    sent = {"messages": list(messages) or [USER], "stream": True, **body}
    sent.setdefault("stream_options", {"include_usage": True})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=sent) as response,
    ):
        return response.status, await response.text()


def events(body: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in body.splitlines() if line]
    return [json.loads(d) for d in data if d != "[DONE]"]


def text(body: str) -> str:
    choices = [e["choices"][0]["delta"] for e in events(body) if e["choices"]]
    return "".join(c.get("content") or "" for c in choices)


async def test_deployments_stand_side_by_side() -> None:
    async with FaultServer({"a": Say("One two."), "b": Fail(503)}) as server:
        status, body = await post(server.endpoint("a"))
        assert (status, text(body)) == (200, "One two.")
        assert (await post(server.endpoint("b")))[0] == 503
        assert (await post(server.endpoint(), model="a"))[0] == 200
        assert (await post(server.endpoint("nobody")))[0] == 404
        assert [a.deployment for a in server.log] == ["a", "b", "a"]


async def test_steps_come_one_a_request_and_the_last_stays() -> None:
    async with FaultServer({"a": ["error_500", "rate_limited_2s", Say("Fine.")]}) as server:
        url = server.endpoint("a")
        assert [(await post(url))[0] for _ in range(4)] == [500, 429, 200, 200]
        server.does("a", "html")
        assert "Busy" in (await post(url))[1]


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_each_fault_has_a_name_and_is_no_whole_answer_unless_it_says_so(name: str) -> None:
    whole = {"junk_event", "no_done", "no_done_lingers", "no_usage", "usage_with_finish"}
    whole |= {"usage_with_each", "whole", "slow_first_token"}
    async with SharedClock() as clock, FaultServer({"a": name}, clock=clock) as server:
        call = asyncio.ensure_future(post(server.endpoint("a")))
        await asyncio.wait(
            {call, asyncio.ensure_future(clock.sleep(60))}, return_when="FIRST_COMPLETED"
        )
        if not call.done():
            assert name in ("silent", "stalls", "no_done_lingers")
        elif (error := call.exception()) is not None:
            assert isinstance(error, aiohttp.ClientError)
            assert name in ("reset", "dies")
        else:
            status, body = call.result()
            complete = status == 200 and "river59" in body
            assert complete == (name in whole)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        (arrival,) = server.log
        await arrival.ended.wait()
        assert arrival.gone == (name in ("silent", "stalls", "no_done_lingers"))


async def test_it_notes_what_it_served_and_reports_the_same() -> None:
    async with FaultServer({"a": "whole", "b": HEALTHY, "c": "usage_with_each"}) as server:
        for name in "abc":
            _, body = await post(server.endpoint(name), USER, {"role": "user", "content": "Now!"})
            (arrival,) = server.to(name)
            assert (arrival.used.input, arrival.used.output) == (4, 60)
            assert arrival.reported
            assert arrival.text == HEALTHY.text
            last = json.loads(body) if name == "a" else events(body)[-1 if name == "b" else -2]
            assert last["usage"]["completion_tokens"] == 60


async def test_usage_is_reported_in_parts() -> None:
    used = Used(
        input=90, output=20, cached=30, cache_write=10, audio_input=5, reasoning=8, audio_output=2
    )
    async with FaultServer({"a": Say("Yes.", used=used)}) as server:
        usage = events((await post(server.endpoint("a")))[1])[-1]["usage"]
    assert usage["prompt_tokens_details"] == {
        "cached_tokens": 30,
        "audio_tokens": 5,
        "cache_creation_tokens": 10,
    }
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 8, "audio_tokens": 2}


async def test_a_text_that_it_knows_is_continued_where_it_may_be() -> None:
    begun = {"role": "assistant", "content": "river0 river1"}
    steps = {
        "can": Say("Another text.", prefill="continued"),
        "cannot": Say("Another text."),
        "anew": Say("Another text.", prefill="ignored"),
        "primary": HEALTHY,
    }
    async with FaultServer(steps) as server:
        _, body = await post(server.endpoint("can"), USER, begun)
        assert "river0 river1" + text(body) == HEALTHY.text
        assert server.log[-1].prefill == "river0 river1"
        status, body = await post(server.endpoint("cannot"), USER, begun)
        assert status == 400
        assert "prefill" in body
        assert text((await post(server.endpoint("anew"), USER, begun))[1]) == "Another text."
        unknown = {"role": "assistant", "content": "lake0"}
        assert (await post(server.endpoint("can"), USER, unknown))[0] == 400


async def test_who_leaves_is_noted_with_what_was_sent_by_then() -> None:
    async with SharedClock() as clock:
        slow = Say(HEALTHY.text, gap_s=1.0)
        async with FaultServer({"a": slow}, clock=clock) as server:
            call = asyncio.ensure_future(post(server.endpoint("a")))
            await server.until(lambda: bool(server.log) and len(server.log[0].sent) == 7)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            (arrival,) = server.log
            await arrival.ended.wait()
    assert arrival.gone
    assert 7 <= len(arrival.sent) <= 9
    assert arrival.used.output == len(arrival.sent)


def _steps(script: Any, count: int) -> list[Any]:
    return [script(Asked(body={}, number=n, since=0.0)) for n in range(count)]


def test_chance_has_its_share_and_is_the_same_for_a_seed() -> None:
    drawn = _steps(Chaos(HEALTHY, share=0.3, seed=5), 2000)
    assert drawn == _steps(Chaos(HEALTHY, share=0.3, seed=5), 2000)
    assert drawn != _steps(Chaos(HEALTHY, share=0.3, seed=6), 2000)
    bad = [step for step in drawn if step != HEALTHY]
    assert 0.27 <= len(bad) / len(drawn) <= 0.33
    assert len(Counter(map(repr, bad))) >= 8


def test_a_long_tail_is_long_in_its_hundredth_part() -> None:
    delays = sorted(s.delay_s for s in _steps(LongTail(HEALTHY, median_s=0.1, p99_s=2.0), 4000))
    assert 0.09 <= delays[2000] <= 0.11
    assert 1.5 <= delays[3960] <= 2.7
