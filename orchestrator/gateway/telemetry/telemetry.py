"""Telemetry of one worker: it counts and logs what was seen of requests and of models' calls.

On the path of a request something is noted, in a few microseconds; a thread counts it and writes
the log. What a model's call was comes from the recorder, which sees every hop, also of graphs;
what a request was comes from the application, which sees also those that were refused.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from orchestrator.gateway.telemetry import logs
from orchestrator.gateway.telemetry.board import Board
from orchestrator.gateway.telemetry.seen import Seen
from orchestrator.gateway.telemetry.tally import OTHER, Tally, unpack
from orchestrator.money import MICRO_USD
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.storage.collect import Collector
from orchestrator.tracing.redact import Mask
from orchestrator.types import Outcome

if TYPE_CHECKING:
    from orchestrator.tracing.spooled import SpoolRecorder

_LOG = logging.getLogger("orchestrator.telemetry")
PUBLISH_S = 0.1
"""How late the log is, and the other processes know of a number."""
NOBODY = "none"
"""Who answered where no model did."""
_MOST_ANSWERS = 10_000
_CLASSES = (NOBODY, "1xx", "2xx", "3xx", "4xx", "5xx", *["other"] * 4)
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Asked every few seconds by what looks after the service: logged only where it goes wrong."""
_REASONS = {401: "key", 402: "budget", 403: "not_allowed", 404: "unknown", 408: "slow"}
_REASONS |= {413: "too_large", 422: "no_model", 429: "limit", 503: "unavailable"}


@dataclass(slots=True)
class _Answer:
    """What the recorder has told of one trace."""

    attempts: tuple[Attempt, ...] = ()
    trace: Trace | None = None

    @property
    def answered(self) -> Attempt | None:
        """The last attempt that gave an answer."""
        for attempt in reversed(self.attempts):
            if attempt.outcome is Outcome.OK:
                return attempt
        return None


