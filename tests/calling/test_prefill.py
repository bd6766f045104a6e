"""Prefill: how each provider is told, and that beginning + answer is the whole text."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.call_types import CallRequest, ToolCallDelta
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.wire.chat import payload
from orchestrator.calling.transports.wire.prefill import REPEATED, Prefill, prefill_of
from orchestrator.fleet.prices import price_file
from orchestrator.project.load import load_project
from orchestrator.project.registry import BUILTINS, Registry
from tests.calling.provider import DONE, Provider, chunk, reached, said, sse
from tests.calling.samples import deployment, events, finishes, request, text_of

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

BEGUN = "The quick brown fox "


def begun(text: str = BEGUN) -> CallRequest:
    return CallRequest(
        messages=(
            {"role": "user", "content": "Write."},
            {"role": "assistant", "content": text},
        )
    )


def to(**changes: Any) -> Any:
    return deployment("m/d", can=("prefill",), **changes)


# ── who is told what ─────────────────────────────────────────────────────────────────────


def test_it_is_one_only_where_the_deployment_takes_one() -> None:
    assert prefill_of(to(), begun()) is not None
    assert prefill_of(deployment("m/d"), begun()) is None
    assert prefill_of(to(), request()) is None
    assert prefill_of(to(), CallRequest(messages=())) is None
    called: Any = {"role": "assistant", "content": "Well,", "tool_calls": [{"id": "x"}]}
    assert prefill_of(to(), CallRequest(messages=(called,))) is None


def test_a_deployment_without_it_is_sent_the_message_as_it_is() -> None:
    assert payload(deployment("m/d"), begun())["messages"][-1]["content"] == BEGUN


def test_one_s_own_engine_is_told_to_go_on() -> None:
    body = payload(to(hosting="self"), begun())
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert body["messages"][-1] == {"role": "assistant", "content": BEGUN.rstrip()}


@pytest.mark.parametrize(
    ("endpoint", "marked"),
    [
        (None, False),
        ("https://api.openai.com/v1", False),
        ("https://api.mistral.ai/v1", True),
        ("https://api.deepseek.com/beta", True),
        ("https://example.com/mistral/v1", False),
    ],
)
def test_a_hosted_one_is_told_in_its_own_way(endpoint: str | None, marked: bool) -> None:
    body = payload(to(endpoint=endpoint), begun())
    assert ("prefix" in body["messages"][-1]) is marked
    assert "continue_final_message" not in body


def test_the_request_is_left_as_it_was() -> None:
    sent = begun()
    payload(to(endpoint="https://api.mistral.ai/v1"), sent)
    assert sent == begun()


def test_white_space_alone_begins_nothing() -> None:
    assert [m["role"] for m in payload(to(hosting="self"), begun(" \n"))["messages"]] == ["user"]


# ── the seam ─────────────────────────────────────────────────────────────────────────────


def follows(prefill: str, pieces: list[str], provider: str = "") -> str:
    """The whole text, as the caller has it in the end."""
    seam = Prefill(prefill, provider).seam()
    return prefill + "".join(map(seam.take, pieces)) + seam.end()


words = st.text(alphabet="ab \n", max_size=30)
cuts = st.lists(st.integers(0, 40), max_size=5)


def cut_up(text: str, at: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(min(a, len(text)) for a in at)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(prefill=words, rest=st.text(alphabet="xyz ", min_size=1, max_size=20), at=cuts)
def test_a_repetition_is_taken_out_exactly(prefill: str, rest: str, at: list[int]) -> None:
    long = "Once upon a time, " + prefill + "|"
    assert follows(long, cut_up(long + rest, at)) == long + rest
    assert follows(long, cut_up(rest, at)) == long + rest


@given(prefill=words.filter(str.strip), rest=st.text(alphabet="xyz", min_size=1), at=cuts)
def test_mistral_repeats_however_short_it_is(prefill: str, rest: str, at: list[int]) -> None:
    sent = prefill.rstrip()
    assert follows(prefill, cut_up(sent + rest, at), "mistral") == prefill + rest


def test_the_white_space_that_was_not_sent_is_not_there_twice() -> None:
    assert follows(BEGUN, [" jumps"]) == "The quick brown fox jumps"
    assert follows(BEGUN, ["jumps"]) == "The quick brown fox jumps"
    assert follows("Hello.\n\n", ["\n", "\nWell"]) == "Hello.\n\nWell"
    assert follows("Hello.\n\n", ["\n  Well"]) == "Hello.\n\n  Well"
    assert follows("One: ", ["\n- two"]) == "One: \n- two"


def test_a_few_characters_again_are_no_repetition() -> None:
    short = "ha " * 3
    assert len(short) < REPEATED
    assert follows("ha", ["ha", "ha"]) == "hahaha"
    assert follows(BEGUN, ["The quick", " dog"]) == "The quick brown fox The quick dog"
    assert follows(BEGUN, ["The quick"]) == "The quick brown fox The quick"


# ── what the shipped fleet says ──────────────────────────────────────────────────────────


def test_the_shipped_fleet_says_prefill_only_where_it_is_known() -> None:
    """From litellm's price file, or shown by a test: the local weights in `test_llamacpp`."""
    file = price_file()
    assert file is not None
    known = json.loads(file.read_text(encoding="utf-8"))
    fleet = load_project(Path(__file__).parents[2]).project.fleet
    for model in fleet.models.values():
        hosted = [d.model or "" for d in model.deployments if d.hosting == "hosted"]
        listed = [known.get(name) or known.get(name.partition("/")[2]) or {} for name in hosted]
        said = listed and all(entry.get("supports_assistant_prefill") for entry in listed)
        assert ("prefill" in model.can) is bool(said or model.family == "smollm"), model.family


