"""Limits as a user declares them, from `fleet.yaml` to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator import Mesh, RunOptions
from orchestrator.errors import RateLimitedError, RunError
from orchestrator.records import Attempt
from orchestrator.types import Caller, Constraints, Outcome
from tests.calling.server import Say, Seen, StandIn, Tokens
from tests.graph.small import write_project

GRAPH = """
input: {question: text}
nodes:
  reply: {agent: echo, of: question}
output: reply
"""
PRICE = "price: {input: 1, output: 1}"
DEARER = "price: {input: 1.2, output: 1.2}"
LONG = "You are a clerk of the court, and patient. " * 200


@dataclass
class Rig:
    """Two deployments of one model, `talker/a` and `talker/b`, and who asks them."""

    folder: Path
    stack: AsyncExitStack
    go: asyncio.Event = field(default_factory=asyncio.Event)
    servers: dict[str, StandIn] = field(default_factory=dict)

    async def mesh(self, a: str = PRICE, b: str = PRICE, *, policy: str = "") -> Mesh:
        """`a` and `b`: what else is declared of them. Each is in a region of its name."""
        write_project(self.folder, GRAPH, policy=policy)
        lines = [
            "models:",
            "  talker:",
            "    family: someone",
            "    tier: small",
            "    context: 90000",
        ]
        lines += ['    tasks: {"*": 0.9}', "    deployments:"]
        for name, more in (("a", a), ("b", b)):
            said = Say(f"from {name}", delay_s=1, usage=Tokens(input=3000))
            server = self.servers[name] = StandIn(said, sleep=self._held)
            endpoint = await self.stack.enter_async_context(server)
            lines.append(
                f"      - {{id: {name}, via: openai, model: stand-in, hosting: hosted, "
                f"endpoint: '{endpoint}', region: {name}, {more}}}"
            )
        (self.folder / "fleet.yaml").write_text("\n".join(lines) + "\n")
        mesh = Mesh.load(self.folder, env={})
        self.stack.push_async_callback(mesh.close)
        return mesh

    async def _held(self, _seconds: float) -> None:
        await self.go.wait()

    def seen(self, name: str) -> list[Seen]:
        return self.servers[name].seen


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        yield Rig(tmp_path, stack)


async def ask(mesh: Mesh, question: str = "Who?", **options: object) -> tuple[str, list[Attempt]]:
    """The text and every attempt that was made for it."""
    answer = await mesh.run("small", question=question, options=RunOptions(**options))  # type: ignore[arg-type]
    hops = mesh.store.hops(answer.trace_id)
    return answer.text, [attempt for hop in hops for attempt in hop.attempts]


async def test_what_is_beyond_a_limit_goes_to_the_sibling(rig: Rig) -> None:
    rig.go.set()
    mesh = await rig.mesh(f"{PRICE}, limits: {{requests_per_minute: 2}}", DEARER)
    answers = [await ask(mesh, f"Who is {n}?") for n in range(5)]
    assert [text for text, _ in answers] == ["from a"] * 2 + ["from b"] * 3
    assert (len(rig.seen("a")), len(rig.seen("b"))) == (2, 3)
    busy = [a for _, made in answers for a in made if a.outcome is Outcome.BUSY]
    assert all(a.deployment == "talker/a" and a.cost_micro_usd == 0 for a in busy)
    assert mesh.fleet().health["talker/b"].room == 1.0


async def test_a_call_waits_its_turn_where_both_are_full(rig: Rig) -> None:
    one = f"{PRICE}, limits: {{concurrent: 1}}"
    mesh = await rig.mesh(a=one, b=one)
    calls = [asyncio.ensure_future(ask(mesh, f"Who is {n}?")) for n in range(3)]
    while not (rig.seen("a") and rig.seen("b")):
        await asyncio.sleep(0.01)
    done, _ = await asyncio.wait(calls, timeout=0.2)
    assert not done
    rig.go.set()
    made = [attempts for _, attempts in await asyncio.gather(*calls)]
    assert len(rig.seen("a")) + len(rig.seen("b")) == 3, "nothing was sent twice or too early"
    assert all(attempts[-1].outcome is Outcome.OK for attempts in made)
    waited = [attempts for attempts in made if len(attempts) > 1]
    assert any({Outcome.BUSY} == {a.outcome for a in attempts[:-1]} for attempts in waited)


async def test_a_caller_beyond_the_limit_is_told_when_to_come_back(rig: Rig) -> None:
    rig.go.set()
    policy = "limits: [{per: user, match: {user_tier: free}, requests_per_minute: 1}]"
    mesh = await rig.mesh(policy=policy)
    ana, ben = Caller(user="ana", tier="free"), Caller(user="ben", tier="paid")
    await ask(mesh, caller=ana)
    with pytest.raises(RateLimitedError, match=r"user 'ana' \(1 call a minute\)") as refused:
        await ask(mesh, caller=ana)
    assert 50 < refused.value.retry_after_s <= 60.2
    assert refused.value.retryable
    for _ in range(2):
        await ask(mesh, caller=ben)
    assert len(rig.seen("a")) + len(rig.seen("b")) == 3
    assert "failed" in {trace.status for trace in mesh.store.traces(limit=4)}


async def test_what_was_never_sent_does_not_count_against_the_callers_limit(rig: Rig) -> None:
    rig.go.set()
    policy = (
        "budgets: [{per: user, match: {user: ana}, usd: 0.000001, window: day}]\n"
        "limits: [{per: feature, requests_per_minute: 1}]\n"
    )
    mesh = await rig.mesh(policy=policy)
    poor, rich = Caller(user="ana", feature="f"), Caller(user="ben", feature="f")
    for _ in range(2):
        with pytest.raises(RunError, match="budget"):
            await ask(mesh, caller=poor)
    assert (await ask(mesh, caller=rich))[0].startswith("from")
    with pytest.raises(RateLimitedError):
        await ask(mesh, caller=rich)


async def test_a_conversation_stays_where_its_beginning_is_in_the_cache(rig: Rig) -> None:
    rig.go.set()
    mesh = await rig.mesh(
        a="price: {input: 1, output: 1, cache_read: 0.1}",
        b="price: {input: 0.8, output: 1, cache_read: 0.08}",
    )
    there, anywhere = (
        mesh.chat_model(task="chat", constraints=where)
        for where in (Constraints(regions=("a",)), Constraints())
    )
    asked = [("system", LONG), ("user", "Who pays?")]
    first = await there.ainvoke(asked)
    following = await anywhere.ainvoke([*asked, ("ai", first.text), ("user", "When?")])
    other = await anywhere.ainvoke([("user", "Who are you?")])
    assert [m.text for m in (first, following, other)] == ["from a", "from a", "from b"]