class Telemetry:
    """Counts and logs.

    Args:
        board: where the processes of the gateway read each other's numbers.
        number: of this process's slot on it.
        style: of the log.
    """

    def __init__(self, board: Board, number: int = 0, *, style: logs.Style = "off") -> None:
        self.board, self._slot, self._style = board, board.slots[number], style
        self.recorder: SpoolRecorder | None = None
        """Of this process; what it was told before is counted first."""
        self._endpoints: Mapping[Any, str] = {}
        before = self._slot.read()
        self._tally = unpack(before) if before else Tally()
        self._slot.take()
        self._answers: dict[str, _Answer] = {}
        self._told = False
        """That records are lost."""
        self._counting = threading.Lock()
        self._noted: Collector[Seen | None] = Collector(
            self._take, "mesh-telemetry", seconds=PUBLISH_S
        )

    def serves(self, endpoints: Mapping[Any, str]) -> None:
        """The declared path of each endpoint, by its function; of the short way, by its path."""
        self._endpoints = endpoints

    # ── on the path ──────────────────────────────────────────────────────────────────────

    def begin(self, scope: Any, send: Any) -> Seen:
        """A request has come; what is returned takes the place of `send`."""
        self._slot.add(1)
        return Seen(scope, send)

    def end(self, seen: Seen) -> None:
        """It was answered, or refused, or its caller left."""
        seen.ended = perf_counter()
        self._slot.add(-1)
        self._noted.put(seen)

    # ── off the path ─────────────────────────────────────────────────────────────────────

    def recorded(self, records: Sequence[Trace | Hop]) -> None:
        """The recorder was told this; called in its thread."""
        with self._counting:
            for record in records:
                if isinstance(record, Hop):
                    if not record.resumed:
                        self._count_attempts(record.attempts)
                    answer = self._answer(record.trace_id)
                    answer.attempts += record.attempts
                elif record.status != "running":
                    self._answer(record.id).trace = record
        self._noted.put(None)

    def flush(self) -> None:
        """Count and publish what was noted so far."""
        self._noted.put(None)
        self._noted.flush()

    def close(self) -> None:
        """Record and count what is left, and end both threads."""
        if self.recorder is not None:
            self.recorder.close()
        self._noted.close()
        self._slot.leave()

    def _answer(self, trace_id: str) -> _Answer:
        found = self._answers.get(trace_id)
        if found is None:
            if len(self._answers) >= _MOST_ANSWERS:  # of runs that no request waits for
                del self._answers[next(iter(self._answers))]
            found = self._answers[trace_id] = _Answer()
        return found

    def _take(self, noted: list[Seen | None]) -> None:
        if self.recorder is not None:
            self.recorder.flush(gently=True)
        lines: list[bytes] = []
        with self._counting:
            for seen in noted:
                if seen is not None:
                    headers = dict(seen.headers)
                    trace_id = headers.get(b"x-mesh-trace-id", b"").decode("latin-1")
                    answer = self._answers.pop(trace_id, None) if trace_id else None
                    endpoint = self._endpoint(seen)
                    self._count(seen, endpoint, headers, answer)
                    if self._style != "off" and not (endpoint in _QUIET and seen.status < 300):
                        lines.append(self._line(seen, trace_id, answer))
            self._tally.counts["mesh_telemetry_lost"] = {(): float(self._lost())}
            self._slot.write(self._tally.pack())  # long enough: series are bounded
        logs.write(lines)

    def _lost(self) -> int:
        recorder = self.recorder
        if recorder is not None and recorder.problem and not self._told:
            self._told = True  # once: the metrics say how it goes on
            _LOG.error("%s", recorder.problem)
        return self._noted.lost + (recorder.lost if recorder is not None else 0)

    # ── counting ─────────────────────────────────────────────────────────────────────────

    def _count(
        self, seen: Seen, endpoint: str, headers: Mapping[bytes, bytes], answer: _Answer | None
    ) -> None:
        tally, ms = self._tally, seen.ms
        status = _CLASSES[seen.status // 100]
        named = headers.get(b"x-mesh-model")
        if named is not None:
            model = named.decode("latin-1")
        else:
            done = answer.answered if answer else None
            model = done.model if done else NOBODY
        tally.count("mesh_requests", (endpoint, model, status))
        place = (endpoint,)
        tally.observe("mesh_request_seconds", place, ms / 1000)
        first_ms = seen.first_ms
        if first_ms is not None:
            tally.observe("mesh_first_token_seconds", place, first_ms / 1000)
        if answer is not None and answer.attempts:
            own = max(0.0, ms - busy_ms(answer.attempts))
            tally.observe("mesh_overhead_seconds", place, own / 1000)
        elif seen.status >= 400:
            other = "invalid" if seen.status < 500 else "failed"
            tally.count("mesh_refusals", (_REASONS.get(seen.status, other),))

    def _count_attempts(self, attempts: Iterable[Attempt]) -> None:
        count = self._tally.count
        for attempt in attempts:
            model, used = attempt.model, attempt.usage
            count("mesh_attempts", (attempt.deployment, attempt.outcome.value))
            if used.input or used.output:
                count("mesh_tokens", (model, "input"), used.input)
                count("mesh_tokens", (model, "output"), used.output)
            if used.cached_input:
                count("mesh_tokens", (model, "cached"), used.cached_input)
            if attempt.cost_micro_usd is None:
                count("mesh_cost_unknown", (model,))
            elif attempt.cost_micro_usd:
                count("mesh_cost_dollars", (model,), attempt.cost_micro_usd / MICRO_USD)

    def _endpoint(self, seen: Seen) -> str:
        """The path as it was declared; what a caller makes up is `other`."""
        found = seen.scope.get("endpoint")
        if found is None:
            return self._endpoints.get(seen.scope["path"], OTHER)
        return self._endpoints.get(found, OTHER)

    # ── logging ──────────────────────────────────────────────────────────────────────────

    def _line(self, seen: Seen, trace_id: str, answer: _Answer | None) -> bytes:
        scope, status, first_ms = seen.scope, seen.status, seen.first_ms
        facts: dict[str, Any] = {
            "method": scope["method"],
            "path": Mask().secrets(scope["path"]),
            "status": status or NOBODY,
            "ms": round(seen.ms, 2),
        }
        if first_ms is not None:
            facts["first_ms"] = round(first_ms, 2)
        if answer is not None:
            _tell(answer, facts)
        if trace_id:
            facts["trace_id"] = trace_id
        return logs.line(self._style, seen.at, "warning" if status >= 500 else "info", facts)


def _tell(answer: _Answer, facts: dict[str, Any]) -> None:
    """What the log says of it."""
    tried, trace = answer.attempts, answer.trace
    if tried:
        done = answer.answered or tried[-1]
        facts["model"], facts["deployment"] = done.model, done.deployment
        facts["attempts"], facts["outcome"] = len(tried), tried[-1].outcome.value
    if trace is not None:
        if (cost := trace.cost_micro_usd) is not None:
            facts["cost_usd"] = cost / MICRO_USD
        if trace.status != "ok":
            facts["result"] = trace.status
        if trace.caller.key:
            facts["key"] = trace.caller.key


def busy_ms(attempts: Sequence[Attempt]) -> float:
    """For how long at least one of them was under way, in milliseconds."""
    if len(attempts) == 1:
        return attempts[0].ms
    total, until = 0.0, float("-inf")
    for attempt in sorted(attempts, key=lambda a: a.started_at):
        begin, end = attempt.started_at, attempt.started_at + attempt.ms / 1000
        if end > until:
            total += end - max(begin, until)
            until = end
    return total * 1000
