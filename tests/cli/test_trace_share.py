"""`mesh trace diff`, `export` and `import`, at the prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.cli.trace_diff import show_diff
from orchestrator.records import Hop
from orchestrator.tracing.diff import diff_traces
from tests.graph.small import write_project
from tests.tracing.samples import DECISION
from tests.viewer.recorded import attempt, good_hops, record, trace

from .prompt import Prompt, prompt_in
from .samples import WIDTHS, printed, squeezed

GRAPH = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""
A, B = "01m7aaaa", "01m7bbbb"


def hops(id: str) -> list[Hop]:
    found = [
        replace(one, id=f"{id}.{number}", trace_id=id, prompt="Ask bob@example.org.")
        for number, one in enumerate(good_hops())
    ]
    if id == B:
        chosen = replace(DECISION, chosen="gpt-5/direct")
        found[2] = replace(found[2], decision=chosen, attempts=(attempt(),), output="It is two.")
    return found


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    folder = write_project(tmp_path / "project", GRAPH)
    store = Mesh.load(folder, env={}).store
    for id in (A, B):
        record(store, trace(id, answer="It is.", verdict="accepted"), hops(id))
    store.close()
    return prompt_in(folder, monkeypatch, capsys)


# ── diff ─────────────────────────────────────────────────────────────────────────────────


def test_two_that_differ_exit_with_1_and_say_where_first(mesh: Prompt) -> None:
    done = mesh("trace", "diff", A, B)
    assert done.code == 1
    said = squeezed(done.out)
    assert "First difference: draft #2, decision: claude/eu was chosen, then gpt-5/direct" in said
    assert "In all 1 of 5 hops differ." in said
    assert "first draft #2" in said


def test_the_same_exit_with_0(mesh: Prompt) -> None:
    done = mesh("trace", "diff", A, A)
    assert done.code == 0
    assert done.out.startswith("The same: 5 hops")


def test_texts_are_shown_where_they_are_asked_for(mesh: Prompt) -> None:
    assert "{+" not in mesh("trace", "diff", A, B).out
    assert (
        "[-The notice period is 3 months-]{+It is two+}."
        in mesh("trace", "diff", A, B, "--texts").out
    )


def test_diff_for_programs(mesh: Prompt) -> None:
    told = mesh("trace", "diff", A[:6], B[:6], "--json")
    assert told.code == 1
    found = told.json
    assert (found["a"], found["b"], found["same"]) == (A, B, False)
    assert found["first"]["hop"] == "draft #2"
    assert found["first"]["aspect"] == "decision"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_a_diff_keeps_to_the_screen(width: int) -> None:
    found = diff_traces(trace(A), hops(A), trace(B), hops(B)[:-1])
    text = printed(lambda screen: show_diff(screen, found, texts=True), width)
    assert "only the first has it" in squeezed(text)


# ── export ───────────────────────────────────────────────────────────────────────────────


def test_a_page_is_written(mesh: Prompt, tmp_path: Path) -> None:
    file = tmp_path / "x.html"
    done = mesh("trace", "export", A, "-o", str(file))
    assert done.code == 0, done.err
    assert f"{A}, with all texts that are on record" in squeezed(done.out)
    assert file.read_text("utf-8").startswith("<!doctype html>")


def test_json_and_spans_are_told_apart_by_the_name(mesh: Prompt, tmp_path: Path) -> None:
    plain, spans = tmp_path / "x.json", tmp_path / "x.otlp.json"
    assert mesh("trace", "export", A, "-o", str(plain), "--json").json["format"] == "json"
    assert mesh("trace", "export", A, "-o", str(spans), "--json").json["format"] == "otlp"
    assert json.loads(plain.read_text())["format"] == "mesh-trace"
    assert json.loads(spans.read_text())["resourceSpans"]


def test_a_dash_prints_the_json(mesh: Prompt) -> None:
    assert mesh("trace", "export", A, "-o", "-").json["trace"]["id"] == A


def test_redacted_goes_for_every_format(mesh: Prompt, tmp_path: Path) -> None:
    for name in ("x.html", "x.json", "x.otlp.json"):
        file = tmp_path / name
        assert mesh("trace", "export", A, "-o", str(file), "--redact").code == 0
        text = file.read_text("utf-8")
        assert "claude/eu" in text
        for private in ("bob@", "notice period", "3 months"):
            assert private not in text, (name, private)


@pytest.mark.parametrize("name", ["x", "x.pdf", "json"])
def test_another_end_of_the_name_is_refused(mesh: Prompt, tmp_path: Path, name: str) -> None:
    done = mesh("trace", "export", A, "-o", str(tmp_path / name))
    assert done.code == 2
    assert ".html (a page), .json" in done.err
    assert not (tmp_path / name).exists()


def test_where_nothing_can_be_written_it_says_so(mesh: Prompt, tmp_path: Path) -> None:
    done = mesh("trace", "export", A, "-o", str(tmp_path / "no" / "x.json"))
    assert done.code == 2
    assert "cannot be written: No such file or directory" in done.err


# ── import ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(mesh: Prompt, tmp_path: Path) -> Path:
    made = tmp_path / "a.json"
    assert mesh("trace", "export", A, "-o", str(made)).code == 0
    return made


@pytest.fixture
def elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    return prompt_in(write_project(tmp_path / "elsewhere", GRAPH), monkeypatch, capsys)


def test_what_was_exported_here_is_shown_there(file: Path, mesh: Prompt, elsewhere: Prompt) -> None:
    done = elsewhere("trace", "import", str(file))
    assert done.code == 0, done.err
    assert f"{A}: taken in, 5 hops." in squeezed(done.out)
    shown = [run("trace", "show", A, "--json").json for run in (mesh, elsewhere)]
    assert shown[0] == shown[1]


def test_what_is_there_is_left_alone(file: Path, mesh: Prompt) -> None:
    assert "was there already" in squeezed(mesh("trace", "import", str(file)).out)
    content = json.loads(file.read_text("utf-8"))
    content["trace"]["answer"] = "It is not."
    file.write_text(json.dumps(content), "utf-8")
    done = mesh("trace", "import", str(file))
    assert done.code == 2
    assert "--as-new" in done.err
    made = mesh("trace", "import", str(file), "--as-new", "--json").json["traces"][0]
    assert made["outcome"] == "new"
    assert made["trace_id"] != A
    assert mesh("trace", "show", made["trace_id"], "--json").json["answer"] == "It is not."


def test_spans_are_taken_in_from_a_file_with_a_request_a_line(
    mesh: Prompt, elsewhere: Prompt, tmp_path: Path
) -> None:
    spans = tmp_path / "a.otlp.json"
    mesh("trace", "export", A, "-o", str(spans))
    line = json.dumps(json.loads(spans.read_text("utf-8")))
    spans.write_text(f"{line}\n", "utf-8")
    assert elsewhere("trace", "import", str(spans)).code == 0
    why = squeezed(elsewhere("trace", "why", A, "draft").out)
    assert "claude/eu" in why


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"hello", "no JSON, and no trace"),
        (b"{}", 'lacks "format"'),
        (b'{"format": "mesh-trace", "version": 99}', "reads versions up to 1"),
        (b"{}\n{}\n", "neither a trace of mesh nor OTLP/JSON"),
        (b"", "neither a trace of mesh nor OTLP/JSON"),
        (b"[" * 100_000, "no JSON, and no trace"),
    ],
)
def test_what_is_no_trace_is_refused(
    mesh: Prompt, tmp_path: Path, content: bytes, words: str
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(content)
    done = mesh("trace", "import", str(wrong))
    assert done.code == 2, done.err
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_not_there(mesh: Prompt) -> None:
    done = mesh("trace", "import", "nowhere.json")
    assert done.code == 2
    assert "nowhere.json cannot be read" in done.err
