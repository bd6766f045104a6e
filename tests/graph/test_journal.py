"""The journal keeps what was put, hides it from the disk, and belongs to one process."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.graph.journal import JournalStore, RunRecord

SECRET = "DE89 3704 0044 0532 0130 00"


def record(identifier: str = "run1") -> RunRecord:
    return RunRecord(
        id=identifier,
        graph="g",
        project_hash="p",
        started_at=1.0,
        request={"inputs": {"question": SECRET}},
    )


async def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    assert await journal.get("k") is None
    assert await journal.begin("k", node="n", deployment="m/d") is None
    await journal.put("k", {"text": SECRET}, node="n")
    journal.close()
    store.close()

    again = JournalStore(tmp_path)
    journal = again.open(again.find("run1"))
    assert await journal.get("k") == {"text": SECRET}
    assert journal.entries() == [{"text": SECRET}]
    assert again.find("ru").request == {"inputs": {"question": SECRET}}
    journal.close()
    again.close()


async def test_a_hop_in_flight_when_the_process_died_is_known(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    await journal.begin("k", node="n", deployment="m/d")
    journal.close()
    journal = store.open(record())
    assert await journal.begin("k", node="n", deployment="m/e") == "m/d"
    journal.close()
    store.close()


async def test_texts_never_stand_on_the_disk_in_clear(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    await journal.begin("k", node="n")
    await journal.put("k", {"text": SECRET}, node="n")
    journal.close()
    store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert (tmp_path / "journal.key").stat().st_mode & 0o077 == 0


async def test_a_run_that_may_not_be_kept_loses_its_texts_when_it_ends(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    await journal.begin("k", node="n")
    await journal.put("k", {"text": SECRET}, node="n")
    journal.finish(keep=False)
    assert journal.entries() == []
    with pytest.raises(UserError, match="not to be kept"):
        store.find("run1")
    journal.close()
    store.close()


async def test_a_run_belongs_to_one_process(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    code = (
        "import sys, pathlib\n"
        "from orchestrator.graph.journal import JournalStore\n"
        "store = JournalStore(pathlib.Path(sys.argv[1]))\n"
        "store.open(store.find('run1'))\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "being carried out by another process" in other.stderr
    journal.close()
    journal = store.open(store.find("run1"))
    journal.close()
    store.close()


def test_an_unknown_run_and_an_ambiguous_prefix_are_refused(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    for name in ("abc1", "abc2"):
        store.open(record(name)).close()
    with pytest.raises(UnknownNameError, match="abc1"):
        store.find("abc3")
    with pytest.raises(UnknownNameError):
        store.find("abc")
    assert store.find("abc2").id == "abc2"
    store.close()


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"storage\.path"):
        JournalStore(tmp_path / "file")


def test_a_lock_that_another_takes_over_at_once_is_its_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JournalStore(tmp_path)
    journal = store.open(record())
    path = tmp_path / "runs" / "run1.lock"
    second = FileLock(path, blocking=False)
    release = FileLock.release

    def release_and_lose(lock: FileLock) -> None:
        release(lock)
        second.acquire()  # another process, in the very moment

    with monkeypatch.context() as patched:
        patched.setattr(FileLock, "release", release_and_lose)
        journal.close()
    with pytest.raises(UserError, match="another process"):
        store.open(record())
    second.release()
    store.close()


def test_a_damaged_journal_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("no database, but long enough to be read as one")
    with pytest.raises(StorageError, match="the file is damaged"):
        JournalStore(tmp_path)
