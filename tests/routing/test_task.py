"""Which task a text asks for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.routing import _task
from orchestrator.routing._prototypes import TASKS
from orchestrator.routing._task import asked_tasks

TEXTS = tuple(text.lower() for own in TASKS.values() for text in own)
WORDS = sorted({word for text in TEXTS for word in text.split()})
mixed = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


def searched(text: str) -> dict[str, float]:
    """By the first match of every pattern in the whole text."""
    found: dict[str, float] = {}
    for task, weight, pattern in _task._PATTERNS:
        if match := pattern.search(text):
            near = min(match.start(), len(text) - match.end())
            found[task] = max(found.get(task, 0.0), weight / (1 + near / _task._FADE))
    return found


@given(st.one_of(st.sampled_from(TEXTS), mixed, st.text("aei sql_4+%?`", max_size=40)))
@settings(max_examples=400, deadline=None)
def test_words_are_found_wherever_a_search_finds_them(text: str) -> None:
    assert asked_tasks(text) == searched(text)


def test_most_patterns_are_tried_where_their_words_begin_alone() -> None:
    assert len(_task._ANYWHERE) < len(_task._PATTERNS) / 4
