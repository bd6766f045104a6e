"""A day of recurring traffic, made by a generator with stated assumptions.

Requests come from workspaces. A share of them is new: nobody asks it twice. The others ask one of a
pool of things, some far more often than others (Zipf), each time in one of its wordings; and a
share of these is a near miss of such a thing, with an answer of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.evaluation.caching.bench import Bench
from orchestrator.evaluation.caching.pairs import Topic
from orchestrator.evaluation.crosscheck.report import Report, rate
from orchestrator.project.protocols import Embedder

WORKSPACES = 5
NEW = 0.5
NEAR_MISSES = 0.1
ZIPF = 1.0
_SUBJECTS = ("invoice", "ticket", "contract", "shipment", "claim", "account", "meeting", "batch")
_ORDERS = ("Summarise the notes on", "What is still open in", "Draft a reply about", "Who works on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """One request: what is asked, for whom, and the one thing that its answer depends on."""

    text: str
    workspace: str
    meant: str


def a_day(topics: Sequence[Topic], requests: int, seed: int) -> Iterator[Arriving]:
    """The requests of a day, in order; the same ones for the same seed."""
    drawn, pool = random.Random(seed), list(topics)
    drawn.shuffle(pool)
    weights = list(accumulate(1 / rank**ZIPF for rank in range(1, len(pool) + 1)))
    for number in range(requests):
        workspace = f"workspace-{drawn.randrange(WORKSPACES)}"
        if drawn.random() < NEW:
            order, subject = drawn.choice(_ORDERS), drawn.choice(_SUBJECTS)
            text = f"{order} {subject} {10_000 + number}."
            yield Arriving(text=text, workspace=workspace, meant=text)
            continue
        [topic] = drawn.choices(pool, cum_weights=weights)
        if topic.near and drawn.random() < NEAR_MISSES:
            text = drawn.choice(topic.near)
            yield Arriving(text=text, workspace=workspace, meant=text)
        else:
            text = drawn.choice(topic.same)
            yield Arriving(text=text, workspace=workspace, meant=topic.name)


def traffic_report(
    topics: Sequence[Topic], embedder: Embedder, *, requests: int, seed: int = 0
) -> Report:
    """How many of a day's requests are answered from the cache, and how many of these wrongly.

    What a request means is its answer, so a hit is wrong where the answer is another one's; one of
    another workspace would be too, and is counted apart.
    """
    exact = semantic = bad = strange = recurring = 0
    known: set[tuple[str, str]] = set()
    with TemporaryDirectory(prefix="mesh-cache-") as folder:
        bench = Bench(Path(folder), embedder)
        for number, one in enumerate(a_day(topics, requests, seed)):
            recurring += (one.workspace, one.meant) in known
            known.add((one.workspace, one.meant))
            answer = f"{one.workspace}: {one.meant}"
            hit = bench.ask(one.text, one.workspace, f"t{number}").hit
            if hit is None:
                bench.keep([(one.text, one.workspace, answer)])
                continue
            exact += hit.kind == "exact"
            semantic += hit.kind == "semantic"
            bad += hit.entry.answer != answer
            strange += not hit.entry.answer.startswith(f"{one.workspace}:")
        bench.cache.close()
    figures = (
        rate("hits", exact + semantic, requests),
        rate("exact hits", exact, requests),
        rate("semantic hits", semantic, requests),
        rate("asked before in this workspace", recurring, requests),
        rate("wrong of all hits", bad, max(1, exact + semantic), at_most=0.01),
        rate("answers of another workspace", strange, max(1, exact + semantic), at_most=0.0),
    )
    notes = (
        f"Assumed: {requests:,} requests of {WORKSPACES} workspaces; {NEW:.0%} are new; the others "
        f"ask one of {len(topics)} things, by Zipf's law with exponent {ZIPF:g}, in one of its "
        f"wordings; {NEAR_MISSES:.0%} of these are near misses. No answer expires within the day.",
    )
    return Report(title="A day of recurring traffic", figures=figures, notes=notes)
