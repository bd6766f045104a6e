"""langchain's own integration tests for chat models, over ours, with every capability claimed.

Served by a stand-in on loopback that does what is asked of it (`brain.py`), since a real provider
would cost money, and for what it can by the real small model in the process.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests

from orchestrator.chat.calls import ChatCalls
from orchestrator.chat.model import ChatMesh
from orchestrator.mesh import Mesh
from tests.chat.brain import Brain
from tests.chat.served import open_mesh, standing_in, write_fleet

pytestmark = [
    # `version="v3"` of its event streams is what is tested, and it says that it is beta.
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    # One of the tests sends a PDF without a name.
    pytest.mark.filterwarnings("ignore:OpenAI may require a filename:UserWarning"),
]


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\xff\0\0")
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


FILES = {
    ".png": _png(),
    ".pdf": b"%PDF-1.4\n%%EOF\n",
    ".wav": b"RIFF\x24\0\0\0WAVEfmt ",
}


def _local(url: str, **_options: Any) -> SimpleNamespace:
    """What the tests would download, without the network."""
    return SimpleNamespace(content=FILES[url[-4:]])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("served")
    with standing_in(Brain()) as (url, _), open_mesh(write_fleet(folder, url)) as mesh:
        yield mesh


class TestServed(ChatModelIntegrationTests):
    """Skipped: `test_image_tool_message` and `test_pdf_tool_message`, since chat completions allow
    only text in a tool's message, and `test_stream_time`, which needs a provider's recordings."""

    _calls: ChatCalls

    @pytest.fixture(autouse=True)
    def _given(self, served: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = served.chat_model().calls
        monkeypatch.setattr(httpx, "get", _local)
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none")  # or it warns

    @property
    def chat_model_class(self) -> type[ChatMesh]:
        return ChatMesh

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"calls": self._calls, "task": "chat"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "second"

    @property
    def supported_usage_metadata_details(self) -> Any:
        details = ["cache_read_input", "reasoning_output"]
        return {"invoke": details, "stream": details}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = self._model()
        model.invoke("The same long prompt twice.")
        message = _said(model, "The same long prompt twice.", stream=stream)
        assert message.usage_metadata is not None
        assert message.usage_metadata["input_token_details"]["cache_read"] == 5
        return message

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        message = _said(self._model(reasoning_effort="high"), "Think.", stream=stream)
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_token_details"]["reasoning"] == 3
        return message

    def _model(self, **changes: Any) -> BaseChatModel:
        return ChatMesh(**self.chat_model_params, **changes)


class TestServedByFunctionCalling(TestServed):
    """Structured output through a tool that must be called."""

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with open_mesh(tmp_path_factory.mktemp("local")) as mesh:
        yield mesh


class TestLocalWeights(ChatModelIntegrationTests):
    """Real weights (135 million parameters): text, streams, usage, conversations.

    Skipped: tools, which its chat template does not know, and images. Structured output: the
    form holds, since llama.cpp constrains it, but in a form with free texts it may write until
    its length ends; `test_chat_model.py` asks it in a form that cannot."""

    _calls: ChatCalls

    @pytest.fixture(autouse=True)
    def _given(self, local: Mesh) -> None:
        self._calls = local.chat_model().calls

    @property
    def chat_model_class(self) -> type[ChatMesh]:
        return ChatMesh

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"calls": self._calls, "task": "chat", "model": "smollm2-135m", "max_tokens": 8}

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    @property
    def supports_model_override(self) -> bool:
        return False


def _said(model: BaseChatModel, text: str, *, stream: bool) -> AIMessage:
    if not stream:
        return model.invoke(text)
    whole: AIMessageChunk | None = None
    for chunk in model.stream(text):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole
