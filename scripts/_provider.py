"""The fault server in a process of its own, for benchmarks: its work and memory are not counted.

with provider(scripts, knows=[...]) as served:
    served.endpoint("steady")
    served.totals()
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.faults.server import Arrival, FaultServer, Given  # noqa: E402

Scripts = Callable[[], Mapping[str, Given]]
"""A function of a module, since another process calls it."""


@dataclass(kw_only=True)
class Total:
    """What one deployment has served."""

    requests: int = 0
    """That reached it."""
    reported: int = 0
    """Of those, the ones whose usage it told the caller."""
    input: int = 0
    """Tokens of what it reported; so is `output`."""
    output: int = 0
    left: int = 0
    """Callers that went away before the end."""
    steps: dict[str, int] = field(default_factory=dict)

    def count(self, arrival: Arrival) -> None:
        self.requests += 1
        self.left += arrival.gone
        kind = type(arrival.step).__name__
        self.steps[kind] = self.steps.get(kind, 0) + 1
        if arrival.reported:
            self.reported += 1
            self.input += arrival.used.input
            self.output += arrival.used.output


@dataclass(frozen=True)
class Provider:
    """The server, as the benchmark's process sees it."""

    _pipe: Connection
    _address: str

    def endpoint(self, deployment: str) -> str:
        return f"{self._address}/{deployment}/v1"

    def model(
        self, name: str, price: float, *, can: Sequence[str] = (), **timeouts_ms: int
    ) -> dict[str, object]:
        """An entry of `fleet.yaml` with one deployment, `NAME/here`, that is served here.

        Args:
            price: US dollars a million tokens, in and out.
        """
        deployment = {
            "id": "here",
            "via": "openai",
            "model": name,
            "endpoint": self.endpoint(name),
            "hosting": "hosted",
            "price": {"input": price, "output": price},
            "timeouts": timeouts_ms,
        }
        return {
            "family": name,
            "tier": "small",
            "context": 8000,
            "tasks": {"chat": 0.8},
            "can": list(can),
            "deployments": [deployment],
        }

    def totals(self) -> dict[str, Total]:
        """By deployment, so far."""
        self._pipe.send("totals")
        totals: dict[str, Total] = self._pipe.recv()
        return totals


@contextmanager
def provider(scripts: Scripts, knows: Sequence[str] = ()) -> Iterator[Provider]:
    """Serve `scripts`, from a fresh process, while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, scripts, tuple(knows)), daemon=True)
    process.start()
    try:
        yield Provider(ours, ours.recv())
    finally:
        ours.send("stop")
        process.join(10)


def _serve(pipe: Connection, scripts: Scripts, knows: Sequence[str]) -> None:
    asyncio.run(_answer(pipe, scripts, knows))


async def _answer(pipe: Connection, scripts: Scripts, knows: Sequence[str]) -> None:
    async with FaultServer(scripts(), knows=knows) as server:
        pipe.send(server.endpoint().removesuffix("/v1"))
        while await asyncio.to_thread(pipe.recv) == "totals":
            totals: dict[str, Total] = {}
            for arrival in server.log:
                totals.setdefault(arrival.deployment, Total()).count(arrival)
            pipe.send(totals)
