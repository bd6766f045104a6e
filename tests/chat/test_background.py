"""The loop in a thread: calls from everywhere, and an orderly end."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from orchestrator.chat.background import Background
from orchestrator.errors import UserError


class Ends:
    """Counts how often it was told to end."""

    def __init__(self) -> None:
        self.told = 0

    async def __call__(self) -> None:
        self.told += 1


async def thread_name() -> str:
    return threading.current_thread().name


def test_it_waits_for_the_result_from_any_thread() -> None:
    ends = Ends()
    background = Background(ends)
    assert background.wait(thread_name()) == "mesh-chat"
    found: list[str] = []
    other = threading.Thread(target=lambda: found.append(background.wait(thread_name())))
    other.start()
    other.join()
    assert found == ["mesh-chat"]
    background.close()
    background.close()
    assert ends.told == 1


def test_work_sees_the_context_of_whoever_began_it() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    background = Background(Ends())

    async def seen() -> str:
        return variable.get()

    variable.set("mine")
    assert background.wait(seen()) == "mine"
    background.close()


def test_work_that_would_wait_for_itself_is_refused() -> None:
    background = Background(Ends())

    async def outer() -> None:
        background.refuse_itself()

    background.refuse_itself()
    with pytest.raises(UserError, match="ainvoke"):
        background.wait(outer())
    background.close()


def test_closing_stops_what_runs_and_lets_it_clean_up() -> None:
    background, cleaned, begun = Background(Ends()), [], threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    future = background.submit(endless())
    begun.wait()
    background.close()
    assert cleaned == [True]
    assert future.cancelled()


def test_it_can_be_used_again_after_it_was_closed() -> None:
    background = Background(Ends())
    background.wait(thread_name())
    background.close()
    assert background.wait(thread_name()) == "mesh-chat"
    background.close()
