"""What the last minutes were like at each deployment: errors, times, speed.

Only what a provider was really asked counts. The memory is bounded, whatever the traffic.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import ceil
from typing import NamedTuple

from pydantic import ValidationError

from orchestrator.calling.health.machine import NOT_SENT, OUTAGES, WHOLE
from orchestrator.calling.health.store import HealthMemory, Stored, StoredNumbers
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt
from orchestrator.types import Outcome, as_json, from_json

WINDOW_S = 300.0
"""What is longer ago does not count."""
SAMPLES = 256
"""The most that are kept of a deployment."""
ENOUGH = 5
"""For a median, and for an error rate."""
ENOUGH_FOR_P95 = 20
"""With fewer, the 95th percentile would be the largest value."""
LEAST_TOKENS = 8
"""A shorter answer says nothing about the speed."""
_KEEP_S = 5.0
"""Between two notes to the store about one deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Of one deployment. What too few calls tell is `None`."""

    calls: int = 0
    """That reached it, in all."""
    error_rate: float | None = None
    """The share of the recent ones that failed by its own doing."""
    p50_ms: float | None = None
    """Of whole answers."""
    p95_ms: float | None = None
    first_token_ms: float | None = None
    """The median, as the speed."""
    tokens_per_second: float | None = None
    last_at: float | None = None
    """When a call ended last, in seconds since the epoch."""
    last_error: str = ""
    last_error_at: float | None = None


class _Sample(NamedTuple):
    at: float
    failed: bool | None
    """`None`: says nothing about that."""
    ms: float | None
    first_token_ms: float | None
    tokens_per_second: float | None


@dataclass(slots=True)
class _Seen:
    samples: deque[_Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    calls: int = 0
    last_at: float | None = None
    error: tuple[str, float] | None = None
    """The last one, and when it came."""
    fresh: Numbers | None = None
    """As last worked out; `None` since the last call."""
    p95_ms: float | None = None
    """As last worked out, that is `since_p95` samples ago."""
    since_p95: int = 0
    kept_at: float = float("-inf")
    before: int = 0
    """Calls of all processes before the first one of this process."""
    kept: int = 0
    """Calls that the store knows of."""
    recovered_at: float = 0.0
    """Seconds since the epoch."""


class Live:
    """Thread-safe; costs microseconds a call.

    Args:
        store: keeps rough numbers for other processes; `None`: nobody else sees them.
    """

    def __init__(self, clock: Clock, store: HealthMemory | None = None) -> None:
        self._clock, self._store = clock, store
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._read: tuple[Stored | None, Mapping[str, tuple[float, Numbers]]] = (None, {})

    def saw(self, attempt: Attempt) -> None:
        """An attempt is over. Those that never reached the provider do not count."""
        if attempt.outcome in NOT_SENT:
            return
        with self._lock:
            seen = self._of(attempt.deployment)
            now = self._clock.monotonic()
            if attempt.outcome is Outcome.CANCELLED:
                self._saw_cancelled(seen, attempt, now)
                return
            self._add(seen, _sample(attempt, now))
            seen.calls, seen.last_at = seen.calls + 1, self._clock.now()
            if attempt.outcome not in WHOLE:
                seen.error = (_in_words(attempt), seen.last_at)
            if self._store is not None and now - seen.kept_at >= _KEEP_S:
                self._keep(attempt.deployment, seen, now)

    def recovered(self, deployment: str) -> None:
        """It answers again: what failed before says nothing of it any more."""
        with self._lock:
            seen = self._of(deployment)
            kept = [s for s in seen.samples if not s.failed]
            seen.samples.clear()
            seen.samples.extend(kept)
            seen.recovered_at, seen.fresh, seen.kept_at = self._clock.now(), None, float("-inf")
            seen.since_p95 = SAMPLES

    def health(self, deployment: str) -> Numbers:
        """What is known of it; rough numbers of other processes where this one has too few."""
        return self.all().get(deployment, Numbers())

    def all(self) -> Mapping[str, Numbers]:
        """The same of every deployment that was called."""
        elsewhere = self._elsewhere()
        with self._lock:
            own = {name: self._numbers(seen) for name, seen in self._seen.items()}
        return {
            name: _joined(own.get(name, Numbers()), elsewhere.get(name))
            for name in sorted({*own, *elsewhere})
        }

    def p95_s(self, deployment: str) -> float | None:
        """The 95th percentile of its whole answers in seconds; `None`: too few were seen."""
        with self._lock:
            seen = self._seen.get(deployment)
            ms = None if seen is None else self._p95_ms(seen)
        if ms is None and self._store is not None:
            ms = self._elsewhere().get(deployment, Numbers()).p95_ms
        return None if ms is None else ms / 1000

    def keep(self) -> None:
        """Hand everything to the store, as before the end of the process."""
        with self._lock:
            for deployment, seen in self._seen.items() if self._store else ():
                self._keep(deployment, seen, self._clock.monotonic())

    def _of(self, deployment: str) -> _Seen:
        if deployment not in self._seen:
            known = self._store.latest().numbers.get(deployment) if self._store else None
            self._seen[deployment] = _Seen(before=known.calls if known else 0)
        return self._seen[deployment]

    def _saw_cancelled(self, seen: _Seen, attempt: Attempt, now: float) -> None:
        """Hedging cancels the slow ones; not counting them would lower the p95 with each hedge.

        One that took longer than the p95 would have ended above it, so it counts as it stands.
        """
        p95 = self._p95_ms(seen)
        if p95 is not None and attempt.ms > p95:
            self._add(seen, _Sample(now, None, attempt.ms, None, None))

    def _keep(self, deployment: str, seen: _Seen, now: float) -> None:
        """Note one's own numbers; those of others, where one has none, keep their age."""
        if self._store is None:
            return
        own, other = self._numbers(seen), self._elsewhere().get(deployment)
        lent = [n for n in _missing(own) if other and getattr(other, n) is not None]
        at = self._stored()[deployment][0] if lent else self._clock.now()
        new, seen.kept, seen.kept_at = seen.calls - seen.kept, seen.calls, now
        self._store.keep_numbers(
            deployment, StoredNumbers(at=at, calls=new, numbers=as_json(_joined(own, other)))
        )

    def _add(self, seen: _Seen, sample: _Sample) -> None:
        seen.samples.append(sample)
        seen.since_p95 += 1
        seen.fresh = None

    def _drop_old(self, seen: _Seen) -> None:
        since = self._clock.monotonic() - WINDOW_S
        while seen.samples and seen.samples[0].at < since:
            seen.samples.popleft()
            seen.since_p95 += 1
            seen.fresh = None

    def _p95_ms(self, seen: _Seen) -> float | None:
        """Worked out anew when a sixteenth of the samples has changed: each call asks for it."""
        self._drop_old(seen)
        if seen.since_p95 > len(seen.samples) // 16:
            whole = [s.ms for s in seen.samples]
            seen.p95_ms, seen.since_p95 = _quantile(whole, 0.95, ENOUGH_FOR_P95), 0
        return seen.p95_ms

    def _numbers(self, seen: _Seen) -> Numbers:
        self._drop_old(seen)
        if seen.fresh is None:
            seen.fresh = _statistics(seen)
        return seen.fresh

    def _elsewhere(self) -> dict[str, Numbers]:
        """What the store holds; its statistics only while they are recent."""
        found: dict[str, Numbers] = {}
        now = self._clock.now()
        for name, (at, numbers) in self._stored().items():
            own = self._seen.get(name)
            since = max(now - WINDOW_S, own.recovered_at if own else 0.0)
            found[name] = numbers if at > since else _without_statistics(numbers)
        return found

    def _stored(self) -> Mapping[str, tuple[float, Numbers]]:
        """The store's numbers and their times; read anew when the store was."""
        latest = self._store.latest() if self._store else None
        if latest is None or latest is self._read[0]:
            return self._read[1]
        found = {}
        for name, stored in latest.numbers.items():
            with suppress(ValidationError):  # of another version of the program
                numbers = replace(from_json(Numbers, stored.numbers), calls=stored.calls)
                found[name] = (stored.at, numbers)
        self._read = (latest, found)
        return found


