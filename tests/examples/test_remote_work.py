"""The example `examples/remote-work`: its program, its questions, its contradiction."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator import Answer, Mesh
from orchestrator.evidence.sources.documents import load_document

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "remote-work"
SOURCES = EXAMPLE / "sources"
CONFLICT = EXAMPLE / "conflict"
README = (EXAMPLE / "README.md").read_text("utf-8")

Ask = Callable[..., Answer]


def program(name: str) -> ModuleType:
    """A program of the example as a module; its folder is no package."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks the default project, offline, over the example's documents."""
    root = tmp_path_factory.mktemp("project")

    def run(question: str, *sources: Path) -> Answer:
        folders = [str(source) for source in sources or (SOURCES,)]
        mesh = Mesh.load(root, env={})
        return mesh.run_sync("cross-validated", question=question, sources=folders)

    return run


@pytest.fixture(scope="module")
def mission(ask: Ask) -> Answer:
    return ask(program("run").QUESTION)


def text_of(file: str) -> str:
    """What a citation's characters count in: the file as it is, or what a PDF says."""
    path = Path(file)
    if path.suffix == ".pdf":
        return load_document(path).text
    return path.read_bytes().decode("utf-8")


# ── the request of `make demo` ───────────────────────────────────────────────────────────


def test_the_request_is_planned_as_three_parts_in_their_order(mission: Answer) -> None:
    assert mission.plan is not None
    by_task = {subtask.task: subtask for subtask in mission.plan.subtasks}
    assert len(mission.plan.subtasks) >= 3
    assert {"draft", "math", "summarize"} <= set(by_task)
    assert by_task["draft"].id in by_task["summarize"].needs
    assert by_task["summarize"].id not in by_task["draft"].needs


def test_the_parts_go_to_different_specialists(mission: Answer) -> None:
    specialists = {hop.agent for hop in mission.hops if hop.node.startswith("work/")}
    assert len(specialists) >= 2


def test_the_yearly_cost_is_exact(mission: Answer) -> None:
    assert "57,600" in mission.text


def test_the_answer_is_released_with_a_verdict(mission: Answer) -> None:
    assert mission.verdict in ("accepted", "revised")
    assert mission.claims
    assert mission.cost_usd == 0
    assert mission.trace_id


def test_every_citation_is_the_text_of_its_file(mission: Answer) -> None:
    assert mission.citations
    for citation in mission.citations:
        assert text_of(citation.file)[citation.start : citation.end] == citation.quote


def test_every_hop_says_what_was_chosen_and_what_lost(mission: Answer) -> None:
    decided = [hop for hop in mission.hops if hop.decision is not None]
    assert len(decided) >= 5
    for hop in decided:
        assert hop.decision is not None
        assert hop.decision.chosen
        assert all(c.reason for c in hop.decision.candidates)


def test_the_program_prints_answer_verdict_citations_and_cost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE / "run.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "57,600" in done.stdout
    assert re.search(r"^verdict: (accepted|revised)$", done.stdout, re.MULTILINE)
    assert re.search(r"^  [\w.-]+:\d+-\d+  “.+", done.stdout, re.MULTILINE)
    assert re.search(r"^cost: 0\.000000 USD, trace: \S+$", done.stdout, re.MULTILINE)


# ── the questions of its README ──────────────────────────────────────────────────────────


def answerable() -> list[tuple[str, str]]:
    rows = re.findall(r"(?m)^\| \d+ \| ([^|]+) \| ([^|]+) \|", README)
    return [(question.strip(), expected.strip()) for question, expected in rows]


def unanswerable() -> list[str]:
    section = README.split("## Three questions")[1].split("\n## ")[0]
    return re.findall(r"(?m)^- (.+)$", section)


def test_the_readme_lists_ten_questions_and_three_without_answer() -> None:
    assert len(answerable()) == 10
    assert len(unanswerable()) == 3


def figures(text: str) -> set[str]:
    """Numbers, times and number words, as they decide whether an answer is right."""
    words = {"two", "three", "four", "five", "six"}
    return {
        token
        for token in re.findall(r"\d+(?::\d\d)?|[a-z]+", text.lower())
        if token[0].isdigit() or token in words
    }


@pytest.mark.parametrize(("question", "expected"), answerable())
def test_a_question_is_answered_from_the_documents(ask: Ask, question: str, expected: str) -> None:
    answer = ask(question)
    assert answer.verdict in ("accepted", "revised"), answer.reason
    wanted = figures(expected)
    if wanted:
        assert wanted <= figures(answer.text)
    else:
        assert "salary" in answer.text
    assert answer.citations
    for citation in answer.citations:
        assert text_of(citation.file)[citation.start : citation.end] == citation.quote


@pytest.mark.parametrize("question", unanswerable())
def test_a_question_without_answer_ends_as_abstained(ask: Ask, question: str) -> None:
    assert ask(question).verdict == "abstained"


def test_the_documents_are_silent_on_those_questions() -> None:
    silent = re.compile(r"parental|maternity|paternity|\bpets?\b|\bdogs?\b|company car", re.I)
    for path in [*SOURCES.iterdir(), *CONFLICT.iterdir()]:
        assert not silent.search(text_of(str(path))), path.name


# ── the contradiction ────────────────────────────────────────────────────────────────────


def test_a_source_that_contradicts_the_draft_is_caught(ask: Ask) -> None:
    answer = ask("What is the monthly allowance for remote work?", SOURCES, CONFLICT)
    assert answer.verdict != "accepted"
    assert "contradicted" in {claim.status for claim in answer.claims}


# ── the documents ────────────────────────────────────────────────────────────────────────


def test_the_pdf_is_what_its_program_makes(tmp_path: Path) -> None:
    made = tmp_path / "made.pdf"
    program("make_pdf").main(made)
    committed = load_document(SOURCES / "works-council-agreement.pdf")
    assert load_document(made).text == committed.text


@pytest.mark.parametrize("path", sorted(SOURCES.iterdir()), ids=lambda path: path.name)
def test_every_document_has_a_few_hundred_words(path: Path) -> None:
    assert 300 <= len(load_document(path).text.split()) <= 900
