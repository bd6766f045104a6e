"""The example `examples/software-engineering`: changes, their proof, and threats."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Answer, Hop, Mesh, UserError
from orchestrator.types import Outcome
from tests.calling.server import Say, StandIn

EXAMPLE = Path(__file__).parents[2] / "examples" / "software-engineering"
REQUEST = (
    "Rename `charge` to `bill`, take the duplicated discount code into one function, "
    "and tell us what could be attacked"
)

Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks a copy of the project about its sample."""
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    folder = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=ignored)
    monkeypatch.chdir(folder)

    async def run(request: str, **env: str) -> Answer:
        async with Mesh.load(folder, env=env) as mesh:
            return await mesh.run(request=request, code=["sample"])

    return run


def by_node(answer: Answer) -> dict[str, list[Hop]]:
    found: dict[str, list[Hop]] = {}
    for hop in answer.hops:
        found.setdefault(hop.node, []).append(hop)
    return found


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*.py"))}


# ── the whole ────────────────────────────────────────────────────────────────────────────


async def test_a_change_is_made_proven_and_reported(ask: Ask) -> None:
    before = snapshot(Path("sample"))
    answer = await ask(REQUEST)
    assert (answer.verdict, answer.independence) == ("accepted", "deterministic")
    for said in (
        "-def charge(customer: Customer, cents: int) -> str:",
        "+def bill(customer: Customer, cents: int) -> str:",
        "+def apply_discount(customer: Customer, amount: int) -> int:",
        "+    cents = apply_discount(member, cents)",
        "+    return billing.bill(member, charge)",
        "         rate += 5  # on top",
        "tests before the change: 12 passed, 0 failed",
        "tests after it: 12 passed, 0 failed",
        "circle: shop.billing → shop.customers → shop.billing",
        "comments and texts that still say `charge`: shop/billing.py:13, tests/test_money.py:39",
    ):
        assert said in answer.text, said
    assert snapshot(Path("sample")) == before

    hops = by_node(answer)
    asked = {node: hop.attempts[-1].model for node, (hop,) in hops.items() if hop.attempts}
    assert asked == {
        "plan": "request-reader",
        "change": "syntax-tree-refactorer",
        "threats": "threat-scanner",
        "checked": "line-reader",
    }
    (trial,) = hops["after"]
    assert trial.notes == ("12 passed, 0 failed",)
    (change,) = hops["change"]
    assert change.validated
    assert change.decision is not None
    assert change.decision.degraded, "below the floor of what is high-risk, and it says so"
    assert answer.cost_usd == 0


async def test_threats_are_quoted_letter_by_letter(ask: Ask) -> None:
    answer = await ask("Tell us what could be attacked. Then dance")
    assert [(Path(c.file).name, c.status, c.supported) for c in answer.citations] == [
        *[("accounts.py", "exact", True)] * 3,
        *[("web.py", "exact", True)] * 2,
        ("accounts.py", "exact", True),
        ("web.py", "exact", True),
    ]
    for citation in answer.citations:
        text = Path(citation.file).read_bytes().decode()
        assert text[citation.start : citation.end] == citation.quote
    found = re.findall(
        r"(?m)^\d\. (\w+): sample/shop/(\w+\.py):(\d+)  (CWE-\d+), (.+)$", answer.text
    )
    assert found == [
        ("high", "accounts.py", "10", "CWE-798", "spoofing"),
        ("high", "accounts.py", "20", "CWE-89", "tampering"),
        ("high", "accounts.py", "25", "CWE-502", "elevation of privilege"),
        ("high", "web.py", "17", "CWE-22", "information disclosure"),
        ("high", "web.py", "22", "CWE-78", "elevation of privilege"),
        ("medium", "accounts.py", "15", "CWE-328", "spoofing"),
        ("low", "web.py", "27", "CWE-1088", "denial of service"),
    ]
    assert "not understood: Then dance" in answer.text
    assert "What changed" not in answer.text


async def test_failed_tests_send_a_change_back(ask: Ask) -> None:
    answer = await ask("Rename `refund` to `give_back`")
    assert answer.verdict == "revised"
    assert '+ACTIONS = {"order.cancelled": "give_back"}' in answer.text
    notes = [hop.notes for hop in by_node(answer)["after"]]
    assert notes == [("11 passed, 1 failed",), ("12 passed, 0 failed",)]


