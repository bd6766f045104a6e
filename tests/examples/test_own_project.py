"""The example `examples/own-project`: the graph, its tool, its function and its agent."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator import Answer, Mesh, UserError

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "own-project"
TICKET = ["ticket", "received", "order", "text"]

Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project, so that its data can be changed and its traces lie elsewhere."""
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path / "own", ignore=ignored)


@pytest.fixture
def ask(folder: Path) -> Ask:
    """Asks about one new ticket of the copy."""

    async def triage(text: str, order: str = "7731", received: str = "2026-11-02") -> Answer:
        with (folder / "data" / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([TICKET, ["1", received, order, text]])
        async with Mesh.load(folder, env={}) as mesh:
            return await mesh.run("triage", ticket="1")

    return triage


def test_the_program_prints_one_line_a_ticket(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, folder / "all_tickets.py"],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = (EXAMPLE / "README.md").read_text("utf-8").split("$ python all_tickets.py\n")[1]
    assert done.stdout == shown.split("```")[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A tent pole snapped in the first night.", "damaged"),
        ("The seam is torn and water comes in.", "damaged"),
        ("My order is three weeks late. When will the parcel come?", "not arrived"),
        ("Wrong size, I have not worn it and want to send it back.", "return"),
        ("Can I wash this in the machine?", "question"),
    ],
)
async def test_a_model_reads_what_the_customer_wants(ask: Ask, text: str, kind: str) -> None:
    answer = await ask(text)
    assert f"({kind})" in answer.text
    (hop,) = [hop for hop in answer.hops if hop.attempts]
    assert hop.agent == "triage"
    assert hop.attempts[-1].model == "keyword-classifier"


BROKEN, UNUSED = "A tent pole broke.", "Wrong size, unused, I want to send it back."


@pytest.mark.parametrize(
    ("text", "received", "expected"),
    [
        (BROKEN, "2026-11-02", "replace it or refund 129.90 EUR; 5 days after delivery, of 730."),
        (BROKEN, "2028-10-27", "replace it or refund 129.90 EUR; 730 days after delivery, of 730."),
        (BROKEN, "2028-10-28", "refuse; 731 days after delivery, and the terms allow 730."),
        (UNUSED, "2026-11-27", "refund 129.90 EUR; 30 days after delivery, of 30."),
        (UNUSED, "2026-11-28", "refuse; 31 days after delivery, and the terms allow 30."),
    ],
)
async def test_the_terms_are_applied_to_the_data(
    ask: Ask, text: str, received: str, expected: str
) -> None:
    assert (await ask(text, received=received)).text.endswith(expected)


async def test_an_order_that_is_not_known_is_asked_for(ask: Ask) -> None:
    answer = await ask(BROKEN, order="1")
    assert "ask the customer for the order" in answer.text
    assert answer.hops[0].notes == ("there is no order 1",)


async def test_a_ticket_that_is_not_there_names_those_that_are(folder: Path) -> None:
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(UserError, match="there is no ticket 7; there are 1041, 1042"):
            await mesh.run("triage", ticket="7")


def test_no_hosted_model_may_read_what_customers_write() -> None:
    keys = {"ANTHROPIC_API_KEY": "set", "OPENAI_API_KEY": "set"}
    mesh = Mesh.load(EXAMPLE, env=keys)
    hosting = {deployment.id: deployment.hosting for deployment in mesh.fleet().deployments}
    decision = mesh.decide("My parcel is late.", task="classify")
    assert {hosting[name] for name in decision.chain} == {"self"}
    removed = {c.deployment for c in decision.candidates if "customers-stay-here" in c.rule}
    assert any(name.startswith("claude-") for name in removed)
