"""What a policy does, as values: behind each sentence stands what routing itself found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.guard.risk import Demand
from orchestrator.types import CacheRule, GuardRule, LogRule, Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Requests that are alike for the policy; every one of them is decided so."""

    data_class: str
    risk: Risk
    task: str
    tags: tuple[str, ...] = ()
    domain: str = "general"
    interactive: bool = True

    @property
    def apart(self) -> str:
        """What of it is not as usual, in words; empty where nothing is."""
        said = [f"tags {', '.join(self.tags)}"] if self.tags else []
        said += [f"domain {self.domain}"] if self.domain != "general" else []
        said += [] if self.interactive else ["nobody waits"]
        return "; ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """A deployment that may not serve, and the first rule that it breaks."""

    deployment: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What is done with a request."""

    served_by: tuple[str, ...]
    """The deployments that may serve it, by name; empty: nobody."""
    barred: tuple[Barred, ...]
    advice: str
    """Where nobody may serve it: the smallest change that leaves one."""
    routes: tuple[str, ...]
    log: LogRule
    guard: GuardRule
    cache: CacheRule | None
    demand: Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases that are all treated alike."""

    cases: tuple[Case, ...]
    treatment: Treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Something in the policy that does nothing."""

    route: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A policy, taken apart."""

    policy_hash: str
    groups: tuple[Group, ...]
    looked_for: Mapping[str, str | None] = field(default_factory=dict)
    """Kind → the data class that it makes of a text; `None`: none."""
    least_confidence: float = 0.0
    rises: Mapping[str, Risk] = field(default_factory=dict)
    """What a run meets → the risk that it then has at least."""
    tools: tuple[str, ...] = ()
    spending: tuple[str, ...] = ()
    idle: tuple[Idle, ...] = ()
    defaults: tuple[str, ...] = ()
    """What the policy does not say, and what holds therefore."""
