"""The composed `Traffic`: breaker, rate limits and places before a call; what was seen after it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.calling.health.breaker import Breakers, Permit
from orchestrator.calling.health.conditions import health
from orchestrator.calling.health.incidents import Incidents
from orchestrator.calling.health.live import Live
from orchestrator.calling.health.machine import ASK_AGAIN_S, NOT_SENT
from orchestrator.calling.health.probes import Probes
from orchestrator.calling.traffic.hedges import Hedges
from orchestrator.calling.traffic.places import Place, Places, Turn
from orchestrator.errors import AttemptError, InternalError
from orchestrator.project.protocols import Asking, Pass
from orchestrator.records import Attempt
from orchestrator.types import Deployment, Health, Outcome

PERHAPS_READ = frozenset(
    {
        Outcome.CANCELLED,
        Outcome.CUT,
        Outcome.STALLED,
        Outcome.TIMEOUT_FIRST_TOKEN,
        Outcome.TIMEOUT_SILENT,
        Outcome.UNKNOWN,
    }
)
"""The provider may have read the prompt, and counts it, though it reported nothing."""


@dataclass(slots=True, eq=False)
class _Entered:
    deployment: str
    permit: Permit
    place: Place | None
    left: bool = False


class TrafficControl:
    """Satisfies `protocols.Traffic`.

    Args:
        hedge_share: of recent calls, in 0..1, that may be hedged.
        probes: who may probe, where several processes share; `None`: this one sees to it alone.
    """

    def __init__(
        self,
        *,
        breakers: Breakers,
        live: Live,
        incidents: Incidents,
        places: Places,
        hedge_share: float,
        probes: Probes | None = None,
    ) -> None:
        self._probes = probes
        self._breakers, self._live, self._incidents = breakers, live, incidents
        self._places = places
        self._hedges = Hedges(hedge_share)
        self._lock = threading.Lock()

    def reconfigure(
        self, deployments: Mapping[str, Deployment], *, queue: int, hedge_share: float
    ) -> None:
        """Go on by other limits; what was counted, who waits and who is inside stay."""
        self._places.reconfigure(deployments, longest=queue)
        self._hedges.share = hedge_share

    async def enter(self, deployment: Deployment, asking: Asking) -> Pass:
        """See `protocols.Traffic`."""
        permit = self._breakers.permit(deployment.id)
        try:
            place = self._places.enter(deployment, asking)
        except AttemptError:
            self._breakers.give_back(permit)
            raise
        if isinstance(place, Turn):
            # Nobody holds one of the few probes, or a permission from before an outage, in line.
            self._breakers.give_back(permit)
            place = await place.come()
            try:
                permit = self._breakers.permit(deployment.id)
            except AttemptError:
                self._places.give_back(place)
                raise
        entered = _Entered(deployment.id, permit, place)
        if self._probes is not None and permit.ticket.probe is not None:
            await self._claim(entered, self._probes)
        return entered

    async def _claim(self, entered: _Entered, probes: Probes) -> None:
        """One probe at a time, over all who share.

        Raises:
            AttemptError: `SKIPPED_OPEN`: another process has one under way.
        """
        try:
            if await probes.claim(entered.deployment):
                return
        except BaseException:  # cancelled, or a bug: nothing of it stays taken
            self._never_went(entered)
            raise
        self._never_went(entered)
        raise AttemptError(
            Outcome.SKIPPED_OPEN,
            "out of order; another process probes it; next try in 1.0 s",
            retry_after_s=ASK_AGAIN_S,
        )

    def _never_went(self, entered: _Entered) -> None:
        self._breakers.give_back(entered.permit)
        if entered.place is not None:
            self._places.give_back(entered.place)

    def leave(self, entered: Pass, attempt: Attempt) -> None:
        """See `protocols.Traffic`. A second time does nothing."""
        if not isinstance(entered, _Entered):
            raise InternalError(f"this pass to {entered.deployment} was not given here")
        with self._lock:
            if entered.left:
                return
            entered.left = True
        try:
            self._breakers.ended(entered.permit, attempt)
            self._live.saw(attempt)
        finally:  # last: who is let in next is to meet the breaker as it is now
            if self._probes is not None and entered.permit.ticket.probe is not None:
                self._probes.ended(entered.deployment, sent=attempt.outcome not in NOT_SENT)
            self._free(entered.place, attempt)

    def _free(self, place: Place | None, attempt: Attempt) -> None:
        if place is None:
            return
        if attempt.outcome in NOT_SENT:
            self._places.give_back(place)
        else:
            self._places.leave(place, _used(attempt))

    def answered(self, attempts: Sequence[Attempt], passed_over: Sequence[str] = ()) -> None:
        """See `protocols.Traffic`."""
        self._hedges.count()
        self._incidents.answered(attempts, passed_over)

    def hedge_after_s(self, deployment: str) -> float | None:
        """See `protocols.Traffic`."""
        return self._live.p95_s(deployment)

    def take_hedge(self) -> bool:
        """See `protocols.Traffic`."""
        return self._hedges.take()

    def health(self) -> Mapping[str, Health]:
        """See `protocols.Traffic`. Holds what was called or refused since the start."""
        found = health(self._breakers.states(), self._live.all())
        for id, room in self._places.room().items():
            known = found.get(id, Health())
            found[id] = dataclasses.replace(known, room=min(known.room, room))
        return found


def _used(attempt: Attempt) -> int | None:
    """Tokens that count against the rate limits; `None` where nobody knows."""
    used = attempt.usage.input + attempt.usage.output
    return None if not used and attempt.outcome in PERHAPS_READ else used
