from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from orchestrator.storage.collect import Collector
from orchestrator.storage.spool import Spool, backlog, drain


class Kept:
    """A sink over SQLite, as real ones are: records and how far they go in one transaction."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database.execute("create table if not exists records (content blob)")
        self.database.execute("create table if not exists taken (name text primary key, upto)")
        self.owners: list[str] = []
        self.dies = False

    def taken(self) -> Mapping[str, int]:
        return dict(self.database.execute("select name, upto from taken"))

    def take(self, segment: str, records: Sequence[bytes], end: int) -> None:
        with self.database:
            self.database.execute("begin immediate")
            self.database.executemany("insert into records values (?)", [(r,) for r in records])
            self.database.execute("insert or replace into taken values (?, ?)", (segment, end))
        if self.dies:
            raise RuntimeError("killed")

    def ended(self, owner: str) -> None:
        self.owners.append(owner)

    def forget(self, segments: Sequence[str]) -> None:
        with self.database:
            self.database.executemany("delete from taken where name = ?", [(s,) for s in segments])

    def contents(self) -> list[bytes]:
        return [content for (content,) in self.database.execute("select content from records")]

    def numbers(self) -> list[int]:
        return [int(content.split(b" ")[0]) for content in self.contents()]


@pytest.fixture
def sink(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept.sqlite")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".mesh" / "spool"


def test_records_arrive_in_order_and_once(folder: Path, sink: Kept) -> None:
    with closing(Spool(folder, "things")) as spool:
        for number in range(100):
            spool.append(b"%d" % number)
        spool.flush()
        assert drain(folder, "things", sink).records == 100
        assert spool.append(b"100", now=True)
        assert drain(folder, "things", sink).records == 1
        assert drain(folder, "things", sink).records == 0
        assert sink.owners == []
    assert drain(folder, "things", sink).records == 0
    assert sink.numbers() == list(range(101))
    assert sink.owners == [spool.owner]
    assert list(folder.glob("*.spool")) == []
    drain(folder, "things", sink)
    assert sink.owners == [spool.owner]


def test_what_waits_is_written_without_a_flush(folder: Path, sink: Kept) -> None:
    spool = Spool(folder, "things")
    spool.append(b"1")
    while not drain(folder, "things", sink).records:
        pass  # or the test never ends
    assert sink.contents() == [b"1"]
    spool.close()


@pytest.mark.parametrize("mapped", [False, True])
def test_only_its_owner_can_read_it(folder: Path, mapped: bool) -> None:
    spool = Spool(folder, "things", mapped=mapped)
    spool.append(b"1", now=True)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    spool.close()


@pytest.mark.parametrize("mapped", [False, True])
def test_a_segment_that_is_full_goes_as_soon_as_it_was_taken(
    folder: Path, sink: Kept, mapped: bool
) -> None:
    spool = Spool(folder, "things", segment_bytes=1000, mapped=mapped)
    for number in range(50):
        spool.append(b"%d %s" % (number, b"x" * 100), now=True)
    assert len(list(folder.glob("*.spool"))) > 4
    assert drain(folder, "things", sink).records == 50
    assert len(list(folder.glob("*.spool"))) == 1
    drain(folder, "things", sink)
    assert len(sink.taken()) == 1
    spool.append(b"50", now=True)
    drain(folder, "things", sink)
    assert sink.numbers() == list(range(51))
    spool.close()


def test_kinds_and_writers_do_not_mix(folder: Path, sink: Kept) -> None:
    one, two, other = Spool(folder, "things"), Spool(folder, "things"), Spool(folder, "others")
    for number in range(10):
        (one, two)[number % 2].append(b"%d" % number, now=True)
    other.append(b"99", now=True)
    drain(folder, "things", sink)
    assert sorted(sink.numbers()) == list(range(10))
    for spool in (one, two, other):
        spool.close()


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("size", [3_000_000, 400_000, 900])
def test_large_records_and_many_small_ones(
    folder: Path, sink: Kept, size: int, mapped: bool
) -> None:
    spool = Spool(folder, "things", mapped=mapped)
    sent = [b"%d " % number + os.urandom(size) for number in range(5)]
    spool.write(sent)
    spool.write([b"5"] * 3000)
    drain(folder, "things", sink)
    assert sink.contents() == [*sent, *[b"5"] * 3000]
    spool.close()


WRITER = """
import json, sys
from pathlib import Path
from orchestrator.storage.spool import Spool
spool = Spool(Path(sys.argv[1]), "things", segment_bytes=2000, mapped="mapped" in sys.argv)
number = 0
while True:
    spool.append(b"%d %s" % (number, b"x" * 50), now=True)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("way", ["written", "mapped"])
