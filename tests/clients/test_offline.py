"""The default project, in an empty folder: `mesh serve` with a key, and real weights."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests import fences
from tests.clients.gateway import make_key

pytestmark = pytest.mark.slow
WEIGHTS = "smollm2-135m"
HELLO: Any = [{"role": "user", "content": "Say hello to my friend Ana."}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offline")


@pytest.fixture(scope="module")
def to(folder: Path) -> Iterator[dict[str, Any]]:
    """What clients are given: the address of a service, and a key of it."""
    key = make_key(folder, "--budget", "5/day")
    with fences.Service((), folder, dict(os.environ)) as service:
        yield {"base_url": service.url, "api_key": key}


def recorded(folder: Path, id: str) -> dict[str, Any]:
    """What `mesh trace show` prints, as soon as it is on record."""
    for _ in range(100):
        code, printed, said = fences.mesh(["trace", "show", id, "--json"], folder)
        if code == 0:
            found: dict[str, Any] = json.loads(printed)
            return found
    pytest.fail(said)


def test_whole_and_word_by_word(to: dict[str, Any], folder: Path) -> None:
    asked: dict[str, Any] = {"model": WEIGHTS, "messages": HELLO, "max_tokens": 20}
    with openai.OpenAI(**to) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**asked, temperature=0)
        chunks = list(sdk.chat.completions.create(**asked, temperature=0, stream=True))
    answer = raw.parse()
    heard = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
    assert answer.choices[0].message.content == "".join(heard)
    assert len(heard) > 3
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 20
    assert raw.headers["x-mesh-deployment"] == f"{WEIGHTS}/local"
    assert raw.headers["x-mesh-cost-usd"] == "0.000000"
    trace = recorded(folder, raw.headers["x-mesh-trace-id"])
    assert trace["answer"] == answer.choices[0].message.content
    assert trace["caller"]["key"].startswith("key_")


def test_langchain_and_vectors_of_real_weights(to: dict[str, Any]) -> None:
    chat = ChatOpenAI(model="auto", extra_body={"mesh": {"task": "classify"}}, **to)
    said = chat.invoke(
        "Classify this as order, complaint or praise: I must complain, it is broken."
    )
    assert json.loads(said.text)["label"] == "complaint"
    vectors = OpenAIEmbeddings(model="auto", check_embedding_ctx_length=False, **to)
    lamp, broken, ferry = vectors.embed_documents(
        ["the lamp is broken", "a broken lamp", "the ferry leaves at nine"]
    )
    alike = [sum(a * b for a, b in zip(lamp, other, strict=True)) for other in (broken, ferry)]
    assert alike[0] > alike[1] + 0.3


def test_without_its_key_nobody_is_answered(to: dict[str, Any]) -> None:
    with openai.OpenAI(**to | {"api_key": "mesh-wrong"}) as sdk:
        with pytest.raises(openai.AuthenticationError):
            sdk.chat.completions.create(model="auto", messages=HELLO)
        with pytest.raises(openai.AuthenticationError):
            sdk.models.list()
