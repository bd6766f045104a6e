"""Random fleets and policies, and models that repeat what they are asked, watched at the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from orchestrator import Mesh
from orchestrator.call_types import (
    CallEvent,
    CallRequest,
    Confidence,
    Finish,
    Message,
    TextDelta,
    text_of,
)
from orchestrator.calling.ledger import MemoryLedger
from orchestrator.errors import AttemptError, CallError, NoCandidateError
from orchestrator.fleet.snapshot import snapshot
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.money import Price
from orchestrator.project.policy_schema import Policy, Route
from orchestrator.project.schema import Agent
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.services import Services
from orchestrator.roles.single import Answered, Ask, SingleCalls
from orchestrator.routing.memo import Decider
from orchestrator.types import Deployment, Outcome
from tests.calling.fake_clock import FakeClock
from tests.calling.free_traffic import FreeTraffic

PII = ("ann.muster@example.org", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111")
CLASSES = ("public", "internal", "confidential", "pii", "regulated")
ECHO = "You wrote: "
FAILURES = (
    Outcome.RATE_LIMITED,
    Outcome.OVERLOADED,
    Outcome.UNREACHABLE,
    Outcome.TIMEOUT_SILENT,
    Outcome.AUTH,
    Outcome.CONTEXT_EXCEEDED,
    Outcome.MALFORMED,
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a deployment does, call by call; the last one stays."""

    steps: tuple[str | Outcome, ...]
    """`echo`, `unsure`, `other`, `cut`, `empty`, `first` (the first user's words alone), or what
    fails before a word."""
    size: int
    """Characters of each piece."""


@dataclass
class Watched:
    """A transport that answers as it is told to, and keeps what reached it."""

    behaviours: Mapping[str, Behaviour]
    asked: list[tuple[Deployment, str]] = field(default_factory=list)
    """Who was sent what, as text."""

    def get(self, _name: str) -> Watched:
        return self

    def bringing(self, _asks: str, _name: str) -> Watched:
        return self

    async def close(self) -> None:
        """Nothing is open."""

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        known = sum(1 for d, _ in self.asked if d.id == deployment.id)
        sent = [request.messages, dict(request.inputs), request.tools, request.stop, request.extra]
        self.asked.append((deployment, json.dumps(sent, ensure_ascii=False, default=str)))
        behaviour = self.behaviours[deployment.id]
        step = behaviour.steps[min(known, len(behaviour.steps) - 1)]
        await asyncio.sleep(0)
        if isinstance(step, Outcome):
            raise AttemptError(step, "as it was told to")
        text = "" if step == "empty" else _answer(request.messages, step)
        end = len(text) // 2 if step == "cut" else len(text)
        for start in range(0, end, behaviour.size):
            yield TextDelta(text[start : min(start + behaviour.size, end)])
            await asyncio.sleep(0)
        if step != "cut":
            yield Confidence(0.1 if step == "unsure" else 0.95)
            yield Finish("stop")


def _answer(messages: Sequence[Message], step: str) -> str:
    """The last user's words again; of an answer that was begun the rest."""
    users = [text_of(m) for m in messages if m["role"] == "user"]
    if step == "first":
        return users[0]
    said = ECHO + users[-1]
    if step == "other":
        said = f"Something else. {said}"
    begun = text_of(messages[-1]) if messages[-1]["role"] == "assistant" else ""
    return said[len(begun) :] if said.startswith(begun) else said


