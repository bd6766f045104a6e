"""What to do now: one pure function, the whole policy of attempts.

No other place decides about a retry, a fallback, a hedge, a repair or a wait. The rule of each
outcome is one line of `rules.RULES`; what all of them share stands here:

- a deployment is tried again at most `MAX_RETRIES` times, counted over the whole chain;
- after an outage another deployment of the *same model* comes first, then the chain's order;
- after `context_exceeded` only a deployment that is known to hold more is asked;
- an output that breaks its rules is repaired once by the model that wrote it;
- once text was handed on, only those are asked that can go on with it;
- `Retry-After` is never undercut, and nothing starts after the deadline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.calling.in_turn import move
from orchestrator.calling.rules import RULES, Rule
from orchestrator.types import Deployment, Move, Outcome, Strategy, Tactics

MAX_RETRIES = 2
MAX_REPAIRS = 2
"""Over the whole chain; one for each deployment."""
BACKOFF_S = 0.5
"""The first pause before a retry; each further one doubles."""
PATIENCE_S = 5.0
"""A longer `Retry-After` sends the request to the next deployment first."""
ARBITERS = 1
"""How many more are asked where the members of a panel do not agree."""
QUEUE_PAUSE_S = 0.05
"""Between two attempts to find room on one deployment, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One finished attempt, as far as the policy looks at it."""

    deployment: str
    outcome: Outcome
    at: float
    """When it ended, on the clock's monotonic scale."""
    retry_after_s: float | None = None
    """What the provider asked for, counted from `at`."""
    repair: bool = False
    """It was asked to mend its own output."""
    repairable: bool = False
    """Its output is invalid, and asking it to mend that may help."""
    continued: bool = False
    """It was asked to go on with what an earlier attempt had begun."""
    vote: str | None = None
    """Of a valid answer in a panel: equal answers have equal votes."""
    final: bool = False
    """The policy says that nobody is asked after it."""


@dataclass(frozen=True, slots=True)
class Running:
    """One attempt that goes on."""

    deployment: str
    since: float
    """On the clock's monotonic scale."""


@dataclass(slots=True, kw_only=True)
class History:
    """Everything that `next_action` may know besides the time; it looks at it and changes nothing.

    Whoever carries the call out writes down here what has happened.
    """

    chain: tuple[Deployment, ...]
    """The decision's deployments in order."""
    tried: tuple[Tried, ...] = ()
    running: tuple[Running, ...] = ()
    deadline: float
    """On the clock's monotonic scale, for the whole chain."""
    strategy: Strategy = "single"
    tactics: Tactics = Tactics()
    hedge_after_s: float | None = None
    """When the first one counts as slow; `None`: nobody knows, and nothing is hedged."""
    speaker: str | None = None
    """The deployment whose text the caller was handed; `None`: nothing was handed on."""