def test_what_a_killed_writer_wrote_is_there(folder: Path, sink: Kept, way: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), way], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        for line in writer.stdout:
            if int(line) == 200:
                break
        drain(folder, "things", sink)  # while it writes
        assert sink.owners == []
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.stdout if line.endswith("\n")]
    drain(folder, "things", sink)
    assert sink.numbers() == list(range(len(sink.numbers())))
    assert len(sink.numbers()) > max(said, default=200)
    assert len(sink.owners) == 1
    assert list(folder.glob("things-*.spool")) == []
    assert list(folder.glob("things-?*.lock")) == []


def test_the_torn_end_of_a_writer_that_is_gone_is_dropped(folder: Path, sink: Kept) -> None:
    spool = Spool(folder, "things")
    spool.write([b"0", b"1"])
    (file,) = folder.glob("*.spool")
    with file.open("ab") as torn:
        torn.write(b"\x50\0\0\0half")
    assert drain(folder, "things", sink).torn == 0  # who lives may still be writing it
    spool.close()
    assert drain(folder, "things", sink).torn == 8
    assert sink.numbers() == [0, 1]
    assert list(folder.glob("*.spool")) == []


def test_what_is_written_through_memory_is_read_while_it_is_and_ends_without_zeros(
    folder: Path, sink: Kept
) -> None:
    spool = Spool(folder, "things", mapped=True)
    for number in range(3):
        spool.append(b"%d" % number, now=True)
        assert drain(folder, "things", sink).records == 1
    (file,) = folder.glob("*.spool")
    assert file.stat().st_size > 100_000
    spool.close()
    assert file.stat().st_size == 3 * 17
    assert drain(folder, "things", sink).torn == 0
    assert sink.numbers() == [0, 1, 2]


def test_where_the_system_cannot_map_files_they_are_written(
    folder: Path, sink: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr("os.posix_fallocate", cannot)
    spool = Spool(folder, "things", mapped=True)
    for number in range(3):
        assert spool.append(b"%d" % number, now=True)
    (file,) = folder.glob("*.spool")
    assert file.stat().st_size == 3 * 17
    drain(folder, "things", sink)
    assert sink.numbers() == [0, 1, 2]
    spool.close()


def test_an_empty_record_is_a_mistake(folder: Path) -> None:
    with closing(Spool(folder, "things")) as spool, pytest.raises(ValueError, match="empty"):
        spool.write([b"0", b""])


def test_a_record_that_was_changed_on_the_disk_is_not_taken(folder: Path, sink: Kept) -> None:
    spool = Spool(folder, "things")
    spool.write([b"0", b"1", b"2"])
    spool.close()
    (file,) = folder.glob("*.spool")
    content = bytearray(file.read_bytes())
    content[16 + 1 + 16] ^= 1  # the second record's only byte
    file.write_bytes(content)
    assert drain(folder, "things", sink).torn == 2 * 17
    assert sink.numbers() == [0]


def test_a_reader_that_is_killed_in_between_neither_loses_nor_doubles(
    folder: Path, sink: Kept
) -> None:
    spool = Spool(folder, "things", segment_bytes=500)
    for number in range(40):
        spool.append(b"%d %s" % (number, b"x" * 40), now=True)
    spool.close()
    sink.dies = True
    for _ in range(4):
        with pytest.raises(RuntimeError, match="killed"):
            drain(folder, "things", sink)
    sink.dies = False
    drain(folder, "things", sink)
    assert sink.numbers() == list(range(40))
    assert sink.owners == [spool.owner]


def test_only_one_drains(folder: Path, sink: Kept) -> None:
    spool = Spool(folder, "things")
    spool.append(b"0", now=True)
    with FileLock(folder / "things.drain.lock"):
        assert drain(folder, "things", sink).busy
    assert not drain(folder, "things", sink).busy
    spool.close()


def test_a_limit_of_time_leaves_the_rest(folder: Path, sink: Kept) -> None:
    for number in range(3):
        with closing(Spool(folder, "things")) as spool:
            spool.append(b"%d" % number, now=True)
    first = drain(folder, "things", sink, limit_s=0.0)
    assert (first.records, first.complete) == (1, False)
    assert drain(folder, "things", sink).records == 2
    assert sorted(sink.numbers()) == [0, 1, 2]


FULL = """
import json, resource, sys
from pathlib import Path
from orchestrator.storage.spool import Spool
spool = Spool(Path(sys.argv[1]), "things")
assert spool.append(b"0", now=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
wrote = spool.append(b"1 " + b"x" * 1000, now=True)
problem = spool.problem
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
again = spool.append(b"2", now=True)
print(json.dumps([wrote, problem, again]))
spool.close()
"""


def test_a_full_disk_is_a_problem_and_not_an_exception(folder: Path, sink: Kept) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=True
    )
    wrote, problem, again = json.loads(done.stdout)
    assert not wrote
    assert problem == "1 records (things) could not be written: No space left on device"
    assert again
    drain(folder, "things", sink)
    assert sink.numbers() == [0, 2]