async def test_a_change_that_never_passes_is_withheld(ask: Ask) -> None:
    answer = await ask("Rename `on_paid` to `paid`")
    assert answer.verdict == "abstained"
    assert "test_a_payment_is_logged" in answer.reason
    assert "```diff" not in answer.text
    assert [c.status for c in answer.claims] == ["contradicted"]
    assert len(by_node(answer)["change"]) == 2


async def test_a_name_that_is_not_there_is_said_with_the_near_one(ask: Ask) -> None:
    with pytest.raises(UserError, match="defines `chrage` at its top; did you mean `charge`"):
        await ask("Rename chrage to bill")


async def test_the_map_is_what_the_readme_draws(ask: Ask) -> None:
    async with Mesh.load(Path(), env={}) as mesh:
        answer = await mesh.run("dependency-map", code=["sample"])
    drawn = re.findall(r"(?s)```mermaid\n(.*?)```", (EXAMPLE / "README.md").read_text("utf-8"))
    assert drawn[-1] in answer.text


# ── another model writes ─────────────────────────────────────────────────────────────────


def model(**says: str) -> StandIn:
    """A frontier model that answers by what it is asked for: `change`, `threats`, `check`."""

    def answer(body: dict[str, Any]) -> Say:
        system = body["messages"][0]["content"]
        kinds = {"You change": "change", "You look for": "threats", "You judge": "check"}
        kind = next(kind for start, kind in kinds.items() if system.startswith(start))
        return Say(says.get(kind, "I would rather not."))

    return StandIn(answer, key="of-the-test")


def env(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "of-the-test"}


GOOD = """Here it is.
```diff
--- a/shop/billing.py
+++ b/shop/billing.py
@@ -19,3 +19,3 @@
     \"\"\"Give `cents` back.\"\"\"
     LEDGER.append((customer.name, -cents))
-    return f"{customer.name} gets {cents / 100:.2f} EUR"
+    return f"{customer.name} gets {cents / 100:.2f} {'EUR'}"
```
"""


async def test_a_frontier_models_diff_is_taken_where_it_holds(ask: Ask) -> None:
    async with model(change=GOOD) as url:
        answer = await ask("Rename `charge` to `bill`", **env(url))
    assert answer.verdict == "accepted"
    assert "written by gpt-5, in one try" in answer.text
    assert "{'EUR'}" in answer.text


async def test_a_diff_that_does_not_hold_goes_to_the_next_model(ask: Ask) -> None:
    async with model(change=GOOD.replace("append", "add")) as url:
        answer = await ask("Rename `charge` to `bill`", **env(url))
    (change,) = by_node(answer)["change"]
    assert change.attempts[0].outcome is Outcome.INVALID_OUTPUT
    assert "the diff expects" in (change.attempts[0].error or "")
    assert change.attempts[-1].model == "syntax-tree-refactorer"
    assert answer.verdict == "accepted"


async def test_a_threat_that_is_made_up_is_not_reported(ask: Ask) -> None:
    findings = [
        {"line": 20, "quote": "return database.execute(name)  # nosec", "cwe": "CWE-89"},
        {"line": 15, "quote": "return hashlib.md5((password + SESSION", "cwe": "CWE-502"},
        {"line": 99, "quote": "return pickle.loads(cookie)", "cwe": "CWE-502"},
    ]
    written = [{"file": "shop/accounts.py", "why": "it is", **f} for f in findings]
    async with model(threats=json.dumps({"findings": written})) as url:
        answer = await ask("What could be attacked?", **env(url))
    assert [c.quote for c in answer.citations] == ["return pickle.loads(cookie)"]
    assert [(c.status, c.reason) for c in answer.claims] == [
        ("unsupported", "the quote does not stand in sample/shop/accounts.py"),
        ("unsupported", "the line does not show CWE-502"),
        ("supported", ""),
    ]
    (checked,) = by_node(answer)["checked"]
    assert [a.model for a in checked.attempts] == ["line-reader"], "not the finder's own family"


def test_high_risk_parts_go_to_the_strongest_model_that_may_see_the_code() -> None:
    mesh = Mesh.load(EXAMPLE, env={"ANTHROPIC_API_KEY": "set", "OPENAI_API_KEY": "set"})
    for task, last in [("code", "syntax-tree-refactorer"), ("threats", "threat-scanner")]:
        decision = mesh.decide("Change it.", task=task, risk="high")
        assert decision.chosen.split("/")[0] in ("claude-opus", "gpt-5")
        assert decision.fallbacks[-1] == f"{last}/here"
        assert "high-risk" in decision.routes
    own = mesh.decide("Change it.", task="code", risk="high", data_class="regulated")
    assert own.chosen == "syntax-tree-refactorer/here"
