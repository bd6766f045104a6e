"""The example `examples/feedback-platform`: what it prints, what it saves, and who pays."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import CallError
from tests.gateway.serving import listening

EXAMPLE = Path(__file__).parents[2] / "examples" / "feedback-platform"
MESSAGES = EXAMPLE / "data" / "messages.csv"


def tagger() -> Any:
    """The example's server, as a module."""
    spec = importlib.util.spec_from_file_location("serve_tagger", EXAMPLE / "serve_tagger.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path / "platform", ignore=ignored)


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    module = tagger()
    async with listening(module.application(module.Tagger())) as url:
        yield url


async def printed(folder: Path, *command: str, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def rows() -> list[dict[str, str]]:
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_a_third_is_not_asked_and_every_tier_pays_its_own(folder: Path) -> None:
    async with served() as url:
        said = await printed(
            folder, sys.executable, "digest.py", "data/messages.csv", TAGGER_URL=url
        )
        async with Mesh.load(folder, env={"TAGGER_URL": url}) as mesh:
            traces = [t for t in mesh.store.traces(500) if t.graph == "tag"]
            attempts = [a for t in traces for h in mesh.store.hops(t.id) for a in h.attempts]
            report = mesh.costs(["user_tier"])
    assert re.search(r"^app: \d+ of 77 messages$", said, re.MULTILINE)
    page = (EXAMPLE / "README.md").read_text("utf-8")
    shown = page.partition("$ python digest.py data/messages.csv\n")[2].partition("\n…")[0]
    assert shown in said
    assert len(traces) == len(rows()) == 77
    cached = [a for a in attempts if a.kind == "cached"]
    assert 0.2 < len(cached) / len(attempts) < 0.6
    assert {"free", "member", "business"} <= {tier for (tier,), _ in report.rows}
    asked = [a for a in attempts if a.kind != "cached"]
    total = sum(a.cost_micro_usd or 0 for a in asked)
    assert total == report.total.known_micro_usd > 0


async def test_dates_are_not_taken_for_each_other(folder: Path) -> None:
    async with served() as url, Mesh.load(folder, env={"TAGGER_URL": url}) as mesh:
        for day in (3, 9):
            text = f"I was charged twice for the crossing on {day} May."
            answer = await mesh.run("tag", message=text)
            assert [a.kind for hop in answer.hops for a in hop.attempts] == ["first"]


async def test_offline_it_costs_nothing(folder: Path) -> None:
    said = await printed(
        folder, sys.executable, "digest.py", "data/messages.csv", TAGGER_URL="http://127.0.0.1:9"
    )
    assert "of 77 messages" in said
    assert not Mesh.load(folder, env={}).check()
    assert Mesh.load(folder).costs(["user_tier"]).total.known_micro_usd == 0


async def test_who_makes_quotes_up_is_refused(folder: Path) -> None:
    (folder / "voices" / "summing.py").write_text(
        (folder / "voices" / "summing.py")
        .read_text("utf-8")
        .replace("json.dumps([messages[at] for at in chosen]", 'json.dumps(["Nobody wrote this."]'),
        "utf-8",
    )
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(CallError, match="none of the messages"):
            await mesh.run("summarise", messages=["It is late.", "It was late."])


def test_its_own_model_finds_most_themes() -> None:
    model = tagger().Tagger()
    right = sum(model.tag(row["text"])[0] == row["theme"] for row in rows())
    assert right > 0.8 * len(rows())
