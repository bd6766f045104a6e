"""Traces that are looked for, in SQLite and in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.records import Attempt, Hop
from orchestrator.tracing.store import TraceStore
from orchestrator.tracing.wanted import Place, Wanted
from orchestrator.types import Caller, LogRule, Outcome
from tests.gateway.postgres import a_database

from .samples import HOP, PROFILE, TRACE

AT = TRACE.started_at
DONE = replace(TRACE, status="ok", ms=12.0, log=LogRule())


def tried(model: str, outcome: Outcome = Outcome.OK, **changes: Any) -> Attempt:
    made = replace(HOP.attempts[1], model=model, deployment=f"{model}/here", outcome=outcome)
    return replace(made, **changes)


def hop_of(trace: str, name: str, *attempts: Attempt, task: str = "draft", **changes: Any) -> Hop:
    profile = replace(PROFILE, task=task)
    made = replace(HOP, id=f"{trace}.{name}", trace_id=trace, profile=profile, attempts=attempts)
    return replace(made, **changes)


def fill(store: TraceStore) -> None:
    """a: the newest; b: failed; c: of another workspace; d: the oldest, of unknown cost."""
    traces = [
        replace(DONE, id="a", verdict="accepted", tags=("hr", "50%_off"), cost_micro_usd=500),
        replace(
            DONE,
            id="b",
            started_at=AT - 10,
            status="failed",
            error="Nobody ANSWERED",
            graph="other",
            cost_micro_usd=20_000,
        ),
        replace(
            DONE, id="c", started_at=AT - 10, caller=Caller(workspace="legal"), verdict="revised"
        ),
        replace(DONE, id="d", started_at=AT - 99, cost_micro_usd=None, question="100% of “Köln”?"),
    ]
    for trace in traces:
        store.start(replace(trace, status="running"))
        store.finish(trace)
    slow = tried("m2", Outcome.TIMEOUT_SILENT)
    store.hop(hop_of("a", "1", tried("m1", started_at=2.0), task="math"))
    store.hop(hop_of("a", "2", slow, tried("m3", started_at=1.0), status="failed"))
    store.hop(hop_of("b", "1", tried("m2")))
    store.hop(hop_of("d", "1"))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceStore]:
    folder = tmp_path_factory.mktemp("traces")
    if request.param == "sqlite":
        with closing(TraceStore(folder / "traces.sqlite")) as store:
            fill(store)
            yield store
        return
    with a_database() as url, closing(TraceStore(folder / "x", database=url)) as store:
        fill(store)
        yield store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "acbd"),
        (Wanted(text="answered"), "b"),
        (Wanted(text="köln"), "d"),
        (Wanted(text="100%"), "d"),
        (Wanted(text="%"), "d"),
        (Wanted(text="B"), "b"),
        (Wanted(task="math"), "a"),
        (Wanted(task="draft"), "abd"),
        (Wanted(model="m2"), "ab"),
        (Wanted(model="m2/here"), "ab"),
        (Wanted(model="m2/there"), ""),
        (Wanted(outcome="timeout_silent"), "a"),
        (Wanted(model="m3", outcome="timeout_silent"), ""),
        (Wanted(model="m2", outcome="ok"), "b"),
        (Wanted(verdict="revised"), "c"),
        (Wanted(verdict="none"), "bd"),
        (Wanted(status="failed"), "b"),
        (Wanted(graph="other"), "b"),
        (Wanted(tag="hr"), "a"),
        (Wanted(tag="h"), ""),
        (Wanted(tag="50%_off"), "a"),
        (Wanted(cost_from=501), "b"),
        (Wanted(cost_to=500), "ac"),
        (Wanted(since=AT - 10), "acb"),
        (Wanted(until=AT - 10), "d"),
        (Wanted(workspace="legal"), "c"),
        (Wanted(workspace="legal", status="failed"), ""),
    ],
)
def test_all_that_is_wanted_holds(store: TraceStore, wanted: Wanted, found: str) -> None:
    if wanted.text == "köln" and store.path.exists():
        wanted = Wanted(text="KöLN")  # SQLite knows upper and lower case of ASCII alone
    assert "".join(trace.id for trace in store.find(wanted)) == found


def test_pages_go_on_behind_a_place_also_among_traces_of_one_moment(store: TraceStore) -> None:
    seen, after = "", None
    while page := store.find(Wanted(), 1, after=after):
        seen += page[0].id
        after = Place.of(page[-1])
    assert seen == "acbd"


def test_the_sums_of_a_trace_name_who_answered_first(store: TraceStore) -> None:
    sums = store.sums(["a", "b", "c"])
    assert (sums["a"].hops, sums["a"].failed, sums["a"].models) == (2, 1, ("m3", "m1"))
    assert "c" not in sums


def test_hops_in_brief_are_those_that_are_read_whole(store: TraceStore) -> None:
    brief, whole = store.brief("a"), store.hops("a")
    assert [h.id for h in brief] == [h.id for h in whole]
    assert [h.cost_micro_usd for h in brief] == [h.cost_micro_usd for h in whole]
    assert [a.deployment for a in brief[1].attempts] == ["m2/here", "m3/here"]
    assert store.some_hops("a", ["a.2", "nobody"]) == [h for h in whole if h.id == "a.2"]


def test_the_stamp_changes_with_every_hop_that_is_written(store: TraceStore) -> None:
    before = store.stamp("d")
    assert before[0] == 1
    store.hop(hop_of("d", "1", ms=HOP.ms + 1))  # again
    assert store.stamp("d") != before
    assert store.stamp("d")[0] == 1


def test_the_stamp_changes_with_the_first_of_many_hops(store: TraceStore) -> None:
    for number in range(1200):
        store.hop(hop_of("c", str(number)))
    before = store.stamp("c")
    store.hop(hop_of("c", "0"))
    assert (before[0], store.stamp("c")[0]) == (1200, 1200)
    assert store.stamp("c") != before
