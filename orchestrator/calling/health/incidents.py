"""Reports what went wrong at a deployment: when it went out of use, what that did, when it ended.

Each event is a line of the log `orchestrator.incidents`, a record in the project's
`health.sqlite`, and a POST to `calls.incidents.webhook`. None of it is on the path of a call.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from orchestrator.calling.health import incident_store as kept
from orchestrator.calling.health.breaker import Change, Opened
from orchestrator.calling.health.incident_store import Incident, Reroute, Tally
from orchestrator.calling.health.machine import OUTAGES, in_words
from orchestrator.calling.health.store import HealthStore
from orchestrator.calling.health.webhook import Webhook
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt
from orchestrator.types import Deployment, Outcome, as_json

Event = Literal["opened", "ended", "changed"]
News = Sequence[tuple[Event, Incident]]

_LOG = logging.getLogger("orchestrator.incidents")
_MISSED = OUTAGES | {Outcome.SKIPPED_OPEN, Outcome.AUTH}
_ITS_OWN_END = {
    Outcome.OVER_BUDGET,
    Outcome.CANCELLED,
    Outcome.REFUSED,
    Outcome.CONTEXT_EXCEEDED,
    Outcome.INVALID_REQUEST,
}
"""A call that ends so would have ended so without the incident."""
IDENTITIES = 1000
"""So many reported models are remembered by this process, so that each is looked up once."""


class Incidents:
    """Thread-safe; nothing here waits for a disk or a network.

    Args:
        deployments: by id; their prices say what a call would have cost.
        store: where incidents are kept; `None`: they are only told.
        webhook: gets each event as JSON; `None`: nobody does.
    """

    def __init__(
        self,
        clock: Clock,
        deployments: Mapping[str, Deployment],
        store: HealthStore | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self._clock, self._deployments = clock, deployments
        self._store, self._webhook = store, webhook
        self._lock = threading.Lock()
        self._open: dict[str, Incident] = {}
        self._tallies: dict[str, Tally] = {}
        self._identities: dict[tuple[str, str, str], None] = {}

    def reconfigure(self, deployments: Mapping[str, Deployment], webhook: Webhook | None) -> None:
        """Go on with other prices and another receiver; open incidents stay open."""
        self._deployments, self._webhook = deployments, webhook

    def changed(self, change: Change) -> None:
        """A breaker has opened, or a probe has succeeded."""
        if isinstance(change.effect, Opened):
            self.opened(change.deployment, change.effect, change.at)
        else:
            self.closed(change.deployment, change.at)

    def opened(self, deployment: str, opened: Opened, at: float) -> None:
        """A deployment went out of use."""
        said = opened.reason or str(opened.outcome)
        incident = Incident(
            id=secrets.token_hex(4),
            deployment=deployment,
            kind=opened.cause,
            started=at,
            what=in_words(opened.cause, opened.outcome),
            errors=(said[:300],),
        )
        with self._lock:
            self._open[deployment] = incident
        self._record(
            lambda db: [("opened", known) for known in kept.begin(db, incident)],
            (("opened", incident),),
        )

    def closed(self, deployment: str, at: float) -> None:
        """It answers again."""
        with self._lock:
            own = self._open.pop(deployment, None)
        self._record(
            lambda db: [("ended", incident) for incident in kept.finish(db, deployment, at)],
            () if own is None else (("ended", replace(own, ended=at)),),
        )

    def answered(self, attempts: Sequence[Attempt], passed_over: Sequence[str] = ()) -> None:
        """See `protocols.Traffic`: counts what the open incidents did to the call.

        Notices as well whether a deployment reports another model than before.
        """
        winner = next((a for a in reversed(attempts) if a.outcome is Outcome.OK), None)
        if not attempts:
            return
        if winner is not None:
            self._identify(winner)
        wanted = {a.deployment for a in attempts if a.outcome in _MISSED} | {*passed_over}
        for deployment in wanted & self._troubled() if wanted else ():
            own = [a for a in attempts if a.deployment == deployment]
            self._count(deployment, own, winner, lost=attempts[-1].outcome not in _ITS_OWN_END)

    def close(self) -> None:
        """Wait a moment for events that are on their way."""
        if self._webhook is not None:
            self._webhook.close()

    def _troubled(self) -> set[str]:
        known = self._store.latest().troubled if self._store else frozenset()
        with self._lock:
            return self._open.keys() | known

    def _count(
        self, deployment: str, own: Sequence[Attempt], winner: Attempt | None, *, lost: bool
    ) -> None:
        with self._lock:
            first = deployment not in self._tallies
            tally = self._tallies.setdefault(deployment, Tally())
            for attempt in own:
                if attempt.outcome is Outcome.SKIPPED_OPEN:
                    tally.skipped += 1
                elif attempt.outcome in _MISSED:
                    tally.failed += 1
                    tally.errors = [*tally.errors, attempt.error or str(attempt.outcome)]
                    tally.errors = tally.errors[-kept.ERRORS :]
            if winner is None:
                tally.unanswered += lost
            elif winner.deployment != deployment:
                name = winner.deployment
                reroute = tally.reroutes.get(name, Reroute(deployment=name))
                tally.reroutes[name] = self._added(reroute, deployment, winner)
        if first:  # the job takes whatever has come together by its time
            self._record(lambda db: self._write_tally(db, deployment))

    def _write_tally(self, db: sqlite3.Connection, deployment: str) -> News:
        with self._lock:
            tally = self._tallies.pop(deployment, None)
        if tally is not None:
            kept.add(db, deployment, tally)
        return ()

    def _added(self, reroute: Reroute, wanted: str, winner: Attempt) -> Reroute:
        """One more call, with what it cost and what it would have cost there."""
        paid, known = winner.cost_micro_usd, self._deployments.get(wanted)
        usual = known.price.cost(winner.usage) if known and known.price else None
        return replace(
            reroute,
            calls=reroute.calls + 1,
            paid_micro_usd=reroute.paid_micro_usd + (paid or 0),
            paid_unknown=reroute.paid_unknown + (paid is None),
            usual_micro_usd=reroute.usual_micro_usd + (usual or 0),
            usual_unknown=reroute.usual_unknown + (usual is None),
        )

    def _identify(self, attempt: Attempt) -> None:
        """Report a model or fingerprint that this deployment has not reported before."""
        model, fingerprint = attempt.reported_model or "", attempt.fingerprint or ""
        key = (attempt.deployment, model, fingerprint)
        with self._lock:
            if not (model or fingerprint) or key in self._identities or self._store is None:
                return
            if len(self._identities) >= IDENTITIES:
                self._identities.pop(next(iter(self._identities)))
            self._identities[key] = None
        at = self._clock.now()

        def job(db: sqlite3.Connection) -> News:
            before = kept.identify(db, *key, at)
            if before is None:
                return ()
            incident = _another(key, before, at)
            kept.write(db, incident)
            return (("changed", incident),)

        self._record(job)

    def _record(self, job: Callable[[sqlite3.Connection], News], otherwise: News = ()) -> None:
        """Write it soon and then tell what became of it; `otherwise` where it is not kept."""
        told: list[tuple[Event, Incident]] = []

        def after(written: bool) -> None:
            for event, incident in told if written else otherwise:
                self._tell(event, incident)

        if self._store is not None:
            self._store.soon(lambda db: told.extend(job(db)), after)
        else:
            after(False)

    def _tell(self, event: Event, incident: Incident) -> None:
        level = logging.INFO if event == "ended" else logging.WARNING
        _LOG.log(
            level, "%s: %s (incident %s)", incident.deployment, _said(event, incident), incident.id
        )
        if self._webhook is not None:
            rerouted = {"rerouted": incident.rerouted}
            self._webhook.send({"event": event, "incident": {**as_json(incident), **rerouted}})


def _another(key: tuple[str, str, str], before: tuple[str, str], at: float) -> Incident:
    deployment, model, fingerprint = key
    if model != before[0]:
        what = f"reports the model '{model}' where it reported '{before[0]}'"
    else:
        what = f"reports the fingerprint '{fingerprint}' where it reported '{before[1]}'"
    return Incident(
        id=secrets.token_hex(4),
        deployment=deployment,
        kind="changed",
        started=at,
        ended=at,
        what=what,
    )


def _said(event: Event, incident: Incident) -> str:
    if event == "ended":
        seconds = (incident.ended or incident.started) - incident.started
        return f"answers again after {seconds:.0f} s"
    return ": ".join((incident.what, *incident.errors[:1]))
