"""A trace as one file that asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.records import Hop
from orchestrator.tracing.documents import Document, collected, redacted
from orchestrator.viewer.page_export import WHOLE, page_of

from .recorded import EVIL, GOOD, HOSTILE, QUOTE, attempt, hop, trace, write

SECTION = re.compile(r'<section class="page" id="([^"]+)"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    write(made)
    return made


@pytest.fixture
def documents(folder: Path) -> Iterator[dict[str, Document]]:
    store = Mesh.load(folder, env={}).store
    yield {
        name: collected(store.trace(name), store.hops(name), store.snapshot)
        for name in (GOOD, HOSTILE)
    }
    store.close()


def many(count: int) -> Document:
    hops: list[Hop] = [
        hop("big", f"h{n}", node=f"work/{n}", attempts=(attempt(),), parent_id=None, round=0)
        for n in range(count)
    ]
    hops[count - 20] = replace(hops[count - 20], status="failed", error="broken", output=None)
    return Document(trace=trace("big"), hops=tuple(hops))


def test_every_hop_has_its_page_with_the_cited_span_in_its_source(
    folder: Path, documents: dict[str, Document]
) -> None:
    text = page_of(documents[GOOD], folder, folder / ".mesh")
    assert SECTION.findall(text) == ["top", "h1", "h2", "h3", "h4", "h5"]
    cite = text[text.index('id="h5"') :]
    assert f"<mark>{QUOTE}</mark>" in cite
    assert "It is given in writing." in cite, "what stands around the span is in the file"


def test_it_allows_its_own_style_and_script_and_no_address(documents: dict[str, Document]) -> None:
    text = page_of(documents[GOOD])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    assert allowed.startswith("default-src 'none'; ")
    assert "http" not in allowed
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert not re.search(r'(?:src|href|action|data-fetch|data-live)="(?!#|data:)', text)
    assert "export:" not in text


def test_every_link_leads_to_a_place_that_is_there(documents: dict[str, Document]) -> None:
    text = page_of(documents[GOOD])
    places = re.findall(r' id="([^"]+)"', text)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(places)


def test_what_a_trace_holds_is_text(folder: Path, documents: dict[str, Document]) -> None:
    text = page_of(documents[HOSTILE], folder, folder / ".mesh")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert EVIL not in text


def test_a_redacted_trace_makes_a_file_without_its_texts(documents: dict[str, Document]) -> None:
    text = page_of(redacted(documents[GOOD]))
    for private in ("notice period", "three months", "Find the lease"):
        assert private not in text
    assert "claude/eu" in text
    assert "without its texts" in text


def test_of_a_long_trace_every_hop_has_a_line_and_those_that_matter_a_page() -> None:
    count, told = 1200, []
    text = page_of(many(count), progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (WHOLE, WHOLE)
    assert len(SECTION.findall(text)) == WHOLE + 1
    lines = "".join(
        json.loads(data)
        for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    )
    for number in (0, 700, count - 1):
        assert re.search(rf"work/</span>{number}\b", lines), number
    assert lines.count("<tr class=") >= count
    failed = next(
        n for n, part in enumerate(text.split('<section class="page"')) if "broken" in part
    )
    assert failed, "the failed hop has no page"
    assert len(text) < 12_000_000


def test_a_line_of_a_long_trace_cannot_end_the_script_that_holds_it() -> None:
    document = many(600)
    evil = replace(document.hops[5], node="work/</script><script>alert(1)")
    text = page_of(replace(document, hops=(*document.hops[:5], evil, *document.hops[6:])))
    assert "</script><script>alert(1)" not in text
    assert text.count("</script>") == 2  # the lines' and the script's own
    (data,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    assert "<" not in data


def test_texts_that_would_make_too_large_a_file_are_cut_alike() -> None:
    large = replace(many(600), hops=tuple(replace(h, prompt="x" * 60_000) for h in many(600).hops))
    text = page_of(large)
    assert len(text) < 40_000_000
    assert "more characters are left out here" in text
