"""How long it takes to read a request and to decide, for a fleet of 50 deployments.

    make bench-profile
    .venv/bin/python scripts/bench_profile.py [--requests 4000] [--json]

25 models at two providers each, under the policy that this project ships. Every request has another
text, and every decision is made anew, without the memory that a service has. Measured twice: where
nothing was learned (`prior`), and where what was learned of 600 answers of each model moves each
estimate by what the request's text says (`learned`). The first tenth of the requests is not
counted. The collector of garbage is set as `mesh serve` sets it. Beside the time on the clock
stands that of the thread alone, which others on the machine do not lengthen.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from bench_start import ROOT, commit, processor

from orchestrator import Mesh
from orchestrator.cli._report_show import tell
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.learning.predictor import LearnedPredictor
from orchestrator.learning.quality import Answers, learn, tallied
from orchestrator.learning.reading import Reader
from orchestrator.learning.store import LearnedStates
from orchestrator.routing._prototypes import TASKS
from orchestrator.routing.decide import decide
from orchestrator.types import Context

MODELS, ANSWERS = 25, 600
LIMITS_US = {"all": 1000.0, "decide": 300.0}
PARTS = ("profile", "predict", "decide", "all")
TIERS = ("small", "mid", "frontier")
CHANGED = {"claude-sonnet": "m20", "gpt-5": "m21", "below_floor: refuse": "below_floor: best"}
"""Of the policy: models of this fleet for those that it names, and an answer to every request."""


def write_project(folder: Path) -> None:
    """A fleet of 50 deployments of 25 models."""
    models = {
        f"m{i:02}": {
            "family": f"family-{i % 8}",
            "tier": TIERS[i % 3],
            "context": 128_000,
            "tasks": {"*": 0.5 + i / 60, "code": 0.55 + i / 70, "math": 0.9, "cite": 0.96},
            "can": ["json", "tools", "stream"],
            "deployments": [
                {
                    "id": where,
                    "via": "openai",
                    "model": f"m{i:02}",
                    "endpoint": "http://127.0.0.1:9/v1",
                    "hosting": "hosted",
                    "region": where,
                    "retention_days": 30 * (i % 2),
                    "trains_on_data": False,
                    "price": {"input": 0.1 + i / 10, "output": 0.4 + i / 3},
                    "first_token_ms": 300 + 10 * i,
                    "tokens_per_second": 90,
                }
                for where in ("eu", "us")
            ],
        }
        for i in range(MODELS)
    }
    (folder / "fleet.yaml").write_text(json.dumps({"models": models}))
    policy = (ROOT / "policy.yaml").read_text(encoding="utf-8")
    for ours, here in CHANGED.items():
        policy = policy.replace(ours, here)
    (folder / "policy.yaml").write_text(policy)


def texts(seed: int) -> Iterator[str]:
    """Requests of all tasks, no two alike: 40 to 2,000 characters, half of them below 120."""
    rng = Random(seed)
    asked = [text for own in TASKS.values() for text in own]
    for number in range(10**9):
        parts = [rng.choice(asked) for _ in range(rng.choice((1, 1, 1, 2, 6, 25)))]
        yield f"{' '.join(parts)[:1990]} ({number})"


def teach(mesh: Mesh, folder: Path) -> None:
    """Put a learned state into the project's storage."""
    rng = Random(1)
    reader, some = Reader(mesh.embedder), list(islice(texts(1), ANSWERS))
    import numpy as np

    hard = np.array([len(text) > 200 for text in some])[:, None]
    chance = np.linspace(0.4, 0.9, MODELS) - 0.3 * hard
    drawn = np.array([[rng.random() for _ in range(MODELS)] for _ in some])
    answers = Answers(
        models=tuple(f"m{i:02}" for i in range(MODELS)),
        tasks=tuple(mesh.profile(text).task for text in some),
        readings=reader.read(some),
        scores=(drawn < chance).astype(float),
    )
    model = learn(answers, reader.meaning)
    predictor = LearnedPredictor(tallied(answers), model.text)
    LearnedStates(folder / ".mesh" / "learned").keep(predictor, reader.name)


def measure(mesh: Mesh, requests: int) -> dict[str, list[tuple[float, float]]]:
    """Microseconds on the clock and of the thread, of each of `PARTS`."""
    parts, fleet = mesh._parts, mesh.fleet()
    policy, predictor = mesh.project.policy, parts.predictor
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in PARTS}
    settle()
    for text in islice(texts(2), requests):
        begin = now()
        profile = mesh.profile(text)
        profiled = now()
        estimates = predictor.predict(profile, fleet.deployments)
        context = Context(estimates=estimates, predictor=predictor.version)
        predicted = now()
        decide(profile, fleet, policy, context)
        end = now()
        steps = ((begin, profiled), (profiled, predicted), (predicted, end), (begin, end))
        for name, (first, last) in zip(PARTS, steps, strict=True):
            took[name].append(((last[0] - first[0]) / 1000, (last[1] - first[1]) / 1000))
    return {name: values[requests // 10 :] for name, values in took.items()}


def now() -> tuple[int, int]:
    return time.perf_counter_ns(), time.thread_time_ns()


def settle() -> None:
    """As a service does before it takes requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def figures(kind: str, took: dict[str, list[tuple[float, float]]]) -> Iterator[Figure]:
    for part, both in took.items():
        for number, clock in enumerate(("", " of the thread")):
            values = [pair[number] for pair in both]
            cut = statistics.quantiles(values, n=100, method="inclusive")
            for percent in (50, 99):
                most = LIMITS_US.get(part) if percent == 99 else None
                name = f"{part}, p{percent}{clock}"
                yield measured(
                    name, cut[percent - 1], n=len(values), of=kind, unit="µs", at_most=most
                )


def report(requests: int) -> Report:
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder)
        for kind in ("prior", "learned"):
            mesh = Mesh.load(folder)
            if kind == "learned":
                teach(mesh, folder)
                mesh = Mesh.load(folder)
            mesh.decide("Is it warm?")
            print(f"{kind}: {requests} requests", file=sys.stderr, flush=True)
            found += figures(kind, measure(mesh, requests))
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return Report(
        title=f"Profile and decide, {2 * MODELS} deployments",
        figures=tuple(found),
        notes=(f"{requests} requests each, the first tenth not counted; {commit()}; {machine}.",),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    tell([report(said.requests)], as_json=said.json)


if __name__ == "__main__":
    main()
