"""A `Work` without a graph: each call is answered by scripted texts or by real built-in models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.call_types import CallRequest, Reply
from orchestrator.embedding.load import load_embedder
from orchestrator.errors import CallError, InternalError
from orchestrator.evidence.scoring.model import SupportModel, shipped
from orchestrator.evidence.sources.chunks import sentences
from orchestrator.evidence.values import Citation, Passage, Value
from orchestrator.guard.risk import Event
from orchestrator.money import Usage
from orchestrator.project.load import load_builtins
from orchestrator.project.protocols import Embedder
from orchestrator.project.registry import BUILTINS
from orchestrator.project.schema import Agent
from orchestrator.records import Attempt
from orchestrator.roles.prompt import messages
from orchestrator.types import Decision, Deployment, Effort, Outcome, TaskProfile, as_json

V = TypeVar("V", bound=Value)
AGENTS = Path(__file__).parents[2] / "agents"


@dataclass(frozen=True)
class Says:
    """A model that answers with this text."""

    text: str
    family: str | None = "acme"
    deployment: str = "acme-large/api"


@dataclass(frozen=True)
class Answers:
    """A model that answers what it is asked."""

    answer: Callable[[CallRequest], str]
    family: str | None = "acme"
    deployment: str = "acme-large/api"
    finish_reason: str = "stop"
    usage: Usage = Usage()
    cost: int | None = 0
    fails: Outcome | None = None
    """It never answers, and this is why."""


@dataclass(frozen=True)
class Runs:
    """A built-in model of the fleet."""

    name: str
    family: None = None

    @property
    def deployment(self) -> str:
        return f"{self.name}/here"


Model = Says | Answers | Runs


@cache
def embedder() -> Embedder:
    return load_embedder("static")


@cache
def agents() -> Mapping[str, Agent]:
    """The shipped agents, read as the project reads them."""
    import yaml

    found = {}
    for file in sorted(AGENTS.glob("*.md")):
        _, front, body = file.read_text("utf-8").split("---\n", 2)
        declared = yaml.safe_load(front)
        agent = Agent.model_validate(declared)
        found[file.stem] = agent.model_copy(update={"name": file.stem, "prompt": body})
    return found


@dataclass
class FakeWork:
    """Satisfies `Work`. `chains` are the deployments that each call tries, call by call."""

    agent: Agent
    inputs: Mapping[str, Any] = field(default_factory=dict)
    chains: Sequence[Sequence[Model]] = ()
    question: str = "How many days of leave do employees get?"
    node: str = "node"
    round: int = 0
    family_excluded: str | None = None
    effort: Effort = "model"
    effort_origin: str = "default"
    independent: str = ""
    met: list[Event] = field(default_factory=list)
    seed: str = "run/node/0"
    profiles: Callable[[str, str | None], TaskProfile] = lambda text, task: TaskProfile(
        task=task or "extract"
    )
    decisions: Callable[[TaskProfile], Decision] = lambda profile: Decision(
        chosen=f"{profile.task}-model/api", policy_hash="p", fleet_hash="f"
    )
    notes: list[str] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)
    requests: list[CallRequest] = field(default_factory=list)

    @property
    def embedder(self) -> Embedder:
        return embedder()

    @property
    def support_model(self) -> SupportModel:
        return shipped()

    @property
    def agents(self) -> Mapping[str, Agent]:
        return agents()

    def all(self, kind: type[V]) -> list[V]:
        return [v for v in _flat(list(self.inputs.values())) if isinstance(v, kind)]

    def maybe(self, kind: type[V]) -> V | None:
        found = self.all(kind)
        return found[-1] if found else None

    def one(self, kind: type[V]) -> V:
        found = self.maybe(kind)
        if found is None:
            raise InternalError(f"no {kind.__name__}")
        return found

    def profile(self, text: str, *, task: str | None, agent: Agent | None = None) -> TaskProfile:
        return self.profiles(text, task)

    def decide(self, profile: TaskProfile, *, step: str = "") -> Decision:
        return self.decisions(profile)

    def deployment(self, id: str) -> Deployment:
        """As far as the chains tell; one that they do not name is the next call's first."""
        named = [m for chain in self.chains for m in chain if m.deployment == id]
        model = (named or list(self.chains[len(self.requests)]))[0]
        return Deployment(
            id=model.deployment,
            model=model.deployment.split("/")[0],
            family=model.family,
            tier="small",
            via="builtin" if isinstance(model, Runs) else "openai",
            target=model.name if isinstance(model, Runs) else "any",
            provider="any",
            hosting="self",
        )

    async def meets(self, event: Event, why: str) -> bool:
        self.met.append(event)
        return False

    def note(self, text: str) -> None:
        self.notes.append(text)

    def put(self, step: str, text: str) -> None:
        self.found[step] = text

    async def call(
        self,
        *,
        variables: Mapping[str, str],
        inputs: Mapping[str, Any],
        check: Callable[[str], Any] | None = None,
        schema: Mapping[str, Any] | None = None,
        agent: Agent | None = None,
        profile: TaskProfile | None = None,
    ) -> Reply:
        sent = messages(agent or self.agent, variables)
        request = CallRequest(messages=sent, inputs=as_json(inputs), schema=schema)
        self.requests.append(request)
        if len(self.requests) > len(self.chains):
            raise AssertionError(f"call {len(self.requests)} was not expected")
        attempts: list[Attempt] = []
        for model in self.chains[len(self.requests) - 1]:
            if isinstance(model, Answers) and model.fails:
                attempts.append(_attempt(model, model.fails, f"it failed: {model.fails}"))
                continue
            try:
                text = _said(model, request)
                value = check(text) if check else text
            except ValueError as error:
                attempts.append(_attempt(model, Outcome.INVALID_OUTPUT, str(error)))
                continue
            return Reply(
                text=text,
                value=value,
                deployment=model.deployment,
                model=model.deployment.split("/")[0],
                family=model.family,
                attempts=(*attempts, _attempt(model, Outcome.OK, None)),
                finish_reason=model.finish_reason if isinstance(model, Answers) else "stop",
            )
        raise CallError("; ".join(str(a.error) for a in attempts) or "nobody answers", attempts)


