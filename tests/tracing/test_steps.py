"""What runs have used, read without their texts: the same numbers as the hops hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator import Mesh
from orchestrator.tracing.store import TraceStore
from tests.calling.server import Fail, Say, StandIn, Tokens
from tests.graph.served import TWO, write_served


def test_used_says_what_the_hops_say(tmp_path: Path) -> None:
    async def run() -> None:
        say = Say("hello", usage=Tokens(input=30, output=5, cached=10))
        stand_in = StandIn(Fail(503), say)
        async with stand_in as url, Mesh.load(write_served(tmp_path, TWO, url), env={}) as mesh:
            for _ in range(2):
                await mesh.run("small", question="Say hello.")

    asyncio.run(run())
    store = TraceStore(tmp_path / ".mesh" / "traces.sqlite")
    found = store.used("small")
    assert [r.id for r in found] == [t.id for t in store.traces()]
    assert len(store.used("small", limit=1)) == 1
    assert store.used("other") == []
    for used in found:
        hops = store.hops(used.id)
        assert [(s.node, s.agent, s.round) for s in used.steps] == [
            (h.node, h.agent, h.round) for h in hops
        ]
        for step, hop in zip(used.steps, hops, strict=True):
            assert hop.profile is not None
            assert step.input_tokens == hop.profile.input_tokens
            assert [
                (c.deployment, c.outcome, c.input, c.cached_input, c.output, c.cost_micro_usd)
                for c in step.calls
            ] == [
                (
                    a.deployment,
                    a.outcome,
                    a.usage.input,
                    a.usage.cached_input,
                    a.usage.output,
                    a.cost_micro_usd,
                )
                for a in hop.attempts
            ]
    store.close()


def test_a_project_without_traces_has_used_nothing(tmp_path: Path) -> None:
    assert TraceStore(tmp_path / "none.sqlite").used("small") == []
