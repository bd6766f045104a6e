"""Words of open sets, as the declared files use them: tasks, and what models can do.

A new word is nobody's mistake. One that stands in a single place and differs by a letter from
another that is used elsewhere most likely is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.project._names import as_list
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.names import misspelt
from orchestrator.project.policy_schema import Policy
from orchestrator.project.schema import Agent

_ANY = "*"


@dataclass(slots=True)
class Words:
    """How often each word is used, and the slips that were told already."""

    used: Counter[str]
    _told: set[str] = field(default_factory=set)

    def slip(self, word: str) -> str:
        """The word that was meant, where this one stands alone and close to it; else empty.

        Of two words that could each be the slip, the one that is asked for first is.
        """
        if self.used[word] > 1 or word in self._told:
            return ""
        near = misspelt(word, self.used)
        if near:
            self._told.add(near)
        return near


def tasks(fleet: Fleet | None, policy: Policy | None, agents: Iterable[Agent]) -> Words:
    """The tasks that models serve, agents have and routes match."""
    models = fleet.models.values() if fleet else ()
    routes = policy.routes if policy else ()
    return Words(
        Counter(
            [
                *(task for model in models for task in model.tasks if task != _ANY),
                *(agent.task for agent in agents),
                *(task for route in routes for task in as_list(route.match.task)),
            ]
        )
    )


def capabilities(fleet: Fleet | None) -> Words:
    """What the models can do."""
    models: Mapping[str, object] = fleet.models if fleet else {}
    return Words(Counter(w for m in models.values() for w in getattr(m, "can", ())))
