from __future__ import annotations

import multiprocessing
import os

from orchestrator.gateway.telemetry.board import HALF_BYTES, Board


def test_what_is_written_is_read_until_something_else_is() -> None:
    board = Board(2)
    assert list(board.contents()) == []
    assert board.slots[0].write(b"one")
    assert board.slots[1].write(b"two")
    assert list(board.contents()) == [b"one", b"two"]
    for number in range(5):
        board.slots[0].write(b"%d" % number * 1000)
        assert board.slots[0].read() == b"%d" % number * 1000
    assert board.slots[1].read() == b"two"


def test_what_is_too_long_leaves_the_slot_as_it_was() -> None:
    board = Board(1)
    board.slots[0].write(b"before")
    assert not board.slots[0].write(b"x" * (HALF_BYTES + 1))
    assert board.slots[0].read() == b"before"


def test_numbers_add_up() -> None:
    board = Board(3)
    board.slots[0].add(5)
    board.slots[2].add(2)
    board.slots[2].add(-1)
    assert board.number == 6
    board.slots[0].take()
    assert board.number == 1


def test_a_slot_knows_whether_its_process_lives() -> None:
    slot = Board(1).slots[0]
    assert not slot.is_held
    slot.take()
    assert slot.is_held
    slot.leave()
    assert not slot.is_held
    process = multiprocessing.get_context("fork").Process(target=slot.take)
    process.start()
    process.join()
    assert not slot.is_held


def test_forked_processes_share_it_and_never_read_a_half() -> None:
    board = Board(1)
    board.slots[0].write(b"0" * 100_000)

    def writes() -> None:
        for number in range(300):
            board.slots[0].write(b"%d" % (number % 10) * 100_000)
        board.slots[0].add(1)

    process = multiprocessing.get_context("fork").Process(target=writes)
    process.start()
    while process.is_alive():
        content = board.slots[0].read()
        assert len(set(content)) <= 1
    process.join()
    assert process.exitcode == 0
    assert board.slots[0].read() == b"9" * 100_000
    assert board.number == 1
    assert os.getpid() != process.pid
