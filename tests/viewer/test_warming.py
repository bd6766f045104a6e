"""What is loaded before the first page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.tracing._finding import BriefHop
from orchestrator.tracing.diagnosing import causes
from orchestrator.tracing.diagnosing.causes import Found
from orchestrator.tracing.diagnosing.reading import Seen
from orchestrator.viewer.pages import templates
from orchestrator.viewer.warming import warm
from tests.test_architecture import loaded_by
from tests.viewer.recorded import AT, GOOD, hop, trace, write


def test_the_templates_are_compiled_and_a_short_trace_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    judged: list[str] = []

    def ranked(seen: Sequence[Seen]) -> list[Found]:
        judged.extend(one.hop.trace_id for one in seen)
        return causes.ranked(seen)

    monkeypatch.setattr("orchestrator.tracing.diagnosis.ranked", ranked)
    templates.cache_clear()
    mesh = Mesh.load(tmp_path)
    with closing(mesh.store):
        warm(mesh)
    assert set(judged) == {GOOD}
    environment = templates()
    assert environment.cache is not None
    assert len(environment.cache) == len(environment.list_templates())


def test_a_long_trace_is_left_to_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    mesh = Mesh.load(tmp_path)
    with closing(mesh.store) as store:
        store.start(long := trace("01m7long", started_at=AT + 60))
        for number in range(150):
            store.hop(hop(long.id, f"h{number}"))
        store.finish(replace(long, status="ok"))
        read: list[str] = []
        whole = store.brief

        def brief(name: str) -> list[BriefHop]:
            read.append(name)
            return whole(name)

        monkeypatch.setattr(store, "brief", brief)
        warm(mesh)
    assert read == [GOOD]


def test_traces_that_cannot_be_read_are_told_by_a_page(tmp_path: Path) -> None:
    (tmp_path / ".mesh").mkdir()
    (tmp_path / ".mesh" / "traces.sqlite").write_text("no database at all" * 100)
    mesh = Mesh.load(tmp_path)
    with closing(mesh.store):
        warm(mesh)


def test_the_pages_load_no_database_before_one_is_read() -> None:
    code = "from orchestrator.viewer.app import viewer; viewer(lambda: None)"
    assert "sqlalchemy" not in loaded_by(code)
