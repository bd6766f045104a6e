"""`mesh cache` shows what is kept and drops it."""

from __future__ import annotations

from pathlib import Path
from time import time

import pytest

from orchestrator.caching.cache import AnswerCache
from orchestrator.caching.store import AnswerStore
from orchestrator.calling.agreement import vote
from tests.caching.asking import EMBEDDER, RULE, given, key
from tests.cli.prompt import Prompt, prompt_in


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    store = AnswerStore(tmp_path / ".mesh" / "cache.sqlite")
    cache = AnswerCache(store, lambda: EMBEDDER, time, vote)
    cache.keep(key(tags=("red",)), RULE, given())
    found = cache.look_up(key("How can I open the gate?"), RULE, "t0").hit
    assert found is not None
    cache.used(found, key(), "t0", 100.0)
    cache.close()
    return prompt_in(tmp_path, monkeypatch, capsys)


def test_what_is_kept_and_saved_is_shown(mesh: Prompt) -> None:
    stats = mesh("cache", "stats", "--json").json
    assert (stats["entries"], stats["hits"], stats["saved_micro_usd"]) == (1, {"semantic": 1}, 2000)
    assert "$0.002" in mesh("cache", "stats").out
    [listed] = mesh("cache", "list", "--json").json["answers"]
    assert (listed["text"], listed["hits"]) == ("How do I open the gate?", 1)
    assert "How do I open" in mesh("cache", "list").out


@pytest.mark.parametrize(
    ("options", "dropped"),
    [
        (["--all"], 1),
        (["--workspace", "w"], 1),
        (["--workspace", "v"], 0),
        (["--tag", "red"], 1),
        (["--trace", "first"], 1),
        (["--policy", "p2"], 0),
    ],
)
def test_answers_are_dropped(mesh: Prompt, options: list[str], dropped: int) -> None:
    assert mesh("cache", "clear", *options, "--json").json == {"dropped": dropped}
    assert mesh("cache", "stats", "--json").json["entries"] == 1 - dropped


def test_nothing_is_dropped_by_mistake(mesh: Prompt) -> None:
    done = mesh("cache", "clear")
    assert done.code == 2
    assert "--all" in done.err
    assert mesh("cache", "clear", "--all", "--tag", "red").code == 2


def test_an_entry_learns_what_a_person_says(mesh: Prompt) -> None:
    assert mesh("cache", "judge", "t0", "--wrong", "--json").json == {"learned": 1}
    assert mesh("cache", "stats", "--json").json["observations"] == 1
    assert mesh("cache", "judge", "unknown", "--right", "--json").json == {"learned": 0}


def test_a_project_without_answers_says_how_to_keep_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mesh = prompt_in(tmp_path / "empty", monkeypatch, capsys)
    (tmp_path / "empty").mkdir()
    assert "cache: exact" in mesh("cache", "list").out
