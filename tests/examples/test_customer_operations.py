"""The example `examples/customer-operations`: its rules, its suite, and what it says over HTTP."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Answer, Mesh, UserError
from orchestrator.gateway.build import build
from tests.fences import fences_of, is_shown
from tests.gateway.serving import listening

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "customer-operations"
README = (EXAMPLE / "README.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project, whose handbook can be changed and whose traces lie elsewhere."""
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path / "desk", ignore=ignored)


async def resolve(folder: Path, message: str, **inputs: Any) -> Answer:
    async with Mesh.load(folder, env={}) as mesh:
        return await mesh.run("resolve", message=message, **inputs)


def shown(begins: str) -> tuple[str, str]:
    """The command of the page that begins so, and what the page shows below it."""
    [fence] = [f for f in fences_of(README, "README.md") if f.body.startswith(f"$ {begins}")]
    lines = fence.body.removeprefix("$ ").splitlines()
    end = 1 + next(n for n, line in enumerate(lines) if line.endswith("'"))
    return "\n".join(lines[:end]), "\n".join(lines[end:])


# ── the suite and the pages ──────────────────────────────────────────────────────────────


async def test_its_suite_passes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # citations name files as seen from the project
    async with Mesh.load(folder, env={}) as mesh:
        found = await mesh.evaluation("resolve", jobs=4).run()
        assert not mesh.check()
    assert len(found.rated) >= 12
    assert [case.name for case in found.rated if case.share != 1] == []


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    async with Mesh.load(folder, env={}) as mesh, listening(build(mesh, keys=None)) as url:
        yield url


async def output(*command: str, cwd: Path, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_the_client_prints_what_the_page_shows(folder: Path) -> None:
    typed, printed = shown("python ask.py")
    message = typed.partition("'")[2].removesuffix("'")
    async with served(folder) as url:
        said = await output(sys.executable, "ask.py", message, cwd=folder, MESH_URL=f"{url}/v1")
    # Two steps go on at once, and either may end first.
    assert sorted(said.splitlines()) == sorted(printed.splitlines())


async def test_curl_prints_what_the_page_shows(folder: Path) -> None:
    typed, printed = shown("curl")
    async with served(folder) as url:
        command = typed.replace("http://127.0.0.1:8700", url)
        said = await output("bash", "-c", command, cwd=folder)
    assert is_shown(printed, said), said


# ── the rules ────────────────────────────────────────────────────────────────────────────


async def test_a_limit_is_what_its_clause_says(folder: Path) -> None:
    message = "I do not need the desk lamp L-1820 after all. I want to return it."
    before = await resolve(folder, message)
    returns = folder / "handbook" / "returns.md"
    returns.write_text(returns.read_text("utf-8").replace("30 days", "90 days"), "utf-8")
    after = await resolve(folder, message)
    assert (before.value.outcome, after.value.outcome) == ("refuse", "refund")
    assert "within 90 days" in after.text


async def test_a_clause_without_its_number_is_told(folder: Path) -> None:
    returns = folder / "handbook" / "returns.md"
    returns.write_text(returns.read_text("utf-8").replace("30 days", "some days"), "utf-8")
    with pytest.raises(UserError, match=r"R1 does not say 'within \{\} days'"):
        await resolve(folder, "L-2041 is unused, I want to return it.")


@pytest.mark.parametrize(
    ("message", "order", "outcome", "refund"),
    [
        ("I want to return it, it is unused.", "L-2041", "refund", "89.50"),
        ("I want to return it, it is unused.", "L-2077", "search", "0"),
        ("It is broken, the switch does not work.", "L-0954", "inform", "0"),
        ("My parcel has not arrived. Where is it?", "L-2041", "escalate", "0"),
        ("I will sue you!", "L-2041", "escalate", "0"),
        ("Blue.", "L-2041", "escalate", "0"),
    ],
)
async def test_the_rules(message: str, order: str, outcome: str, refund: str, folder: Path) -> None:
    answer = await resolve(folder, message, order=order)
    assert (answer.value.outcome, answer.value.refund_eur) == (outcome, refund)


async def test_the_number_may_have_been_said_before(folder: Path) -> None:
    turns = [{"question": "It is about L-2041.", "answer": "What about it?"}]
    answer = await resolve(folder, "I want to return it, unused.", conversation=turns)
    assert answer.value.order == "L-2041"


async def test_a_number_of_the_application_that_is_none(folder: Path) -> None:
    with pytest.raises(UserError, match="'42' is no order number"):
        await resolve(folder, "Where is it?", order="42")


async def test_no_customer_reads_the_rules_of_the_desk(folder: Path) -> None:
    answer = await resolve(folder, "I will sue you! L-2041")
    [citation] = answer.citations
    assert citation.file == "handbook/desk.md"
    assert citation.quote not in answer.text


# ── what holds a draft ───────────────────────────────────────────────────────────────────

BAD = """
import json

from orchestrator import builtin

DRAFTS = {drafts!r}


@builtin("bad-writer")
def bad_writer(request):
    tries.append(1)
    return json.dumps({{"sentences": DRAFTS[min(len(tries), len(DRAFTS)) - 1], "abstain": ""}})


tries = []
"""
QUOTE = "A customer may return an unused article within 30 days of delivery"
GOOD = {"text": f"{QUOTE}.", "citations": [{"passage": "R1", "quote": QUOTE}]}


def sentence(text: str) -> dict[str, Any]:
    return {**GOOD, "text": text}


@pytest.mark.parametrize(
    ("drafts", "verdict", "says"),
    [
        ([[GOOD]], "accepted", True),
        ([[GOOD, sentence("You get 500 EUR more.")], [GOOD]], "revised", True),
        ([[GOOD, sentence("You get 500 EUR more.")]], "revised", True),
        ([[sentence("Unfortunately it is your fault.")]], "revised", False),
        ([[sentence("A customer may return an article within 60 days of delivery.")]],
         "revised", False),
        ([[GOOD, {"text": "We love lamps.", "citations": []}]], "revised", True),
    ],
)  # fmt: skip
async def test_what_breaks_a_rule_goes_back_once_and_never_out(
    drafts: list[Any], verdict: str, says: bool, folder: Path
) -> None:
    (folder / "desk" / "bad.py").write_text(BAD.format(drafts=drafts))
    mesh_yaml, fleet = folder / "mesh.yaml", folder / "fleet.yaml"
    mesh_yaml.write_text(
        mesh_yaml.read_text("utf-8").replace(
            "  - desk/book.py", "  - desk/bad.py\n  - desk/book.py"
        )
    )
    fleet.write_text(
        fleet.read_text("utf-8").replace("function: clause-writer", "function: bad-writer")
    )
    answer = await resolve(folder, "L-2041 is unused and the wrong colour, I want to return it.")
    assert answer.verdict == verdict
    assert (QUOTE in answer.text) is says
    for wrong in ("500", "nfortunately", "60 days", "love"):
        assert wrong not in answer.text
    assert "refund 89.50 EUR" in answer.text
