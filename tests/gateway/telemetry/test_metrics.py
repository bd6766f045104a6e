"""What `/metrics` says of real requests through the whole gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.telemetry.board import Board
from tests.calling.server import Fail, Say, StandIn, Tokens
from tests.gateway.serving import POLICY, Ring, write_served

from .watched import CHAT, watched

CHATS = "/v1/chat/completions"


async def test_an_answer_is_counted_with_its_tokens_and_its_cost(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Hello there.", usage=Tokens(input=11, output=3, cached=4)))
    async with stand_in as upstream, watched(tmp_path, upstream) as gateway:
        for _ in range(3):
            status, _, _ = await gateway.post(CHAT)
            assert status == 200
        found = await gateway.metrics()
    requests = f'endpoint="{CHATS}",model="primary",status="2xx"'
    assert found[f"mesh_requests_total{{{requests}}}"] == 3
    assert found['mesh_attempts_total{deployment="primary/here",outcome="ok"}'] == 3
    assert found['mesh_tokens_total{kind="input",model="primary"}'] == 33
    assert found['mesh_tokens_total{kind="output",model="primary"}'] == 9
    assert found['mesh_tokens_total{kind="cached",model="primary"}'] == 12
    assert round(found['mesh_cost_dollars_total{model="primary"}'], 9) == 0.000051
    assert found[f'mesh_request_seconds_count{{endpoint="{CHATS}"}}'] == 3
    whole = found[f'mesh_request_seconds_sum{{endpoint="{CHATS}"}}']
    own = found[f'mesh_overhead_seconds_sum{{endpoint="{CHATS}"}}']
    assert 0 < own < whole
    assert found["mesh_requests_in_flight"] == 1  # that of the metrics themselves
    assert found["mesh_cache_hits_total"] == 0
    assert any(name.startswith("mesh_build_info{") for name in found)
    assert found['mesh_breaker_state{deployment="primary/here",state="closed"}'] == 1
    assert found['mesh_breaker_state{deployment="primary/here",state="open"}'] == 0


async def test_a_stream_has_a_first_token_and_failed_attempts_count(tmp_path: Path) -> None:
    stand_in = StandIn(Fail(503), Say("Hello there."))
    async with stand_in as upstream, watched(tmp_path, upstream) as gateway:
        async with gateway.http.post(gateway.url + CHATS, json=CHAT | {"stream": True}) as response:
            assert "[DONE]" in await response.text()
        found = await gateway.metrics()
    assert found[f'mesh_first_token_seconds_count{{endpoint="{CHATS}"}}'] == 1
    failed = 'deployment="primary/here",outcome="overloaded"'
    assert found[f"mesh_attempts_total{{{failed}}}"] == 1
    assert sum(n for name, n in found.items() if name.startswith("mesh_attempts_total")) == 2


async def test_refusals_count_by_their_reason(tmp_path: Path) -> None:
    write_served(
        tmp_path,
        policy=POLICY + "limits: [{per: workspace, requests_per_minute: 1}]\n",
    )
    secrets = {"good": Key(id="key_1"), "reads": Key(id="key_2", access=frozenset({"read"}))}
    bearer = {name: {"Authorization": f"Bearer {name}"} for name in (*secrets, "bad")}
    stand_in = StandIn(Say("Hello."))
    async with stand_in as upstream, watched(tmp_path, upstream, keys=Ring(secrets)) as gateway:
        for name, expected in (("good", 200), ("good", 429), ("bad", 401), ("reads", 403)):
            status, _, _ = await gateway.post(CHAT, **bearer[name])
            assert status == expected
        status, _, _ = await gateway.post(CHAT | {"model": "made-up"}, **bearer["good"])
        assert status == 404
        status, _, _ = await gateway.post({"model": 7}, **bearer["good"])
        assert status == 400
        status, _, _ = await gateway.get("/metrics")
        assert status == 401
        status, _, _ = await gateway.get("/metrics", **bearer["good"])
        assert status == 403
        found = await gateway.metrics(**bearer["reads"])
    reasons = {
        name.split('"')[1]: n for name, n in found.items() if name.startswith("mesh_refusals_total")
    }
    assert reasons == {"limit": 1, "key": 2, "not_allowed": 2, "unknown": 1, "invalid": 1}
    assert found[f'mesh_requests_total{{endpoint="{CHATS}",model="none",status="4xx"}}'] == 5


async def test_open_metrics_need_no_key(tmp_path: Path) -> None:
    write_served(tmp_path, mesh="gateway: {metrics: open}\n")
    async with StandIn() as upstream, watched(tmp_path, upstream, keys=Ring({})) as gateway:
        assert "mesh_requests_in_flight" in await gateway.metrics()


async def test_made_up_names_do_not_make_series(tmp_path: Path) -> None:
    async with StandIn() as upstream, watched(tmp_path, upstream) as gateway:
        app = gateway.app

        async def ask(number: int) -> None:
            body = b'{"model": "made-up-%d", "messages": [{"role": "user", "content": "?"}]}'
            scope = {
                "type": "http",
                "method": "POST" if number % 2 else "GET",
                "path": CHATS if number % 2 else f"/made/up/{number}",
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"x-mesh-tags", b"tag-%d" % number),
                ],
                "query_string": b"",
            }
            heard = iter([{"type": "http.request", "body": body % number, "more_body": False}])

            async def receive() -> object:
                found = next(heard, None)
                return found or await asyncio.Event().wait()

            async def send(_: object) -> None:
                pass

            await app(scope, receive, send)

        for number in range(10_000):
            await ask(number)
        found = await gateway.metrics()
    assert found['mesh_requests_total{endpoint="other",model="none",status="4xx"}'] == 5000
    assert found['mesh_refusals_total{reason="unknown"}'] == 10_000
    assert sum(name.startswith("mesh_requests_total") for name in found) == 2
    assert not any("made" in name for name in found)


async def test_one_scrape_shows_the_sum_of_all_processes_and_none_runs_backwards(
    tmp_path: Path,
) -> None:
    board = Board(2)
    board.slots[1].add(3)
    series = f'mesh_requests_total{{endpoint="{CHATS}",model="primary",status="2xx"}}'
    for expected in (2, 4):  # the second takes the place of the first, which died
        async with (
            StandIn(Say("Hello.")) as upstream,
            watched(tmp_path, upstream, board=board) as gateway,
        ):
            await gateway.post(CHAT)
            gateway.telemetry.flush()
            board.slots[1].write(board.slots[0].read())
            found = await gateway.metrics()
            assert found[series] == expected
            assert found["mesh_requests_in_flight"] == 4
