"""Vectors go when their document was replaced or nobody uses it; everything else is still found."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.sources.documents import Document, load_document
from orchestrator.evidence.sources.library import USED, Library, client_of
from orchestrator.evidence.sources.sweep import VectorSweep
from orchestrator.evidence.sources.used import HOUR, UseRegister
from orchestrator.project.protocols import Embedder
from orchestrator.project.schema import KeepDays
from orchestrator.storage.compact import size_of
from orchestrator.storage.sweep import DAY, Limits, limits

NOW = 1_795_000_000.0


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("static")


def written(folder: Path, name: str, text: str) -> list[Document]:
    path = folder / name
    path.write_text(text)
    return [load_document(path)]


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def library(tmp_path: Path, embedder: Embedder, time: Time) -> Library:
    return Library(tmp_path / "vectors", embedder, time)


def after(time: Time, days: float) -> Limits:
    return limits(KeepDays(), time.now + days * DAY)


async def test_a_replaced_version_goes(tmp_path: Path, library: Library, time: Time) -> None:
    sweep = VectorSweep(tmp_path / "vectors")
    old = written(tmp_path, "a.md", "The allowance is 40 EUR a month.")
    other = written(tmp_path, "b.md", "Core hours are from ten to three.")
    await library.retrieve("allowance", [*old, *other])
    new = written(tmp_path, "a.md", "The allowance is 50 EUR a month.")
    time.now += DAY
    await library.retrieve("allowance", new)
    assert sweep.sweep(after(time, 0), dry_run=True) == {"passages": 1}
    assert sweep.sweep(after(time, 0), dry_run=False) == {"passages": 1}
    assert sweep.sweep(after(time, 0), dry_run=False) == {"passages": 0}
    found = await library.retrieve("allowance", [*new, *other])
    assert found[0].text == "The allowance is 50 EUR a month."
    assert len(found) == 2


async def test_a_version_in_use_a_moment_ago_stays(
    tmp_path: Path, library: Library, time: Time
) -> None:
    await library.retrieve("x", written(tmp_path, "a.md", "One."))
    time.now += HOUR / 2
    await library.retrieve("x", written(tmp_path, "a.md", "Two."))
    assert VectorSweep(tmp_path / "vectors").sweep(after(time, 0), dry_run=False) == {"passages": 0}


async def test_a_text_that_two_files_hold_stays_with_the_second(
    tmp_path: Path, library: Library, time: Time
) -> None:
    await library.retrieve(
        "x", [*written(tmp_path, "a.md", "Same."), *written(tmp_path, "b.md", "Same.")]
    )
    time.now += DAY
    await library.retrieve("x", written(tmp_path, "a.md", "Other."))
    assert VectorSweep(tmp_path / "vectors").sweep(after(time, 0), dry_run=False) == {"passages": 0}


async def test_what_nobody_uses_goes_after_its_time(
    tmp_path: Path, library: Library, time: Time
) -> None:
    sweep = VectorSweep(tmp_path / "vectors")
    await library.retrieve("x", written(tmp_path, "a.md", "Used once."))
    await library.retrieve("x", written(tmp_path, "b.md", "Used again."))
    time.now += 80 * DAY
    await library.retrieve("x", written(tmp_path, "b.md", "Used again."))
    assert sweep.sweep(after(time, 0), dry_run=False) == {"passages": 0}
    assert sweep.sweep(after(time, 11), dry_run=False) == {"passages": 1}
    assert sweep.sweep(after(time, 91), dry_run=False) == {"passages": 1}
    (found,) = await library.retrieve("x", written(tmp_path, "a.md", "Used once."))
    assert found.text == "Used once."


async def test_vectors_from_before_the_register_get_their_time_from_now(
    tmp_path: Path, library: Library, time: Time
) -> None:
    sweep = VectorSweep(tmp_path / "vectors")
    for name in ("a.md", "b.md"):
        await library.retrieve("x", written(tmp_path, name, f"Of {name}."))
    (tmp_path / "vectors" / USED).unlink()
    assert sweep.sweep(after(time, 1000), dry_run=False) == {"passages": 0}
    assert sweep.sweep(after(time, 1089), dry_run=False) == {"passages": 0}
    assert sweep.sweep(after(time, 1091), dry_run=False) == {"passages": 2}


async def test_the_folder_becomes_smaller(tmp_path: Path, library: Library, time: Time) -> None:
    vectors = tmp_path / "vectors"
    big = "\n\n".join(f"# Part {n}\n\nSentence number {n} of the old one." for n in range(1500))
    await library.retrieve("x", written(tmp_path, "a.md", big))
    time.now += DAY
    new = written(tmp_path, "a.md", "Short now.")
    await library.retrieve("x", new)
    before = size_of(vectors)
    VectorSweep(vectors).sweep(after(time, 0), dry_run=False)
    assert size_of(vectors) < before / 3
    (found,) = await library.retrieve("short", new)
    assert found.text == "Short now."


def test_a_folder_without_vectors_is_not_made(tmp_path: Path) -> None:
    assert VectorSweep(tmp_path / "vectors").sweep(limits(KeepDays(), NOW), dry_run=False) == {}
    assert not (tmp_path / "vectors").exists()


def test_uses_are_written_down_once_an_hour(tmp_path: Path) -> None:
    register = UseRegister(tmp_path / USED)
    register.note("c", [("h", "a.md")], NOW)
    before = (tmp_path / USED).read_bytes()
    register.note("c", [("h", "a.md")], NOW + HOUR / 2)
    assert (tmp_path / USED).read_bytes() == before
    register.note("c", [("h", "a.md")], NOW + 2 * HOUR)
    assert register.stale("c", ["h"], NOW + DAY, NOW + HOUR) == frozenset()
    assert register.stale("c", ["h"], NOW + DAY, NOW + 3 * HOUR) == {"h"}


async def test_a_sweep_that_died_while_it_put_the_new_collection_in_place_loses_nothing(
    tmp_path: Path, library: Library, time: Time
) -> None:
    text = written(tmp_path, "a.md", "The allowance is 40 EUR a month.")
    await library.retrieve("allowance", text)
    with closing(client_of(tmp_path / "vectors")) as client:
        (name,) = (listed.name for listed in client.list_collections())
        client.get_collection(name, embedding_function=None).modify(name=f"{name}-new")
    sweep = VectorSweep(tmp_path / "vectors")
    sweep.sweep(after(time, 0), dry_run=False)
    with closing(client_of(tmp_path / "vectors")) as client:
        assert [listed.name for listed in client.list_collections()] == [name]
        assert client.get_collection(name, embedding_function=None).count() == 1
