"""How long a look-up takes in a partition of many answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

from orchestrator.evaluation.caching.bench import Bench
from orchestrator.evaluation.caching.pairs import Pair
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Report, measured
from orchestrator.project.protocols import Embedder

MOST_MS = 10.0
LOOKED_UP = 1_000
_AT_ONCE = 5_000
_TENANT = "everybody"
_PLACES = ("Berlin", "Madrid", "Oslo", "Lima", "Cairo", "Hanoi", "Perth", "Quito", "Turin", "Leeds")


def many(pairs: Sequence[Pair], number: int, seed: int = 0) -> Iterator[str]:
    """So many different texts: the wordings of the pairs, each for a place, a case and a date."""
    drawn = random.Random(seed)
    texts = sorted({pair.left for pair in pairs})
    for case in range(number):
        text = drawn.choice(texts).rstrip("?.! ")
        yield f"{text}, in {drawn.choice(_PLACES)}, for case {case}, {drawn.randint(1, 28)} May?"


def speed_report(
    pairs: Sequence[Pair],
    embedder: Embedder,
    *,
    entries: int,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> Report:
    """The 50th and 99th percentile of a look-up, everything included: key, vector, index, database,
    verifier. A third of the texts is there letter by letter, a third with other words, a third not.
    """
    import numpy as np

    texts = list(many(pairs, entries, seed))
    with TemporaryDirectory(prefix="mesh-cache-") as folder:
        bench = Bench(Path(folder), embedder)
        for start in range(0, entries, _AT_ONCE):
            part = texts[start : start + _AT_ONCE]
            bench.keep([(text, _TENANT, "an answer") for text in part])
            on_progress("answers kept", start + len(part), entries)
        begin = perf_counter()
        bench.ask("What is the first question of this process?", _TENANT, "t")
        loaded = perf_counter() - begin
        times: list[float] = []
        worked: list[float] = []
        for number, text in enumerate(_asked(texts, seed)):
            begin, before = perf_counter(), thread_time()
            bench.ask(text, _TENANT, f"t{number}")
            worked.append((thread_time() - before) * 1000)
            times.append((perf_counter() - begin) * 1000)
        bench.cache.close()
    p50, p99 = (float(np.percentile(times, q)) for q in (50, 99))
    figures = (
        measured("look-up, median", p50, n=len(times), unit="ms"),
        measured("look-up, p99", p99, n=len(times), unit="ms", at_most=MOST_MS),
        measured(
            "look-up, p99, processor time",
            float(np.percentile(worked, 99)),
            n=len(worked),
            unit="ms",
        ),
        measured("first look-up of a process", loaded * 1000, n=1, unit="ms"),
    )
    notes = (
        f"{entries:,} answers in one partition; the embedder is {embedder.name}. The first look-up "
        "of a process reads the partition's vectors. Where both times differ much, the machine was "
        "busy with something else.",
    )
    return Report(title="Time of a look-up", figures=figures, notes=notes)


def _asked(texts: Sequence[str], seed: int) -> Iterator[str]:
    drawn = random.Random(seed + 1)
    for number in range(LOOKED_UP):
        text = drawn.choice(texts)
        if number % 3 == 1:
            yield f"Please tell me: {text}"
        elif number % 3 == 2:
            yield text.replace("for case", f"for case 9{number}")
        else:
            yield text
