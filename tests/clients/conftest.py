"""A gateway for each test that opens one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.calling.server import Script, Step
from tests.clients.gateway import Gateway, opened


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Opens a gateway whose provider takes the given steps; see `opened`."""
    with ExitStack() as stack:

        def serve(*steps: Step | Script, **options: Any) -> Gateway:
            return stack.enter_context(opened(tmp_path, *steps, **options))

        yield serve
