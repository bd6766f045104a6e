"""The example `examples/langgraph-agent`: with a model that calls tools, and with none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.calling.server import Call, Say, Step
from tests.chat.served import standing_in

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "langgraph-agent"


def ran(folder: Path, **env: str) -> list[str]:
    """The lines that the program prints in an empty folder."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE / "agent.py"],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def shop(body: dict[str, Any]) -> Step:
    """A model that looks both prices up at once, multiplies, adds, and answers."""
    told = [float(m["content"]) for m in body["messages"] if m["role"] == "tool"]
    offered = {tool["function"]["name"] for tool in body["tools"]}
    assert offered == {"look_up", "calculate"}

    def calculate(left: float, operation: str, right: float, name: str) -> Call:
        given = {"left": left, "operation": operation, "right": right}
        return Call("calculate", json.dumps(given), name)

    match told:
        case []:
            articles = (("tents", "a"), ("lamp", "b"))
            calls = [Call("look_up", json.dumps({"article": what}), id) for what, id in articles]
        case [tent, lamp]:
            calls = [calculate(tent, "*", 3, "c"), calculate(lamp, "*", 2, "d")]
        case [_, _, tents, lamps]:
            calls = [calculate(tents, "+", lamps, "e")]
        case _:
            return Say(f"Together they cost {told[-1]:.2f} EUR.")
    return Say("", calls=tuple(calls))


def test_it_calls_its_tools_and_shows_who_was_chosen_and_what_it_cost(tmp_path: Path) -> None:
    with standing_in(shop) as (url, server):
        lines = ran(tmp_path, OPENAI_API_KEY="none", OPENAI_BASE_URL=url)
    assert len(server.seen) == 4
    assert len([line for line in lines if line.startswith("gpt-5") and "was chosen" in line]) == 4
    assert "  look_up: 249.00" in lines
    assert "  calculate: 747.00" in lines
    assert "Together they cost 826.00 EUR." in lines
    assert lines[-1].endswith("USD in all")
    assert float(lines[-1].split()[0]) > 0


def test_without_any_model_it_says_so(tmp_path: Path) -> None:
    lines = ran(tmp_path)
    assert lines[0] == "No model that is available here can call tools: it answers without."
    assert lines[-1] == "0.000000 USD in all"


def test_one_line_of_it_names_the_mesh() -> None:
    text = (EXAMPLE / "agent.py").read_text("utf-8")
    code = [line for line in text.splitlines() if "Mesh" in line or "orchestrator" in line]
    assert code == [
        "from orchestrator import Mesh",
        '    model = Mesh.load().chat_model(task="chat")',
    ]