class Heard:
    """Takes hops and traces; satisfies `Recorder` and `AuditLog`."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []
        self.events: list[AuditEvent] = []

    def start(self, _trace: Any) -> None:
        """Nothing is kept."""

    def finish(self, _trace: Any) -> None:
        """Nothing is kept."""

    def hop(self, hop: Hop) -> None:
        self.hops.append(hop)

    def record(self, event: AuditEvent) -> None:
        self.events.append(event)


@dataclass
class Done:
    """One request that was carried out."""

    transport: Watched
    heard: Heard
    answered: Answered | None
    """`None`: nobody answered."""
    told: str
    """What was told while it came."""
    error: Exception | None = None

    def sent_to(self, hosting: str) -> list[str]:
        return [text for d, text in self.transport.asked if d.hosting == hosting]


def carried_out(
    base: Mesh,
    *,
    fleet: Sequence[Deployment],
    policy: Policy,
    behaviours: Mapping[str, Behaviour],
    ask: Ask,
) -> Done:
    """Carry the request out under this policy, with these deployments."""

    async def run() -> Done:
        async with FakeClock() as clock:
            transport, heard = Watched(behaviours), Heard()
            told: list[str] = []
            services = _services(base, fleet, policy, transport, heard, clock)
            done = Done(transport, heard, None, "")
            try:
                done.answered = await SingleCalls(services).answer(ask, told.append)
            except (CallError, NoCandidateError) as error:
                done.error = error
            done.told = "".join(told)
            return done

    return asyncio.run(run())


def _services(
    base: Mesh,
    fleet: Sequence[Deployment],
    policy: Policy,
    transport: Any,
    heard: Any,
    clock: FakeClock,
) -> Services:
    services = base.single_calls().services
    seen = snapshot(tuple(sorted(fleet, key=lambda d: d.id)), {})
    return replace(
        services,
        project=services.project.model_copy(update={"policy": policy}),
        fleet=lambda: seen,
        deployments=lambda: {d.id: d for d in fleet},
        decider=Decider(policy),
        transports=transport,
        ledger=MemoryLedger(),
        traffic=FreeTraffic(),
        recorder=heard,
        audit=heard,
        clock=clock,
        answers=None,
        detectors=Detectors(policy.detect, policy.data_classes),
    )


def asking(text: str, data_class: str | None = None, **more: Any) -> Ask:
    """A question to a chat model."""
    agent = Agent(name="asker", description="Asks.", task="chat")
    request = CallRequest(messages=({"role": "user", "content": text},))
    return Ask(request=request, agent=agent, data_class=data_class, **more)


# ── what is drawn ────────────────────────────────────────────────────────────────────────


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Deployment, ...]:
    """Two to six deployments of up to four models."""
    made = {}
    for number in range(draw(st.integers(2, 6))):
        model = draw(st.sampled_from("abcd"))
        id = f"{model}/{number}"
        cents = draw(st.integers(0, 3))
        made[id] = Deployment(
            id=id,
            model=model,
            family=f"family-{model}",
            tier=draw(st.sampled_from(("nano", "small", "mid", "frontier"))),
            via="openai",
            target=model,
            provider=draw(st.sampled_from(("p", "q"))),
            hosting=draw(st.sampled_from(("hosted", "self"))),
            context=32_000,
            can=draw(st.sampled_from((("stream",), ("stream", "prefill", "logprobs")))),
            tasks={"*": draw(st.sampled_from((0.5, 0.7, 0.9)))},
            price=Price(input=cents * 1_000_000, output=cents * 1_000_000),
            first_token_ms=draw(st.sampled_from((None, 100, 900))),
        )
    return tuple(made.values())


def behaviours(fleet: Sequence[Deployment], *words: str) -> st.SearchStrategy[dict[str, Behaviour]]:
    """What each of them does; `words` besides failing."""
    step = st.sampled_from((*words, *words, *FAILURES))
    one = st.builds(
        Behaviour,
        steps=st.lists(step, min_size=1, max_size=3).map(tuple),
        size=st.integers(1, 12),
    )
    return st.fixed_dictionaries({d.id: one for d in fleet})


STRATEGIES = st.sampled_from(
    (
        None,
        "single",
        "race",
        "panel",
        "cascade",
        "auto",
        {"kind": "race", "models": 3},
        {"kind": "race", "start": "after_p95"},
        {"kind": "panel", "models": 3, "agree": 2},
        {"kind": "cascade", "confidence": 0.9},
        {"kind": "auto", "error_usd": 1.0},
    )
)


@st.composite
def routes(draw: st.DrawFn, fleet: Sequence[Deployment]) -> tuple[Route, ...]:
    """Up to three routes that would rather have it some way, and a strategy."""
    models = sorted({d.model for d in fleet})
    found = []
    for number in range(draw(st.integers(0, 3))):
        chosen = draw(st.permutations(models))
        said: dict[str, Any] = {
            "name": f"route-{number}",
            "match": draw(
                st.sampled_from(
                    ({}, {"task": "chat"}, {"data_class": ["pii", "internal"]}, {"risk": "high"})
                )
            ),
            "primary": chosen[0],
            "fallbacks": chosen[1:],
            "strategy": draw(STRATEGIES),
            "cache": draw(st.sampled_from((None, "exact"))),
        }
        if draw(st.booleans()):
            said["require"] = draw(
                st.sampled_from(({"hosting": "hosted"}, {"not_models": [models[0]]}, {}))
            )
        found.append(Route.model_validate(said))
    return tuple(found)


objectives = st.sampled_from(
    ({"minimize": "cost"}, {"maximize": "quality"}, {"minimize": "latency"})
)
