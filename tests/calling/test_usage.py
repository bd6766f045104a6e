"""Golden usage shapes: what providers report, raw and over the wire, as our tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from orchestrator.call_types import Answering
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.calling.transports.wire.usage import usage_of, usage_of_timings
from orchestrator.money import Usage
from orchestrator.project.registry import BUILTINS, Registry
from tests.calling.provider import DONE, Provider, chunk, reached, said, sse
from tests.calling.samples import events, finishes, reports, request, text_of

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]

OPENAI = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5},
}
OURS = Usage(input=100, output=50, cached_input=60, audio_input=10, reasoning=20, audio_output=5)
DEEPSEEK = {
    "prompt_tokens": 100,
    "completion_tokens": 5,
    "total_tokens": 105,
    "prompt_cache_hit_tokens": 60,
    "prompt_cache_miss_tokens": 40,
}
XAI = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 170,
    "completion_tokens_details": {"reasoning_tokens": 20},
}


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (OPENAI, OURS),
        (DEEPSEEK, Usage(input=100, output=5, cached_input=60)),
        (XAI, Usage(input=100, output=70, reasoning=20)),
        # Anthropic's own: what the cache had a part in stands beside the input
        (
            {
                "input_tokens": 10,
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 100,
                "output_tokens": 25,
            },
            Usage(input=140, output=25, cached_input=100, cache_write=30),
        ),
        # litellm's and gateways' version of it: added up
        (
            {
                "prompt_tokens": 140,
                "completion_tokens": 25,
                "total_tokens": 165,
                "prompt_tokens_details": {"cached_tokens": 100, "cache_creation_tokens": 30},
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 100,
            },
            Usage(input=140, output=25, cached_input=100, cache_write=30),
        ),
        # a gateway that does not add it up, but says so in the total
        (
            {
                "prompt_tokens": 500,
                "completion_tokens": 25,
                "total_tokens": 655,
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 100,
            },
            Usage(input=630, output=25, cached_input=100, cache_write=30),
        ),
        # responses of OpenAI's newer interface, as some servers send them
        (
            {
                "input_tokens": 100,
                "output_tokens": 50,
                "input_tokens_details": {"cached_tokens": 60},
                "output_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(input=100, output=50, cached_input=60, reasoning=20),
        ),
        # Ollama and older vLLM: totals alone
        ({"prompt_tokens": 7, "completion_tokens": 5}, Usage(input=7, output=5)),
        (
            {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": None},
            Usage(input=7, output=5),
        ),
        # more cached than sent cannot be a part of it
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "cache_read_input_tokens": 90},
            Usage(input=100, output=5, cached_input=90),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 0}, Usage(input=9)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": "many", "completion_tokens": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_report_means_the_same_whoever_makes_it(reported: Any, usage: Usage | None) -> None:
    assert usage_of(reported) == usage


def test_llama_cpp_counts_in_its_timings() -> None:
    timings = {"cache_n": 30, "prompt_n": 12, "predicted_n": 5, "predicted_ms": 40.0}
    assert usage_of_timings(timings) == Usage(input=42, output=5, cached_input=30)
    assert usage_of_timings({"prompt_ms": 3.0}) is None
    assert usage_of_timings(None) is None


# ── over the wire ────────────────────────────────────────────────────────────────────────

WORDS = said("Hello", " you")
END = chunk({}, "stop")
LAST: dict[str, Any] = {**chunk({}), "choices": []}
ZERO = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
EARLY = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101}


def in_order(*parts: Any) -> str:
    return sse(*parts) + DONE


SHAPES = {
    "after the end": in_order(*WORDS, END, {**LAST, "usage": OPENAI}),
    "with the last choice": in_order(*WORDS, {**END, "usage": OPENAI}),
    "with text": in_order(*WORDS, chunk({"content": "."}, "stop", usage=OPENAI)),
    "in every chunk": in_order(
        *(c | {"usage": EARLY} for c in WORDS), END, {**LAST, "usage": OPENAI}
    ),
    "zeros before": in_order(*(c | {"usage": ZERO} for c in WORDS), {**END, "usage": OPENAI}),
    "null before": in_order(*(c | {"usage": None} for c in WORDS), {**END, "usage": OPENAI}),
    "corrected": in_order(*WORDS, {**END, "usage": EARLY}, {**LAST, "usage": OPENAI}),
    "twice": in_order(*WORDS, {**END, "usage": OPENAI}, {**LAST, "usage": OPENAI}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transports() -> AsyncIterator[Transports]:
    """The transports of the module, so that litellm is loaded once."""
    made = Transports(Registry(BUILTINS), {"THE_KEY": "key-of-the-tests"}, SystemClock())
    yield made
    await made.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("model", ["direct/m", "openai/m", "deepseek/m", "mistral/m"])
async def test_usage_counts_wherever_it_stands(
    transports: Transports, model: str, shape: str
) -> None:
    async with Provider(SHAPES[shape]) as url:
        to = reached(url, model)
        heard = await events(transports.get(to.via), to, request())
    assert text_of(heard).startswith("Hello you")
    (report,) = reports(heard)
    assert report.usage == OURS


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", ["direct/m", "openai/m"])
async def test_who_answered_is_known_without_usage(transports: Transports, model: str) -> None:
    async with Provider(in_order(*WORDS, END)) as url:
        to = reached(url, model)
        heard = await events(transports.get(to.via), to, request())
    assert reports(heard) == []
    assert [e for e in heard if isinstance(e, Answering)] == [
        Answering(model="m-2026", fingerprint="fp_1")
    ]


ANTHROPIC_USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 100,
    "output_tokens": 1,
}
ANTHROPIC: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude-2026",
            "content": [],
            "usage": ANTHROPIC_USAGE,
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Hello"},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": " you"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 25},
    },
    {"type": "message_stop"},
]


def gemini(text: str, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    ends = {k: more.pop(k) for k in ("finishReason",) if k in more}
    return {"candidates": [candidate | ends], "modelVersion": "gemini-2026", **more}


GEMINI = [
    gemini("Hello", usageMetadata={"promptTokenCount": 50, "totalTokenCount": 50}),
    gemini(
        " you",
        finishReason="STOP",
        usageMetadata={
            "promptTokenCount": 50,
            "candidatesTokenCount": 9,
            "thoughtsTokenCount": 11,
            "cachedContentTokenCount": 20,
            "totalTokenCount": 70,
        },
    ),
]
DIALECTS = {
    "anthropic/claude-sonnet-5-5": (
        ANTHROPIC,
        "claude-2026",
        Usage(input=140, output=25, cached_input=100, cache_write=30),
    ),
    "gemini/gemini-3.8-flash": (
        GEMINI,
        "gemini-2026",
        Usage(input=50, output=20, cached_input=20, reasoning=11),
    ),
    "deepseek/deepseek-v4-flash": (
        [*WORDS, {**END, "usage": DEEPSEEK}],
        "m-2026",
        Usage(input=100, output=5, cached_input=60),
    ),
    "xai/grok-4": (
        [*WORDS, END, {**LAST, "usage": XAI}],
        "m-2026",
        Usage(input=100, output=70, reasoning=20),
    ),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", DIALECTS)
async def test_dialects_through_litellm(transports: Transports, model: str) -> None:
    sent, name, usage = DIALECTS[model]
    async with Provider(sse(*sent)) as url:
        to = reached(url, model)
        heard = await events(transports.get("litellm"), to, request())
    (report,) = reports(heard)
    assert (text_of(heard), finishes(heard), report.usage) == ("Hello you", ["stop"], usage)
    assert next(e for e in heard if isinstance(e, Answering)).model == name


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", DIALECTS)
async def test_a_dialect_that_is_cut_off_never_finishes(transports: Transports, model: str) -> None:
    sent, _, _ = DIALECTS[model]
    last = next(n for n, e in enumerate(sent) if " you" in str(e))
    async with Provider(sse(*sent[:last])) as url:
        to = reached(url, model)
        heard = await events(transports.get("litellm"), to, request())
    assert text_of(heard) == "Hello"
    assert finishes(heard) == []
    assert reports(heard) == []