# ── over the wire ────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": "key-of-the-tests"}, SystemClock())
    yield made
    await made.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize(
    ("model", "marked"),
    [("direct/m", False), ("openai/m", False), ("mistral/m", True), ("deepseek/m", True)],
)
async def test_the_model_goes_on(
    transports: Transports, model: str, marked: bool, repeats: bool
) -> None:
    first = ["The quick brown", " fox", " jumps"] if repeats else [" jumps"]
    provider = Provider(sse(*said(*first, "."), chunk({}, "stop")) + DONE)
    async with provider as url:
        at = reached(url, model, can=("prefill",))
        heard = await events(transports.get(at.via), at, begun())
    assert BEGUN + text_of(heard) == "The quick brown fox jumps."
    assert finishes(heard) == ["stop"]
    last = provider.asked[0]["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", BEGUN.rstrip())
    assert last.get("prefix", False) is marked


@pytest.mark.asyncio(loop_scope="module")
async def test_anthropic_gets_the_beginning_without_its_last_space(transports: Transports) -> None:
    from tests.calling.test_usage import ANTHROPIC

    provider = Provider(sse(*ANTHROPIC))
    async with provider as url:
        at = reached(url, "anthropic/claude-sonnet-4-5", can=("prefill",))
        await events(transports.get(at.via), at, begun())
    last = provider.asked[0]["messages"][-1]
    assert last["role"] == "assistant"
    assert last["content"] in (BEGUN.rstrip(), [{"type": "text", "text": BEGUN.rstrip()}])


@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_held_back_comes_before_the_end_and_before_calls(
    transports: Transports,
) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    calling = chunk({"tool_calls": [call]})
    body = sse(*said("The qu"), calling, chunk({}, "tool_calls")) + DONE
    async with Provider(body) as url:
        at = reached(url, "direct/m", can=("prefill",))
        heard = await events(transports.get(at.via), at, begun())
    assert text_of(heard) == "The qu"
    kinds = [type(e).__name__ for e in heard if type(e).__name__ != "Progress"]
    assert kinds == ["Answering", "TextDelta", ToolCallDelta.__name__, "Finish"]
