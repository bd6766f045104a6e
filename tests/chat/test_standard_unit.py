"""langchain's own unit tests for chat models, over ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests

from orchestrator.chat.calls import ChatCalls
from orchestrator.chat.model import ChatMesh
from tests.chat.served import open_mesh, write_fleet


class TestChatMesh(ChatModelUnitTests):
    """Skipped: `test_serdes` and `test_init_from_env`. A routed model is made by a `Mesh`, whose
    project and connections it holds; neither a dump nor the environment can bring them back."""

    _calls: ChatCalls

    @pytest.fixture(autouse=True)
    def _mesh(self, tmp_path: Path) -> Iterator[None]:
        with open_mesh(write_fleet(tmp_path, "http://127.0.0.1:9/v1")) as mesh:
            self._calls = mesh.chat_model().calls
            yield

    @property
    def chat_model_class(self) -> type[ChatMesh]:
        return ChatMesh

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"calls": self._calls, "task": "chat"}
