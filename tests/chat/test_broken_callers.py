"""What was paid for stands on the trace, also where the code around the call breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from orchestrator.chat import model as chat_model
from orchestrator.chat.background import Background
from tests.chat.brain import Brain

JSON = {"type": "json_object"}


def only_trace(rig: Any) -> tuple[Any, Any]:
    """The one trace, and its one hop."""
    rig.mesh.store.flush()
    (trace,) = rig.mesh.store.traces(10)
    (hop,) = rig.mesh.store.hops(trace.id)
    return trace, hop


def test_a_check_that_raises_anything_leaves_the_cost_on_the_trace(
    rigs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_schema: Any) -> Callable[[str], Any]:
        return lambda _text: 1 // 0

    monkeypatch.setattr(chat_model, "conforming", broken)
    rig = rigs(Brain())
    with pytest.raises(ZeroDivisionError):
        rig.mesh.chat_model().invoke([HumanMessage("Hello")], response_format=JSON)
    trace, hop = only_trace(rig)
    assert (trace.status, hop.status, len(hop.attempts)) == ("failed", "failed", 1)
    assert trace.cost_micro_usd == hop.cost_micro_usd != 0


class Ending:
    """A lock: in the moment in which it is let go, somebody closes the background."""

    def __init__(self, background: Background) -> None:
        self.lock, self.armed, self.background = threading.Lock(), True, background

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()
        if self.armed:
            self.armed = False
            closer = threading.Thread(target=self.background.close)
            closer.start()
            closer.join()


def test_work_that_comes_with_the_end_has_an_end_too() -> None:
    async def nothing() -> None:
        pass

    background = Background(nothing)
    background._starting = Ending(background)  # type: ignore[assignment]
    with suppress(CancelledError):  # that is an answer, too
        background.submit(nothing()).result(timeout=10)
    background.close()
