"""Single calls through a real mesh, whose models answer on loopback, and what is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import Mesh
from orchestrator.call_types import CallRequest, Message
from orchestrator.project.schema import Agent
from orchestrator.records import AuditEvent, Hop, Trace
from orchestrator.roles.services import Services
from orchestrator.roles.single import Answered, Ask, SingleCalls
from tests.calling.server import Say, Script, StandIn, Step
from tests.chat.served import ABLE, FLEET

OTHER = Say("A second answer.")
SAFE = Say("safe")
MODERATOR = """
  watcher:
    family: four
    tier: small
    context: 8000
    tasks: {{moderate: 0.9}}
    can: {able}
    deployments:
      - {{id: w, via: openai, model: watcher-model, endpoint: "{watch}", hosting: self,
         price: {{input: 0, output: 0}}}}
"""


@dataclass
class Events:
    """An audit log that keeps what it is told."""

    events: list[AuditEvent] = field(default_factory=list)

    def record(self, event: AuditEvent) -> None:
        self.events.append(event)

    def of(self, kind: str) -> list[AuditEvent]:
        return [event for event in self.events if event.kind == kind]


@dataclass
class Hops:
    """A recorder that keeps what it is told."""

    hops: list[Hop] = field(default_factory=list)

    def start(self, trace: Trace) -> None: ...

    def hop(self, hop: Hop) -> None:
        self.hops.append(hop)

    def finish(self, trace: Trace) -> None: ...


@dataclass
class Desk:
    """The mesh, the servers behind it, and what was told."""

    services: Services
    first: StandIn
    second: StandIn
    watcher: StandIn
    audit: Events
    heard: Hops

    async def ask(
        self, *said: str, on_text: Callable[[str], None] | None = None, **more: Any
    ) -> Answered:
        messages: Sequence[Message] = more.pop("messages", None) or [
            {"role": "user", "content": text} for text in said
        ]
        agent = Agent(name="caller", description="Asks.", task="chat")
        ask = Ask(request=CallRequest(messages=tuple(messages)), agent=agent, **more)
        return await SingleCalls(self.services).answer(ask, on_text)

    @property
    def hops(self) -> list[Hop]:
        """All that were recorded, in order."""
        return self.heard.hops

    def sent(self, server: StandIn | None = None) -> str:
        """The last prompt that a server saw, as one text."""
        messages = (server or self.first).seen[-1].body["messages"]
        return "\n".join(str(m["content"]) for m in messages)


@asynccontextmanager
async def desk(
    folder: Path,
    *steps: Step | Script,
    route: str = "",
    second: Step | Script = OTHER,
    watcher: Step | Script = SAFE,
) -> AsyncIterator[Desk]:
    """`route`: what the only route of the policy says, as YAML in one line."""
    one, two, three = StandIn(*steps), StandIn(second), StandIn(watcher)
    async with one as url, two as other, three as watch:
        fleet = (FLEET + MODERATOR).format(url=url, other=other, watch=watch, able=ABLE)
        (folder / "fleet.yaml").write_text(fleet)
        policy = "objective: {maximize: quality}\n"
        if route:
            policy += f"routes:\n  - {{name: guarded, match: {{}}, {route}}}\n"
        (folder / "policy.yaml").write_text(policy)
        mesh, audit, heard = Mesh.load(folder, env={}), Events(), Hops()
        try:
            services = dataclasses.replace(
                mesh.single_calls().services, audit=audit, recorder=heard
            )
            yield Desk(services, one, two, three, audit, heard)
        finally:
            await mesh.close()