def _said(model: Model, request: CallRequest) -> str:
    match model:
        case Says(text):
            return text
        case Answers(answer):
            return answer(request)
    return run(model.name, request)


def run(name: str, request: CallRequest) -> str:
    """The output of a real built-in model."""
    load_builtins(("orchestrator.roles.all",))
    return str(BUILTINS.get("builtin", name)(request))


def passage(number: int, text: str, file: str = "rules.md", start: int = 0) -> Passage:
    """A passage `p1`, `p2`, … at `start` of its file."""
    return Passage(
        id=f"p{number}",
        file=file,
        start=start,
        end=start + len(text),
        text=text,
        doc_hash="0" * 16,
        score=1.0,
    )


def span(of: Passage, quote: str) -> Citation:
    """A quote of the passage with its place in the file."""
    start = of.start + of.text.index(quote)
    return Citation(file=of.file, start=start, end=start + len(quote), quote=quote, passage=of.id)


def passages_of(folder: Path) -> list[Passage]:
    """Every Markdown file of a folder as one passage."""
    texts = [(f.name, f.read_text("utf-8")) for f in sorted(folder.glob("*.md"))]
    assert all(sentences(text) for _, text in texts)
    return [passage(n, text, file) for n, (file, text) in enumerate(texts, start=1)]


def _attempt(model: Model, outcome: Outcome, error: str | None) -> Attempt:
    return Attempt(
        deployment=model.deployment,
        model=model.deployment.split("/")[0],
        family=model.family,
        outcome=outcome,
        started_at=0.0,
        ms=1.0,
        error=error,
        usage=model.usage if isinstance(model, Answers) else Usage(),
        cost_micro_usd=model.cost if isinstance(model, Answers) else 0,
    )


def _flat(items: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        found += _flat(item) if isinstance(item, (list, tuple)) else [item]
    return found
