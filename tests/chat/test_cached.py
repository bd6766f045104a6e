"""A call whose route has a `cache` is answered as it was before, and the trace says so."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.records import Hop
from orchestrator.types import Caller
from tests.calling.server import Call, Fail, Say

POLICY = """
objective: {{maximize: quality}}
routes:
  - {{name: kept, cache: {cache}}}
"""
SEMANTIC = POLICY.format(cache="semantic")
ASKED = "How do I wax a sledge?"
OTHER_WORDS = "What are the steps to wax a sledge?"


class Asking:
    """Asks the rig's mesh; keeps the hop of the last call."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.hop: Hop

    def __call__(self, text: str = ASKED, *, workspace: str = "w", **options: Any) -> str:
        stream = options.pop("stream", False)
        model = self.rig.mesh.chat_model(caller=Caller(workspace=workspace), **options)
        if stream:
            chunks = list(model.stream(text))
            told, said = chunks[-1].response_metadata, "".join(str(c.content) for c in chunks)
            told = next(c.response_metadata for c in chunks if "mesh" in c.response_metadata)
        else:
            reply = model.invoke(text)
            told, said = reply.response_metadata, str(reply.content)
        self.rig.mesh.store.flush()
        [self.hop] = self.rig.mesh.store.hops(told["mesh"]["trace_id"])
        return said

    @property
    def sent(self) -> int:
        return len(self.rig.first.seen)


def test_the_same_request_is_sent_once(rigs: Any) -> None:
    ask = Asking(rigs(Say("Warm it."), Say("Polish it."), policy=SEMANTIC))
    assert [ask(), ask(), ask(OTHER_WORDS)] == ["Warm it."] * 3
    assert ask.sent == 1
    [attempt] = ask.hop.attempts
    assert (attempt.kind, attempt.cost_micro_usd, attempt.usage.input) == ("cached", 0, 0)
    assert ask.hop.decision is not None
    assert ask.hop.decision.cache is not None
    [note] = ask.hop.notes
    assert note.startswith("from the cache (semantic")
    assert "saved $0.0000" in note
    assert ask("How do I wax a sled dog?") == "Polish it."


def test_nothing_is_kept_unless_a_route_says_so(rigs: Any) -> None:
    ask = Asking(rigs(Say("One."), Say("Two.")))
    assert [ask(), ask()] == ["One.", "Two."]
    assert ask.hop.decision is not None
    assert ask.hop.decision.cache is None


@pytest.mark.parametrize(
    "first",
    [
        Say("Cut sh", finish="length"),
        Say("Looking.", calls=(Call("look", '{"at": "it"}'),), finish="tool_calls"),
        Say("   "),
    ],
    ids=["cut off", "a tool call", "empty"],
)
def test_what_is_no_whole_answer_is_not_kept(rigs: Any, first: Say) -> None:
    ask = Asking(rigs(first, Say("Whole."), policy=SEMANTIC))
    ask()
    assert ask() == "Whole."


def test_the_answer_of_a_fallback_is_not_kept(rigs: Any) -> None:
    ask = Asking(
        rigs(Fail(400), Say("Of the first."), second=Say("Of a lesser one."), policy=SEMANTIC)
    )
    first = ask()
    assert ask.hop.attempts[-1].model == "second"
    assert (first, ask()) == ("Of a lesser one.", "Of the first.")


def test_streams_and_whole_answers_are_kept_apart(rigs: Any) -> None:
    ask = Asking(rigs(Say("Whole."), Say("In pieces."), policy=SEMANTIC))
    said = [ask(), ask(stream=True), ask(), ask(stream=True)]
    assert said == ["Whole.", "In pieces.", "Whole.", "In pieces."]


def test_workspaces_do_not_share(rigs: Any) -> None:
    ask = Asking(rigs(Say("One."), Say("Two."), policy=SEMANTIC))
    assert [ask(workspace="a"), ask(workspace="b"), ask(workspace="a")] == ["One.", "Two.", "One."]


def test_another_parameter_is_another_request(rigs: Any) -> None:
    ask = Asking(rigs(Say("Long."), Say("Short."), policy=SEMANTIC))
    assert [ask(), ask(max_tokens=9), ask()] == ["Long.", "Short.", "Long."]


def test_what_a_trace_may_not_keep_is_not_kept(rigs: Any) -> None:
    policy = SEMANTIC + "  - {name: quiet, store_outputs: hashed}\n"
    ask = Asking(rigs(Say("One."), Say("Two."), policy=policy))
    assert [ask(), ask()] == ["One.", "Two."]


def test_without_the_prompts_words_only_the_very_same_is_known(rigs: Any) -> None:
    policy = SEMANTIC + "  - {name: quiet, store_prompts: hashed}\n"
    ask = Asking(rigs(Say("One."), Say("Two."), policy=policy))
    assert [ask(), ask(), ask(OTHER_WORDS)] == ["One.", "One.", "Two."]


def test_one_route_that_forbids_it_wins(rigs: Any) -> None:
    policy = SEMANTIC + "  - {name: never, match: {data_class: internal}, cache: 'off'}\n"
    ask = Asking(rigs(Say("One."), Say("Two."), policy=policy))
    assert [ask(), ask()] == ["One.", "Two."]


def test_a_cache_that_cannot_be_read_is_no_reason_not_to_answer(rigs: Any, tmp_path: Any) -> None:
    rig = rigs(Say("One."), Say("Two."), policy=SEMANTIC)
    (tmp_path / ".mesh").mkdir(exist_ok=True)
    (tmp_path / ".mesh" / "cache.sqlite").write_text("no database " * 400)
    ask = Asking(rig)
    assert [ask(), ask()] == ["One.", "Two."]