FULL_MAP = """
import json, resource, sys
from pathlib import Path
from orchestrator.storage.spool import Spool
spool = Spool(Path(sys.argv[1]), "things", mapped=True)
assert spool.append(b"0 " + b"x" * 900_000, now=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_100_000, resource.RLIM_INFINITY))
wrote = [spool.append(b"1 " + b"x" * 900_000, now=True), spool.append(b"2", now=True)]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
wrote.append(spool.append(b"3 " + b"x" * 900_000, now=True))
print(json.dumps([wrote, spool.problem]))
spool.close()
"""


def test_a_disk_that_is_full_is_told_where_space_is_taken_and_kills_nobody(
    folder: Path, sink: Kept
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_MAP, str(folder)], capture_output=True, text=True, check=True
    )
    wrote, problem = json.loads(done.stdout)
    assert wrote == [False, True, True]
    assert problem == "1 records (things) could not be written: File too large"
    assert len(list(folder.glob("*.spool"))) == 1
    drain(folder, "things", sink)
    assert sink.numbers() == [0, 2, 3]


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    spool = Spool(tmp_path / "file" / "spool", "things")
    assert not spool.append(b"0", now=True)
    assert "1 records (things)" in (spool.problem or "")
    spool.close()


@pytest.mark.parametrize("mapped", [False, True])
def test_the_backlog_is_what_was_not_taken(folder: Path, sink: Kept, mapped: bool) -> None:
    assert backlog(folder, "things", {}).bytes == 0
    spool = Spool(folder, "things", mapped=mapped)
    spool.write([b"0"] * 10)
    waiting = backlog(folder, "things", sink.taken())
    assert waiting.bytes == 170
    assert (
        backlog(folder, "things", {file.name: 34 for file in folder.glob("*.spool")}).bytes == 136
    )
    assert waiting.oldest is not None
    drain(folder, "things", sink)
    assert backlog(folder, "things", sink.taken()).bytes == 0
    spool.close()


# ── what collects ────────────────────────────────────────────────────────────────────────


def test_a_collector_hands_on_everything_once_and_in_order() -> None:
    taken: list[int] = []
    collector: Collector[int] = Collector(taken.extend, "test", seconds=0.0)
    for number in range(5000):
        collector.put(number)
    collector.close()
    collector.put(5000)  # after the end: at once
    assert taken == list(range(5001))


def test_threads_lose_nothing() -> None:
    taken: list[int] = []
    collector: Collector[int] = Collector(taken.extend, "test", seconds=0.0)

    def put(start: int) -> None:
        for number in range(2000):
            collector.put(start + number)

    threads = [threading.Thread(target=put, args=(n * 2000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    collector.close()
    assert sorted(taken) == list(range(8000))


def test_a_collector_hands_on_a_piece_at_a_time() -> None:
    pieces: list[list[int]] = []
    collector: Collector[int] = Collector(pieces.append, "test", seconds=3600.0, piece=3)
    for number in range(8):
        collector.put(number)
    collector.flush(gently=True)
    assert pieces == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_what_is_too_much_is_counted() -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow(things: list[int]) -> None:
        reached.set()
        go_on.wait(10)

    collector = Collector(slow, "test", seconds=0.0, most=10)
    collector.put(0)
    assert reached.wait(10)
    for number in range(25):
        collector.put(number)
    assert collector.lost == 15
    go_on.set()
    collector.close()


def test_a_batch_that_cannot_be_taken_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken: list[int] = []

    def take(things: list[int]) -> None:
        if 13 in things:
            raise ValueError("13")
        taken.extend(things)

    collector = Collector(take, "test", seconds=0.0)
    for number in (12, 13, 14):
        collector.put(number)
        collector.flush()
    collector.close()
    assert taken == [12, 14]
    assert collector.lost == 1
    assert "a batch of 1 was lost" in caplog.text