_STATISTICS = ("error_rate", "p50_ms", "p95_ms", "first_token_ms", "tokens_per_second")


def _without_statistics(numbers: Numbers) -> Numbers:
    return Numbers(
        calls=numbers.calls,
        last_at=numbers.last_at,
        last_error=numbers.last_error,
        last_error_at=numbers.last_error_at,
    )


def _sample(attempt: Attempt, now: float) -> _Sample:
    whole = attempt.outcome in WHOLE
    first, tokens = attempt.first_token_ms, attempt.usage.output
    writing = attempt.ms - first if first is not None else 0.0
    speed = 1000 * tokens / writing if writing > 0 and tokens >= LEAST_TOKENS else None
    return _Sample(
        at=now,
        failed=attempt.outcome in OUTAGES,
        ms=attempt.ms if whole else None,
        first_token_ms=first,
        tokens_per_second=speed if whole else None,
    )


def _in_words(attempt: Attempt) -> str:
    return f"{attempt.outcome}: {attempt.error}"[:300] if attempt.error else str(attempt.outcome)


def _statistics(seen: _Seen) -> Numbers:
    samples = seen.samples
    error, error_at = seen.error or ("", None)
    failed = [s.failed for s in samples if s.failed is not None]
    whole = [s.ms for s in samples if s.ms is not None]
    return Numbers(
        calls=seen.before + seen.calls,
        last_at=seen.last_at,
        last_error=error,
        last_error_at=error_at,
        error_rate=sum(failed) / len(failed) if len(failed) >= ENOUGH else None,
        p50_ms=_quantile(whole, 0.5, ENOUGH),
        p95_ms=_quantile(whole, 0.95, ENOUGH_FOR_P95),
        first_token_ms=_quantile([s.first_token_ms for s in samples], 0.5, ENOUGH),
        tokens_per_second=_quantile([s.tokens_per_second for s in samples], 0.5, ENOUGH),
    )


def _quantile(values: Sequence[float | None], share: float, enough: int) -> float | None:
    """The nearest-rank quantile: the smallest value that at least `share` of all do not exceed."""
    known = sorted(value for value in values if value is not None)
    return known[ceil(share * len(known)) - 1] if len(known) >= enough else None


def _missing(numbers: Numbers) -> list[str]:
    return [name for name in _STATISTICS if getattr(numbers, name) is None]


def _joined(own: Numbers, other: Numbers | None) -> Numbers:
    """One's own numbers, and the other's where one's own are missing or older."""
    if other is None:
        return own
    later = own if (own.last_error_at or 0.0) >= (other.last_error_at or 0.0) else other
    missing = {name: getattr(other, name) for name in _missing(own)}
    return replace(
        own,
        calls=max(own.calls, other.calls),
        last_at=max(own.last_at or 0.0, other.last_at or 0.0) or None,
        last_error=later.last_error,
        last_error_at=later.last_error_at,
        **missing,
    )
