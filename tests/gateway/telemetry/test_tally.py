from __future__ import annotations

import pytest

from orchestrator.gateway.telemetry.exposition import METRICS, exposition
from orchestrator.gateway.telemetry.tally import MOST_SERIES, OTHER, SECONDS, Tally, total, unpack


def some() -> Tally:
    tally = Tally()
    tally.count("mesh_attempts", ("m/a", "ok"))
    tally.count("mesh_attempts", ("m/a", "ok"), 2)
    tally.count("mesh_cost_dollars", ("m",), 0.25)
    tally.set("mesh_spool_bytes", ("traces",), 10)
    for seconds in (0.0005, 0.0026, 0.005, 1000.0):
        tally.observe("mesh_request_seconds", ("/v1/models",), seconds)
    return tally


def test_it_comes_back_from_bytes_and_adds_up() -> None:
    assert unpack(some().pack()) == some()
    summed = total([some().pack(), some().pack(), Tally().pack()])
    assert summed.counts["mesh_attempts"] == {("m/a", "ok"): 6}
    assert summed.counts["mesh_cost_dollars"] == {("m",): 0.5}
    found = summed.buckets["mesh_request_seconds"]["/v1/models",]
    assert sum(found[:-1]) == 8
    assert found[-1] == pytest.approx(2 * 1000.0081)


def test_prometheus_reads_it() -> None:
    lines = exposition(some()).decode().splitlines()
    assert 'mesh_attempts_total{deployment="m/a",outcome="ok"} 3.0' in lines
    assert 'mesh_spool_bytes{kind="traces"} 10.0' in lines
    buckets = [line for line in lines if line.startswith("mesh_request_seconds_bucket")]
    counts = [float(line.rsplit(" ", 1)[1]) for line in buckets]
    assert counts == sorted(counts)
    assert counts[:3] == [1, 1, 3]
    assert counts[-2:] == [3, 4]
    assert 'mesh_request_seconds_count{endpoint="/v1/models"} 4.0' in lines
    for name in METRICS:
        assert any(line.startswith(f"# HELP {name}") for line in lines), name


def test_labels_are_bounded() -> None:
    tally = Tally()
    for number in range(MOST_SERIES + 500):
        tally.count("mesh_requests", (f"/{number}", "m", "2xx"))
        tally.observe("mesh_request_seconds", (f"/{number}",), 1.0)
    assert len(tally.counts["mesh_requests"]) == MOST_SERIES + 1
    assert tally.counts["mesh_requests"][OTHER, OTHER, OTHER] == 500
    assert tally.counts["mesh_requests"]["/7", "m", "2xx"] == 1
    assert tally.buckets["mesh_request_seconds"][OTHER,][-1] == 500
    assert len(SECONDS) + 2 == len(tally.buckets["mesh_request_seconds"][OTHER,])
