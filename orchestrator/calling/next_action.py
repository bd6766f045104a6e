"""What to do after each attempt: one pure function, the whole policy of attempts.

No other place decides about a retry, a fallback or a wait. The rule of each outcome is one
line of `RULES`; what all of them share stands in `next_action`:

- a deployment is tried again at most `MAX_RETRIES` times, counted over the whole chain;
- after an outage another deployment of the *same model* comes first, then the chain's order;
- after `context_exceeded` only a deployment that is known to hold more is asked;
- `Retry-After` is never undercut, and nothing starts after the deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.types import Deployment, Outcome

MAX_RETRIES = 2
BACKOFF_S = 0.5
"""The first pause before a retry; each further one doubles."""
PATIENCE_S = 5.0
"""A longer `Retry-After` sends the request to the next deployment first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One finished attempt, as far as the policy looks at it."""

    deployment: str
    outcome: Outcome
    at: float
    """When it ended, on the clock's monotonic scale."""
    retry_after_s: float | None = None
    """What the provider asked for, counted from `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that `next_action` may know besides the time."""

    chain: tuple[Deployment, ...]
    """The decision's deployments in order."""
    tried: tuple[Tried, ...] = ()
    deadline: float
    """On the clock's monotonic scale, for the whole chain."""


@dataclass(frozen=True, slots=True)
class Next:
    """Ask this deployment now; it was not asked before."""

    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask the same deployment again after a pause."""

    deployment: Deployment
    after_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody is left who was not asked; this one said when to come back, and that is in time."""

    deployment: Deployment
    after_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """No further attempt. `reason` is for the caller: `ok`, or why nothing more is tried."""

    reason: str


Action = Next | Retry | Wait | Stop


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
    Outcome.CONTEXT_EXCEEDED: Rule("next", of_the_model=True),
    Outcome.INVALID_REQUEST: Rule("next"),
    Outcome.AUTH: Rule("next"),
    # A provider's refusal is an answer, not a fault; it is not routed around.
    Outcome.REFUSED: Rule("stop"),
    Outcome.OVER_BUDGET: Rule("next"),
    Outcome.SKIPPED_OPEN: Rule("next", sibling_first=True, waits=True),
    Outcome.BUSY: Rule("next", sibling_first=True, waits=True),
    Outcome.UNSURE: Rule("next", of_the_model=True),
    Outcome.CANCELLED: Rule("stop"),
    Outcome.UNKNOWN: Rule("next"),
}


def next_action(history: History, now: float, jitter: float = 0.5) -> Action:
    """What to do now.

    Args:
        now: on the clock's monotonic scale.
        jitter: in 0..1; a pause without `Retry-After` is stretched by 0.5 + `jitter`.
    """
    if not history.tried:
        return _first(history, now)
    last = history.tried[-1]
    rule = RULES[last.outcome]
    if rule.then == "stop":
        return Stop(str(last.outcome))
    if now >= history.deadline:
        return Stop("deadline")
    fresh = _fresh(history)
    siblings = [d for d in fresh if d.model == _named(history, last.deployment).model]
    if rule.sibling_first and siblings:
        return Next(siblings[0])
    retry = _retry(history, last, rule, now, jitter)
    if retry is not None and (retry.after_s <= PATIENCE_S or not fresh):
        return retry
    if fresh:
        return Next(fresh[0])
    return _wait(history, now) or Stop("every deployment of the decision was tried")


def _first(history: History, now: float) -> Action:
    if now >= history.deadline:
        return Stop("deadline")
    return Next(history.chain[0]) if history.chain else Stop("the decision names no deployment")


def _named(history: History, deployment: str) -> Deployment:
    return next(d for d in history.chain if d.id == deployment)


def _fresh(history: History) -> list[Deployment]:
    """The deployments that were not asked yet and may still serve, in the chain's order.

    Those of a model that itself has failed come last.
    """
    asked = {t.deployment for t in history.tried}
    failed = {
        _named(history, t.deployment).model for t in history.tried if RULES[t.outcome].of_the_model
    }
    fresh = [d for d in history.chain if d.id not in asked and _holds(history, d)]
    return sorted(fresh, key=lambda d: d.model in failed)


def _holds(history: History, deployment: Deployment) -> bool:
    """Whether it is known to hold more than every deployment that was too small."""
    too_small = [
        _named(history, t.deployment).context or 0
        for t in history.tried
        if t.outcome is Outcome.CONTEXT_EXCEEDED
    ]
    if not too_small or deployment.deterministic:
        return True
    return (deployment.context or 0) > max(too_small)


def _retries_left(history: History) -> int:
    asked_again = len(history.tried) - len({t.deployment for t in history.tried})
    return MAX_RETRIES - asked_again


def _retry(history: History, last: Tried, rule: Rule, now: float, jitter: float) -> Retry | None:
    """The retry that `rule` grants, if it would start before the deadline."""
    same = sum(t.deployment == last.deployment for t in history.tried)
    if same > rule.retries or _retries_left(history) <= 0:
        return None
    pause = BACKOFF_S * 2 ** (same - 1) * (0.5 + jitter)
    asked_for = 0.0 if last.retry_after_s is None else last.at + last.retry_after_s - now
    after = max(asked_for if last.retry_after_s is not None else pause, 0.0)
    if now + after >= history.deadline:
        return None
    return Retry(_named(history, last.deployment), after)


def _wait(history: History, now: float) -> Wait | None:
    """The first deployment to open again, by what each of them said last."""
    if _retries_left(history) <= 0:
        return None
    final = {t.deployment: t for t in history.tried}
    opens = [
        (t.at + t.retry_after_s, d)
        for d in history.chain
        if (t := final.get(d.id)) and t.retry_after_s is not None and RULES[t.outcome].waits
    ]
    if not opens:
        return None
    at, deployment = min(opens, key=lambda pair: pair[0])
    return Wait(deployment, max(at - now, 0.0)) if at < history.deadline else None
