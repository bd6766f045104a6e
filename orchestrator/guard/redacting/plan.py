"""What would be replaced in a prompt, and before whom, for who asks ahead of the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.call_types import CallRequest
from orchestrator.guard.redacting.redaction import Redaction, counted
from orchestrator.guard.redacting.redactor import Find, Redactor
from orchestrator.guard.redacting.vault import Vault
from orchestrator.types import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Placeholders that a prompt would get."""

    kinds: Mapping[str, int]
    """How many values of each kind."""
    before: tuple[str, ...]
    """The deployments that would be given placeholders, in the decision's order."""
    as_it_is: tuple[str, ...]
    """Those that would be given the values."""

    @property
    def words(self) -> str:
        """For a person; empty where nothing would be replaced."""
        if not self.kinds:
            return ""
        whom = ", ".join(self.before) or "none of those that may serve it"
        beside = f"; {', '.join(self.as_it_is)} would see them" if self.as_it_is else ""
        return f"{counted(self.kinds)} would be replaced before {whom}{beside}"


def planned(prompt: str, decision: Decision, find: Find) -> Planned:
    """What the decision's rule would do with this prompt."""
    rule = decision.guard
    if rule.redact == "none" or decision.fleet is None:
        return Planned(kinds={}, before=(), as_it_is=())
    request = CallRequest(messages=({"role": "user", "content": prompt},))
    made = Redaction(request, rule, Redactor(find, rule.kinds), Vault())
    known = {d.id: d for d in decision.fleet.deployments}
    asked = [known[id] for id in decision.chain if id in known]
    return Planned(
        kinds=dict(sorted(made.found.items())),
        before=tuple(d.id for d in asked if made.covers(d)),
        as_it_is=tuple(d.id for d in asked if not made.covers(d)),
    )
