"""What follows each outcome of an attempt: one line for each, and no second place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.types import Outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows an outcome."""

    then: Literal["next", "stop"]
    """After the retries, if any."""
    retries: int = 0
    """How often the same deployment is asked again."""
    sibling_first: bool = False
    """Another deployment of the same model goes before a retry and before other models."""
    waits: bool = False
    """The deployment may be asked again at the time it gave, when everybody else has failed."""
    of_the_model: bool = False
    """The model's own doing: its other deployments are asked after all other models."""
    sent: bool = True
    """The provider was reached, or at least tried."""


RULES: dict[Outcome, Rule] = {
    Outcome.OK: Rule("stop"),
    Outcome.RATE_LIMITED: Rule("next", retries=2, sibling_first=True, waits=True),
    Outcome.OVERLOADED: Rule("next", retries=1, sibling_first=True),
    Outcome.UNREACHABLE: Rule("next", retries=1, sibling_first=True),
    Outcome.CUT: Rule("next", retries=1, sibling_first=True),
    # Whoever is silent once is silent again: waiting twice only doubles the caller's wait.
    Outcome.TIMEOUT_SILENT: Rule("next", sibling_first=True),
    Outcome.TIMEOUT_FIRST_TOKEN: Rule("next", sibling_first=True),
    Outcome.STALLED: Rule("next", sibling_first=True),
    Outcome.MALFORMED: Rule("next"),
    # The same request to the same model would bring the same answer.
    Outcome.EMPTY: Rule("next", of_the_model=True),
    Outcome.INVALID_OUTPUT: Rule("next", of_the_model=True),
    Outcome.UNSURE: Rule("next", of_the_model=True),
    # Where the policy says so; else nobody is asked after it (`Tried.final`).
    Outcome.UNSAFE: Rule("next", of_the_model=True),
    Outcome.CONTEXT_EXCEEDED: Rule("next", of_the_model=True),
    Outcome.INVALID_REQUEST: Rule("next"),
    Outcome.AUTH: Rule("next"),
    # A provider's refusal is an answer, not a fault; it is not routed around.
    Outcome.REFUSED: Rule("stop"),
    # What was handed on cannot be taken back, and this would not go on from there.
    Outcome.DIVERGED: Rule("stop"),
    Outcome.OVER_BUDGET: Rule("next", sent=False),
    Outcome.SKIPPED_OPEN: Rule("next", sibling_first=True, waits=True, sent=False),
    Outcome.BUSY: Rule("next", sibling_first=True, waits=True, sent=False),
    Outcome.CANCELLED: Rule("next"),
    Outcome.UNKNOWN: Rule("next"),
}
