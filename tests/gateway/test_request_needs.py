"""Needs and tags: in the body, in headers, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.gateway.errors import ApiError
from orchestrator.gateway.needs import NONE, Needs, needs_of
from tests.calling.server import Say, StandIn
from tests.gateway.serving import serving
from tests.gateway.test_chat_completions import HELLO


def test_headers_are_read_as_their_kind() -> None:
    headers = {
        b"host": b"x",
        b"x-mesh-data-class": b"pii",
        b"x-mesh-max-cost-usd": b"0.25",
        b"x-mesh-max-latency-ms": b" 900 ",
        b"x-mesh-tags": b"a, b,,c",
        b"x-mesh-priority": b"-3",
        b"idempotency-key": b"k1",
    }
    assert needs_of(NONE, headers) == Needs(
        data_class="pii",
        max_cost_usd=0.25,
        max_latency_ms=900,
        tags=["a", "b", "c"],
        priority=-3,
        idempotency_key="k1",
    )
    assert needs_of(NONE, {b"host": b"x"}) is NONE


def test_the_body_goes_before_the_headers() -> None:
    headers = {b"x-mesh-task": b"draft", b"x-mesh-risk": b"low"}
    assert needs_of(Needs(task="chat"), headers) == Needs(task="chat", risk="low")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("x-mesh-data-clas", "pii", "did you mean 'x-mesh-data-class'"),
        ("x-mesh-max-cost-usd", "much", "found 'much'; allowed: a number"),
        ("x-mesh-max-cost-usd", "nan", "x-mesh-max-cost-usd"),
        ("x-mesh-max-cost-usd", "inf", "x-mesh-max-cost-usd"),
        ("x-mesh-deadline-ms", "1.5", "allowed: a whole number"),
        ("x-mesh-deadline-ms", "-5", "x-mesh-deadline-ms"),
        ("x-mesh-risk", "huge", "'huge'"),
        ("x-mesh-task", "", "x-mesh-task"),
        ("x-mesh-inputs", "{}", "x-mesh-inputs"),
    ],
)
def test_wrong_headers(name: str, value: str, words: str) -> None:
    with pytest.raises(ApiError) as found:
        needs_of(NONE, {name.encode(): value.encode()})
    assert (found.value.status, found.value.param) == (400, name)
    assert words in found.value.message


async def test_needs_reach_the_decision_and_the_trace(tmp_path: Path) -> None:
    needs = {
        "task": "summarize",
        "data_class": "public",
        "risk": "high",
        "quality_floor": 0.7,
        "tags": ["nightly"],
        "feature": "mail",
        "workspace": "blue",
        "user_tier": "paid",
        "max_cost_usd": 0.5,
        "priority": 3,
    }
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, headers, _ = await gateway.post({"model": "auto", "messages": HELLO, "mesh": needs})
        trace = gateway.trace(headers["x-mesh-trace-id"])
        (hop,) = gateway.hops(trace.id)
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        _, headers, _ = await gateway.post(
            {"model": "auto", "messages": HELLO}, traceparent=parent, x_mesh_task="draft"
        )
        second = gateway.trace(headers["x-mesh-trace-id"])
        (drafted,) = gateway.hops(second.id)
    profile = hop.profile
    assert profile is not None
    assert (profile.task, profile.data_class, profile.risk) == ("summarize", "public", "high")
    assert profile.constraints.quality_floor == 0.7
    assert profile.constraints.max_cost_usd == 0.5
    assert trace.tags == profile.tags == ("nightly",)
    assert (trace.caller.feature, trace.caller.workspace, trace.caller.tier) == (
        "mail",
        "blue",
        "paid",
    )
    assert drafted.profile is not None
    assert drafted.profile.task == "draft"
    assert second.parent == parent


async def test_without_a_task_it_is_read_off_the_text(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Summarize this report in three sentences: …"}]
    async with StandIn(Say("Fine.")) as upstream, serving(tmp_path, upstream) as gateway:
        _, headers, _ = await gateway.post({"model": "auto", "messages": messages})
        (hop,) = gateway.hops(headers["x-mesh-trace-id"])
    assert hop.profile is not None
    assert hop.profile.task == "summarize"
    assert hop.profile.features["task"].origin != "declared"


async def test_a_deadline_ends_the_call(tmp_path: Path) -> None:
    stand_in = StandIn(Say("Late.", delay_s=5))
    needs = {"deadline_ms": 200}
    async with stand_in as upstream, serving(tmp_path, upstream) as gateway:
        status, _, body = await gateway.post({"model": "auto", "messages": HELLO, "mesh": needs})
    assert (status, body["error"]["code"]) == (504, "providers_timed_out")