@dataclass(frozen=True, slots=True)
class Next:
    """Ask this deployment now; it was not asked before."""

    deployment: Deployment
    continued: bool = False
    """To go on with the text that was handed on."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask the same deployment again after a pause."""

    deployment: Deployment
    after_s: float
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """Ask the same deployment to mend the output that it has just given."""

    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody is left who was not asked; this one said when to come back, and that is in time."""

    deployment: Deployment
    after_s: float
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Begin nothing until one of the running attempts ends, or until `until` at the latest."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """No further attempt. `reason` is for the caller: `ok`, or why nothing more is tried."""

    reason: str


Action = Next | Retry | Repair | Wait | Hold | Stop
OK = Stop("ok")


def next_action(history: History, now: float, jitter: float = 0.5) -> Action:
    """What to do now.

    Args:
        now: on the clock's monotonic scale.
        jitter: in 0..1; a pause without `Retry-After` is stretched by 0.5 + `jitter`.
    """
    if _answered(history):
        return OK
    if history.running:
        return _beside(history, now)
    if not history.tried:
        return _first(history, now)
    last, stopping = history.tried[-1], _stopping(history)
    if stopping:
        return Stop(str(stopping[-1].outcome))
    if now >= history.deadline:
        return Stop("deadline")
    if history.strategy == "panel":
        return _panel(history) or _after_failure(history, last, now, jitter)
    return _after_failure(history, last, now, jitter)


# ── while nothing has failed ─────────────────────────────────────────────────────────────


def _is_ok(tried: Tried) -> bool:
    return tried.outcome is Outcome.OK


def _stopping(history: History) -> list[Tried]:
    """Those after which nobody else is asked."""
    return [
        t for t in history.tried if (t.final or RULES[t.outcome].then == "stop") and not _is_ok(t)
    ]


def _answered(history: History) -> bool:
    """Somebody has answered, and the strategy asks for no more."""
    if history.strategy != "panel":
        return any(_is_ok(t) for t in history.tried)
    if history.tactics.moves:
        return _settled(history)
    votes = _votes(history)
    return bool(votes) and max(votes.values()) >= history.tactics.agree


def _votes(history: History) -> Counter[str]:
    return Counter(t.vote or "" for t in history.tried if _is_ok(t))


def _first(history: History, now: float) -> Action:
    if now >= history.deadline:
        return Stop("deadline")
    return Next(history.chain[0]) if history.chain else Stop("the decision names no deployment")


def _beside(history: History, now: float) -> Action:
    """Whether another attempt begins beside those that run."""
    fresh = _fresh(history)
    if now >= history.deadline or not fresh or history.speaker is not None or _stopping(history):
        return Hold()
    wanted = history.tactics.models
    if history.strategy == "panel":
        missing = wanted - sum(_votes(history).values()) - len(history.running)
        return Next(fresh[0]) if missing > 0 else Hold()
    if history.strategy != "race":
        return Hold()
    begun = len({t.deployment for t in history.tried} | {r.deployment for r in history.running})
    if begun >= wanted:
        return Hold()
    if history.tactics.start == "together":
        return Next(fresh[0])
    if history.hedge_after_s is None:
        return Hold()
    due = history.running[-1].since + history.hedge_after_s
    return Next(fresh[0]) if now >= due else Hold(due)


def _settled(history: History) -> bool:
    """A panel in turn has its answer: by its moves, or from who stood in where all had failed."""
    members = {d.id for d in history.chain[: history.tactics.models]}
    answered = [t.deployment for t in history.tried if _is_ok(t)]
    if any(id not in members for id in answered):
        return True
    return bool(answered) and (now := _move(history)) is not None and now.gives


def _move(history: History) -> Move | None:
    """What a panel in turn does now."""
    members = history.chain[: history.tactics.models]
    said = {t.deployment: t.vote for t in history.tried if _is_ok(t)}
    fresh = {d.id for d in _fresh(history)}
    votes = [said.get(d.id) for d in members]
    return move(history.tactics.moves, votes, [d.id in fresh for d in members])


def _panel(history: History) -> Action | None:
    """Ask for the votes that are missing, then one more, then take what most have said."""
    if history.tactics.moves:
        now = _move(history)
        return None if now is None else Next(history.chain[now.place])
    voted = sum(_votes(history).values())
    fresh = _fresh(history)
    if fresh and voted < history.tactics.models + ARBITERS:
        return Next(fresh[0])
    return OK if voted else None


# ── after a failure ──────────────────────────────────────────────────────────────────────


def _after_failure(history: History, last: Tried, now: float, jitter: float) -> Action:
    if history.speaker is not None:
        # Whoever refused to go on has not tried: what failed before it may be tried again.
        failed = next((t for t in reversed(history.tried) if not _prefill_refused(t)), last)
        retry = _retry(history, failed, RULES[failed.outcome], now, jitter)
        return _go_on(history, last, retry, now)
    rule = RULES[last.outcome]
    retry = _retry(history, last, rule, now, jitter)
    if last.outcome is Outcome.INVALID_OUTPUT and _may_repair(history, last):
        return Repair(_named(history, last.deployment))
    fresh = _fresh(history)
    siblings = [d for d in fresh if d.model == _named(history, last.deployment).model]
    if rule.sibling_first and siblings:
        return Next(siblings[0])
    if retry is not None and (retry.after_s <= PATIENCE_S or not fresh):
        return retry
    unsure = any(t.outcome is Outcome.UNSURE for t in history.tried)
    steps = history.chain[: history.tactics.models]
    if unsure and not (fresh and fresh[0] in steps):
        return OK  # those behind the steps of a cascade are no better
    if fresh:
        return Next(fresh[0])
    return _wait(history, now, history.chain) or Stop("every deployment of the decision was tried")


def _go_on(history: History, last: Tried, retry: Retry | None, now: float) -> Action:
    """Text was handed on: first those that can take it up, then its own model from the beginning.

    Another model would never write the same text again.
    """
    speaker = _named(history, history.speaker or last.deployment)
    if _prefill_refused(last) and _named(history, last.deployment).model == speaker.model:
        return Retry(_named(history, last.deployment), 0.0)
    fresh = sorted(_fresh(history), key=lambda d: d.model != speaker.model)
    taking_up = [d for d in fresh if _continues(history, d)]
    if taking_up and taking_up[0].model == speaker.model:
        return Next(taking_up[0], continued=True)
    if retry is not None and retry.continued and (retry.after_s <= PATIENCE_S or not taking_up):
        return retry
    if taking_up:
        return Next(taking_up[0], continued=True)
    siblings = [d for d in fresh if d.model == speaker.model]
    if siblings:
        return Next(siblings[0])
    if retry is not None and retry.deployment.model == speaker.model:
        return retry
    useful = [d for d in history.chain if _continues(history, d) or d.model == speaker.model]
    return _wait(history, now, useful) or Stop("nobody can go on with the text that was handed on")


def _may_repair(history: History, last: Tried) -> bool:
    if not last.repairable:
        return False
    repaired = [t for t in history.tried if t.repair]
    return len(repaired) < MAX_REPAIRS and all(t.deployment != last.deployment for t in repaired)


def _prefill_refused(tried: Tried) -> bool:
    return tried.continued and tried.outcome is Outcome.INVALID_REQUEST


def _continues(history: History, deployment: Deployment) -> bool:
    """Whether it takes up the text that was handed on."""
    return (
        history.speaker is not None
        and "prefill" in deployment.can
        and not any(_prefill_refused(t) and t.deployment == deployment.id for t in history.tried)
    )


def _named(history: History, deployment: str) -> Deployment:
    return next(d for d in history.chain if d.id == deployment)


def _fresh(history: History) -> list[Deployment]:
    """The deployments that were not asked yet and may still serve, in the chain's order.

    Those of a model that itself has failed come last.
    """
    asked = {t.deployment for t in history.tried} | {r.deployment for r in history.running}
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


# ── the same deployment again ────────────────────────────────────────────────────────────


def _sent(history: History) -> list[Tried]:
    """The attempts that count as tries: not those that never left, nor repairs, nor a prefill
    that was refused."""
    return [
        t
        for t in history.tried
        if RULES[t.outcome].sent and not t.repair and not _prefill_refused(t)
    ]


def _retries_left(history: History) -> int:
    sent = _sent(history)
    return MAX_RETRIES - (len(sent) - len({t.deployment for t in sent}))


def _retry(history: History, last: Tried, rule: Rule, now: float, jitter: float) -> Retry | None:
    """The retry that `rule` grants, if it would start before the deadline."""
    deployment = _named(history, last.deployment)
    same = sum(t.deployment == last.deployment for t in _sent(history))
    if not rule.retries or same > rule.retries or _retries_left(history) <= 0:
        return None
    pause = BACKOFF_S * 2 ** (same - 1) * (0.5 + jitter)
    asked_for = 0.0 if last.retry_after_s is None else last.at + last.retry_after_s - now
    after = max(asked_for if last.retry_after_s is not None else pause, 0.0)
    if now + after >= history.deadline:
        return None
    return Retry(deployment, after, _continues(history, deployment))


def _pause_of(history: History, tried: Tried) -> float:
    """Seconds until the deployment may be asked again."""
    of_it = [t for t in history.tried if t.deployment == tried.deployment]
    if tried.outcome is Outcome.BUSY and sum(t.outcome is Outcome.BUSY for t in of_it) == 1:
        return 0.0  # it has not stood in the queue yet, which lets it in as soon as there is room
    return max(tried.retry_after_s or 0.0, 0.0 if RULES[tried.outcome].sent else QUEUE_PAUSE_S)


def _wait(history: History, now: float, useful: Sequence[Deployment]) -> Wait | None:
    """The first deployment to open again, by what each of them said last."""
    final = {t.deployment: t for t in history.tried}
    opens = []
    for deployment in useful:
        t = final.get(deployment.id)
        if t is None or not RULES[t.outcome].waits:
            continue
        if RULES[t.outcome].sent and (_retries_left(history) <= 0 or t.retry_after_s is None):
            continue
        opens.append((t.at + _pause_of(history, t), deployment))
    if not opens:
        return None
    at, deployment = min(opens, key=lambda pair: pair[0])
    if at >= history.deadline:
        return None
    return Wait(deployment, max(at - now, 0.0), _continues(history, deployment))
