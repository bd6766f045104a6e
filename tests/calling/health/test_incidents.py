"""Incidents: when they begin and end, what is counted towards them, and who is told."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.health.breaker import Breakers
from orchestrator.calling.health.incident_store import Incident, Reroute, incident, incidents
from orchestrator.calling.health.incidents import Incidents
from orchestrator.calling.health.store import HealthStore
from orchestrator.calling.health.webhook import Webhook
from orchestrator.errors import UnknownNameError
from orchestrator.money import Price
from orchestrator.project.calls_schema import Breaker
from orchestrator.records import Attempt
from orchestrator.types import Outcome

from .seen import THOUSAND, StillClock, attempt, deployment

CHEAP = Price(input=1_000_000, output=1_000_000)
FLEET = {d.id: d for d in (deployment("m/a", CHEAP), deployment("m/b"), deployment("m/c"))}


@dataclass
class Service:
    """A process: its breakers, and the incidents that they report."""

    path: Path
    webhook: Webhook | None = None
    clock: StillClock = field(default_factory=StillClock)

    def __post_init__(self) -> None:
        self.store = HealthStore(self.path)
        self.incidents = Incidents(self.clock, FLEET, self.store, self.webhook)
        self.breakers = Breakers(Breaker(), self.clock, self.store, tell=self.incidents.changed)

    def call(self, outcome: Outcome, name: str = "m/a") -> Attempt:
        made = attempt(name, outcome)
        self.breakers.ended(self.breakers.permit(name), made)
        return made

    def break_it(self, name: str = "m/a") -> None:
        for _ in range(2):
            self.call(Outcome.OVERLOADED, name)

    def recover(self, name: str = "m/a") -> None:
        self.clock.wait(15)
        self.call(Outcome.OK, name)

    def found(self, **how: Any) -> tuple[Incident, ...]:
        return incidents(self.store, **how)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "health.sqlite")


def test_it_begins_when_the_breaker_opens_and_ends_when_a_probe_succeeds(service: Service) -> None:
    service.break_it()
    began = service.clock.now()
    (found,) = service.found(open_only=True)
    assert (found.deployment, found.kind, found.started, found.ended) == (
        "m/a",
        "outage",
        began,
        None,
    )
    assert (found.what, found.errors) == ("out of order (overloaded)", ("it said overloaded",))
    service.recover()
    assert service.found(open_only=True) == ()
    assert [i.ended for i in service.found()] == [began + 15]


def test_a_refused_key_is_one_of_another_kind(service: Service) -> None:
    service.call(Outcome.AUTH)
    (found,) = service.found()
    assert (found.kind, found.what) == ("account", "its key was refused")


def test_one_that_comes_back_at_once_is_the_same(service: Service) -> None:
    service.break_it()
    service.recover()
    service.clock.wait(10)
    service.break_it()
    (found,) = service.found()
    assert (found.ended, found.times) == (None, 2)
    service.recover()
    service.clock.wait(120)
    service.break_it()
    assert len(service.found()) == 2


def test_another_cause_is_another_incident(service: Service) -> None:
    service.break_it()
    service.clock.wait(5)
    service.call(Outcome.AUTH)
    new, old = service.found()
    assert (new.kind, new.ended, old.kind) == ("account", None, "outage")
    assert old.ended == new.started


def test_what_it_does_to_calls_is_counted_with_its_cost(service: Service) -> None:
    service.break_it()
    skipped = attempt("m/a", Outcome.SKIPPED_OPEN)
    failed = attempt("m/a", Outcome.CUT)
    paid = attempt("m/b", usage=THOUSAND, cost_micro_usd=5000)
    unknown = attempt("m/c", usage=THOUSAND, cost_micro_usd=None)
    service.incidents.answered([skipped, paid])
    service.incidents.answered([failed, skipped, paid])
    service.incidents.answered([skipped, unknown])
    service.incidents.answered([skipped, attempt("m/b", Outcome.CUT)])
    service.incidents.answered([paid], passed_over=["m/a"])
    service.incidents.answered([paid])
    (found,) = service.found()
    assert (found.failed, found.skipped, found.unanswered, found.rerouted) == (1, 4, 1, 4)
    assert found.reroutes == (
        Reroute(deployment="m/b", calls=3, paid_micro_usd=15_000, usual_micro_usd=6000),
        Reroute(deployment="m/c", calls=1, paid_unknown=1, usual_micro_usd=2000),
    )
    assert found.errors[0] == "it said cut"


def test_a_call_that_only_its_budget_ended_is_not_blamed_on_it(service: Service) -> None:
    service.break_it()
    service.incidents.answered([attempt("m/b", Outcome.OVER_BUDGET)], passed_over=["m/a"])
    service.incidents.answered([], passed_over=["m/a"])
    service.incidents.answered([attempt("m/b", Outcome.CUT)], passed_over=["m/a"])
    assert service.found()[0].unanswered == 1


def test_without_its_price_nobody_knows_what_it_would_have_cost(service: Service) -> None:
    service.break_it("m/b")
    service.incidents.answered([attempt("m/a", usage=THOUSAND)], passed_over=["m/b"])
    assert service.found()[0].reroutes == (Reroute(deployment="m/a", calls=1, usual_unknown=1),)


def test_a_call_that_had_nothing_to_do_with_it_counts_nowhere(service: Service) -> None:
    service.incidents.answered([attempt("m/a", Outcome.CUT), attempt("m/b")])
    service.break_it()
    service.incidents.answered([attempt("m/b", Outcome.CUT), attempt("m/c")])
    (found,) = service.found()
    assert (found.failed, found.skipped, found.rerouted) == (0, 0, 0)


def test_processes_count_towards_one_incident(tmp_path: Path) -> None:
    clock = StillClock()
    one, two = (Service(tmp_path / "health.sqlite", clock=clock) for _ in range(2))
    one.break_it()
    two.break_it()
    one.store.flush()
    two.store.flush()
    skipped = attempt("m/a", Outcome.SKIPPED_OPEN)
    for service in (one, two):
        service.incidents.answered([skipped, attempt("m/b")])
        service.store.flush()
    (found,) = one.found()
    assert (found.skipped, found.rerouted) == (2, 2)
    clock.wait(15)
    two.call(Outcome.OK)
    two.store.flush()
    assert one.found()[0].ended == clock.now()


def test_threads_count_without_loss(service: Service) -> None:
    service.break_it()
    skipped = attempt("m/a", Outcome.SKIPPED_OPEN)

    def work() -> None:
        for _ in range(200):
            service.incidents.answered([skipped, attempt("m/b", cost_micro_usd=1)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (found,) = service.found()
    assert (found.skipped, found.reroutes[0].calls, found.reroutes[0].paid_micro_usd) == (
        1600,
        1600,
        1600,
    )


# ── another model ────────────────────────────────────────────────────────────────────────


def reported(service: Service, *said: tuple[str | None, str | None]) -> list[str]:
    for model, fingerprint in said:
        service.incidents.answered([attempt(reported_model=model, fingerprint=fingerprint)])
        service.store.flush()
        service.clock.wait(1)
    return [i.what for i in reversed(service.found()) if i.kind == "changed"]


def test_another_model_name_or_fingerprint_is_an_event(service: Service) -> None:
    assert reported(service, ("a-1", "f1"), ("a-1", "f1"), (None, None)) == []
    assert reported(service, ("a-1", "f2"), ("a-2", "f2")) == [
        "reports the fingerprint 'f2' where it reported 'f1'",
        "reports the model 'a-2' where it reported 'a-1'",
    ]


def test_a_provider_that_alternates_between_machines_is_reported_once(service: Service) -> None:
    assert len(reported(service, *[("a", "f1"), ("a", "f2")] * 5)) == 1


def test_a_provider_with_a_new_fingerprint_each_time_does_not_flood_the_list(
    service: Service,
) -> None:
    assert len(reported(service, *[("a", f"f{number}") for number in range(30)])) < 10
    assert reported(service, ("b", "f"))[-1] == "reports the model 'b' where it reported 'a'"


def test_the_next_process_remembers_what_was_reported(service: Service) -> None:
    reported(service, ("a-1", None))
    assert len(reported(Service(service.path), ("a-1", None), ("a-2", None))) == 1


# ── finding one ──────────────────────────────────────────────────────────────────────────


def test_one_is_found_by_the_beginning_of_its_id(service: Service) -> None:
    service.break_it()
    (found,) = service.found()
    assert incident(service.store, found.id[:3]) == found
    with pytest.raises(UnknownNameError, match="unknown incident 'zzz'"):
        incident(service.store, "zzz")


def test_since_leaves_out_what_was_over_before(service: Service) -> None:
    service.break_it()
    service.recover()
    over = service.clock.now()
    assert service.found(since=over + 1) == ()
    assert len(service.found(since=over - 1)) == 1


# ── who is told ──────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """Takes what is posted to it, after so many refusals."""

    refusals: int = 0
    got: list[Any] = field(default_factory=list)
    tries: int = 0
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


@contextmanager
def receiving(receiver: Receiver) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.tries += 1
            taken = receiver.tries > receiver.refusals
            if taken:
                receiver.got.append(json.loads(body))
            self.send_response(200 if taken else 503)
            self.end_headers()
            receiver.came.release()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/T0KEN"
        server.shutdown()
        thread.join()


def arrived(receiver: Receiver, count: int) -> None:
    for _ in range(count):
        assert receiver.came.acquire(timeout=10)


def test_the_webhook_hears_of_beginning_and_end(tmp_path: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        service = Service(tmp_path / "health.sqlite", Webhook(url))
        service.break_it()
        service.store.flush()
        service.incidents.answered([attempt("m/b", cost_micro_usd=7)], passed_over=["m/a"])
        service.recover()
        service.store.flush()
        arrived(receiver, 2)
        service.incidents.close()
    opened, ended = receiver.got
    assert (opened["event"], opened["incident"]["deployment"]) == ("opened", "m/a")
    assert (ended["event"], ended["incident"]["rerouted"]) == ("ended", 1)
    assert ended["incident"]["reroutes"][0]["paid_micro_usd"] == 7


def test_a_receiver_that_fails_is_tried_again(tmp_path: Path) -> None:
    receiver = Receiver(refusals=2)
    with receiving(receiver) as url:
        hook = Webhook(url, pause_s=0.01)
        hook.send({"event": "opened"})
        arrived(receiver, 3)
        hook.close()
    assert receiver.got == [{"event": "opened"}]


@pytest.mark.parametrize("dead", [False, True])
def test_one_that_never_takes_it_is_given_up_and_its_address_is_not_told(
    caplog: pytest.LogCaptureFixture, dead: bool
) -> None:
    receiver = Receiver(refusals=1000)
    with receiving(receiver) as url:
        hook = Webhook("http://127.0.0.1:9/T0KEN" if dead else url, pause_s=0.01)
        hook.send({})
        hook.close()
    assert receiver.tries == (0 if dead else 3)
    assert "127.0.0.1 did not take an event" in caplog.text
    assert "T0KEN" not in caplog.text


def test_the_log_says_it_in_one_line_each(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "orchestrator.incidents"):
        service.break_it()
        service.recover()
        service.store.flush()
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("m/a: out of order (overloaded): it said overloaded (incident ")
    assert second.startswith("m/a: answers again after 15 s (incident ")


def test_who_heard_of_its_end_hears_that_it_goes_on(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "orchestrator.incidents"):
        service.break_it()
        service.recover()
        service.clock.wait(10)
        service.break_it()
        service.store.flush()
    (found,) = service.found()
    assert len(caplog.records) == 3
    assert all(found.id in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("broken", [True, False])
def test_it_is_told_also_where_it_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bool
) -> None:
    path, clock = tmp_path / "health.sqlite", StillClock()
    path.write_bytes(b"no database" * 100)
    store = HealthStore(path) if broken else None
    told = Incidents(clock, FLEET, store)
    breakers = Breakers(Breaker(), clock, store, tell=told.changed)
    with caplog.at_level(logging.INFO, "orchestrator.incidents"):
        for outcome in (Outcome.CUT, Outcome.CUT):
            breakers.ended(breakers.permit("m/a"), attempt(outcome=outcome))
        clock.wait(5)
        breakers.ended(breakers.permit("m/a"), attempt())
        told.answered([attempt("m/b")], passed_over=["m/a"])
        if store is not None:
            store.close()
    said = [r.getMessage() for r in caplog.records if r.name == "orchestrator.incidents"]
    assert len(said) == 2
    assert "answers again" in said[1]


def test_two_processes_tell_of_one_outage_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StillClock()
    services = [Service(tmp_path / "health.sqlite", clock=clock) for _ in range(2)]
    for service in services:
        service.break_it()
    for service in services:
        service.store.flush()
    assert len(caplog.records) == 1
