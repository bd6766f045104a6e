"""The chain catches every change: a bit, a line taken out, moved or doubled, an end cut off."""

from __future__ import annotations

import json
import multiprocessing
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.guard.auditing.chain import Chain
from orchestrator.guard.auditing.entry import Head, line_of
from orchestrator.guard.auditing.heads import head_to_send, new_key, private_key, public_key
from orchestrator.guard.auditing.segments import entries, segments
from orchestrator.guard.auditing.verify import Verified, verify
from orchestrator.records import AuditEvent


def event(number: int, **facts: object) -> AuditEvent:
    return AuditEvent(
        kind="decision", what=f"to m{number}", at=1e9 + number, trace_id="t1", by="é", facts=facts
    )


def filled(folder: Path, count: int, *, segment_bytes: int = 1_000_000) -> Chain:
    chain = Chain(folder, segment_bytes=segment_bytes)
    for number in range(count):
        chain.append([event(number, data_class="pii", where=["eu", number])])
    return chain


def test_what_was_written_is_read_and_holds(tmp_path: Path) -> None:
    chain = filled(tmp_path / "audit", 5)
    found = verify(tmp_path / "audit")
    assert found.holds
    assert (found.entries, found.head, found.torn) == (5, chain.head(), "")
    assert [e.facts["where"] for e in entries(tmp_path / "audit")] == [["eu", n] for n in range(5)]
    assert not verify(tmp_path / "nothing").entries


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    filled(tmp_path / "audit", 1)
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700
    for path in segments(tmp_path / "audit"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_flip_of_a_single_bit_is_caught(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 4, segment_bytes=500)
    assert len(segments(folder)) > 1
    for path in segments(folder):
        before = path.read_bytes()
        for at in range(len(before)):
            for bit in range(8):
                changed = bytearray(before)
                changed[at] ^= 1 << bit
                path.write_bytes(changed)
                assert not verify(folder).holds, (path.name, at, bit)
        path.write_bytes(before)
    assert verify(folder).holds


def edits(lines: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Everything that one can do with whole lines, but to cut the end off."""
    count = len(lines)
    for begin in range(count - 1):
        for end in range(begin + 1, count):
            yield f"without {begin}..{end}", lines[:begin] + lines[end:]
    for one in range(count):
        for other in range(one + 1, count):
            swapped = list(lines)
            swapped[one], swapped[other] = lines[other], lines[one]
            yield f"swapped {one} and {other}", swapped
        for place in range(count + 1):
            yield f"{one} again at {place}", [*lines[:place], lines[one], *lines[place:]]
    yield "turned around", lines[::-1]


def test_lines_taken_out_moved_or_doubled_are_caught(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 7)
    (path,) = segments(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    for what, edited in edits(lines):
        path.write_bytes(b"".join(edited))
        assert not verify(folder).holds, what


def test_a_cut_end_is_told_from_a_crash_by_the_sent_head_alone(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    head = head_to_send("shop", filled(folder, 4).head(), 2e9)
    (path,) = segments(folder)
    before = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(before) if byte == ord("\n")]
    for size in range(len(before)):
        path.write_bytes(before[:size])
        whole = sum(end <= size for end in ends)
        alone = verify(folder)
        assert alone.holds  # a crash may have left that
        assert alone.entries == whole
        assert bool(alone.torn) == (size not in (0, *ends)), size
        held = verify(folder, [head])
        assert not held.holds
        assert "cut off" in held.mismatch
    path.write_bytes(before)
    assert verify(folder, [head]).holds
    path.unlink()
    assert not verify(folder, [head]).holds


def test_a_rewrite_from_any_entry_on_is_caught_by_the_sent_head(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    sent = head_to_send("shop", filled(folder, 6).head(), 2e9)
    (path,) = segments(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    for begin in range(6):
        before = Head(begin, json.loads(lines[begin])["prev"])
        anew = []
        for number in range(begin, 9):  # also a longer one
            line, before = line_of(event(number, data_class="public"), before)
            anew.append(line)
        path.write_bytes(b"".join([*lines[:begin], *anew]))
        assert verify(folder).holds  # a chain it is
        assert "written anew" in verify(folder, [sent]).mismatch


def test_a_file_that_is_missing_or_empty_is_caught(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 8, segment_bytes=500)
    files = segments(folder)
    assert len(files) > 3
    for path in files[:-1]:
        before = path.read_bytes()
        path.unlink()
        assert not verify(folder).holds, path.name
        path.write_bytes(b"")
        assert not verify(folder).holds, path.name
        path.write_bytes(before)
    assert verify(folder).holds


def test_after_a_crash_the_chain_goes_on_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 3)
    (path,) = segments(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30] + bytes(4))  # a power cut leaves zeros
    found = verify(folder)
    assert found.holds
    assert "entry 3 in 000001.jsonl is cut off" in found.torn
    filled(folder, 2)  # another process
    found = verify(folder)
    assert found.holds
    assert (found.entries, found.torn) == (5, "")
    assert [e.kind for e in entries(folder)] == ["decision"] * 2 + ["gap"] + ["decision"] * 2
    torn = path.read_bytes()
    path.write_bytes(torn[:-1])
    assert not verify(folder).holds
    path.write_bytes(torn)
    assert verify(folder).holds


def test_the_first_break_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 5)
    (path,) = segments(folder)
    path.write_bytes(path.read_bytes().replace(b"to m2", b"to m9"))
    broken = verify(folder).broken
    assert broken is not None
    assert (broken.file, broken.line, broken.number) == ("000001.jsonl", 3, 3)
    assert "does not have the hash" in broken.problem
    lines = path.read_bytes().replace(b"to m9", b"to m2").splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    broken = verify(folder).broken
    assert broken is not None
    assert (broken.line, broken.problem) == (2, "expected entry 2, found entry 3")


def append(folder: Path, name: int, count: int) -> None:
    chain = Chain(folder, segment_bytes=2000)
    for number in range(count):
        chain.append([event(number, writer=name)])


def test_several_processes_write_one_chain(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    fork = multiprocessing.get_context("spawn")
    writers = [fork.Process(target=append, args=(folder, n, 20)) for n in range(3)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
        assert one.exitcode == 0
    found = verify(folder)
    assert found.holds
    assert found.entries == 60
    for name in range(3):
        own = [e.what for e in entries(folder) if e.facts["writer"] == name]
        assert own == [f"to m{n}" for n in range(20)]


@pytest.mark.parametrize("change", ["number", "at", "signature", "key"])
def test_a_forged_head_is_caught(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "audit"
    head = filled(folder, 3).head()
    private, public = new_key()
    sent = head_to_send("shop", head, 2e9, private_key(private, "KEY"))

    def held(**changed: object) -> Verified:
        from dataclasses import replace

        return verify(folder, [replace(sent, **changed)], public_key(public))  # type: ignore[arg-type]

    assert held().holds
    forged: dict[str, dict[str, object]] = {
        "number": {"number": 2, "hash": next(e.hash for e in entries(folder) if e.number == 2)},
        "at": {"at": 3e9},
        "signature": {"signature": ""},
        "key": {
            "signature": head_to_send("shop", head, 2e9, private_key(new_key()[0], "K")).signature
        },
    }
    found = held(**forged[change])
    assert not found.holds
    assert "not signed" in found.mismatch
