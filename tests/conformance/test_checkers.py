"""The models that check claims: code, a language model, a cross-encoder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.project.load import load_builtins
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import BUILTINS
from orchestrator.testing import CheckerConformance
from orchestrator.types import Deployment
from tests.calling.samples import deployment
from tests.calling.server import StandIn
from tests.conformance.encoders import encoder, needs_encoders, small_judge
from tests.expert import Expert


class Named(CheckerConformance):
    name: ClassVar[str]

    def transport(self) -> Transport:
        load_builtins(("orchestrator.roles.all",))
        return Transports(BUILTINS, {}, SystemClock()).get(self.name)


class TestClaimGates(Named):
    name = "builtin"

    @asynccontextmanager
    async def deployment(self) -> AsyncIterator[Deployment]:
        yield deployment("claim-gates/here", via="builtin", target="claim-gates", family=None)


class TestLanguageModel(Named):
    """A model that says `supported` to whatever it is asked: only the gates stand in its way."""

    name = "openai"

    @asynccontextmanager
    async def deployment(self) -> AsyncIterator[Deployment]:
        async with StandIn(Expert("any", credulous=True)) as endpoint:
            yield deployment("m/d", endpoint=endpoint)


@needs_encoders
class TestCrossEncoder(Named):
    """Random weights: what it says means nothing, and the gates hold all the same."""

    name = "encoder"
    spec: ClassVar[dict[str, Any]] = {}
    folder: ClassVar[Path]
    outputs: ClassVar[tuple[str, ...]] = ("contradiction", "entailment", "neutral")

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _judge(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.folder = small_judge(tmp_path_factory.mktemp("judge"), cls.outputs)

    @asynccontextmanager
    async def deployment(self) -> AsyncIterator[Deployment]:
        yield encoder(self.folder, "pairs", **self.spec)


@needs_encoders
class TestScoringCrossEncoder(TestCrossEncoder):
    """With a single output, which counts as support from a score on."""

    spec: ClassVar[dict[str, Any]] = {"threshold": 0.0}
    outputs = ("score",)
