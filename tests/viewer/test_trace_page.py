"""One trace: the sentence above, the waterfall, its windows, the news of a run that goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.types import Outcome
from orchestrator.viewer import timeline

from .recorded import AT, BAD, GOOD, attempt, hop, looking, record, trace, write

RUNNING, LARGE, KINDS = "01m7running", "01m7large", "01m7kinds"
HOPS = 1300


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    mesh = Mesh.load(folder, env={})
    plain = {"attempts": (attempt(),), "parent_id": None, "output": "x", "prompt": "SECRET"}
    many = [
        hop(LARGE, f"h{n}", node=f"{'read' if n % 2 else 'write'}/{n}", round=n // 1000, **plain)
        for n in range(HOPS)
    ]
    failed = attempt(outcome=Outcome.STALLED, deployment="odd/one")
    many[7] = replace(many[7], status="failed", attempts=(failed,))
    record(mesh.store, trace(LARGE, ms=HOPS * 1000.0), many)
    kinds = [
        hop(KINDS, "h1", node="a", attempts=(attempt(kind="cached"),)),
        hop(KINDS, "h2", node="b", resumed=True, attempts=(attempt(),)),
        hop(
            KINDS,
            "h3",
            node="c",
            attempts=(
                attempt(outcome=Outcome.RATE_LIMITED),
                attempt(kind="retry", outcome=Outcome.MALFORMED),
                attempt(kind="repair"),
            ),
        ),
        hop(KINDS, "h4", node="d", status="skipped", attempts=()),
    ]
    record(mesh.store, trace(KINDS), kinds)
    mesh.store.close()
    return folder


@pytest.fixture(scope="module")
def pages(project: Path) -> Iterator[TestClient]:
    with looking(project) as client:
        yield client


def rows(text: str) -> list[str]:
    return [words.split()[0] for words in re.findall(r'<tr class="([^"]+)"', text)]


def row(text: str, key: str) -> str:
    return text.split(f'data-at="{key}"')[1].split("</tr>")[0]


def test_what_happened_and_who_is_to_blame_stand_above_everything(pages: TestClient) -> None:
    text = pages.get(f"/t/{BAD}").text
    sentence = text.split('<p class="why ')[1].split("</p>")[0]
    assert "nobody answered" in sentence
    assert f'href="/t/{BAD}/h/h1" data-fault' in text
    assert "likely fault" in row(text, "h1")
    assert text.index('class="why ') < text.index('id="waterfall"')


def test_attempts_stand_inside_of_their_hop(pages: TestClient) -> None:
    text = pages.get(f"/t/{GOOD}").text
    assert rows(text) == ["hop", "hop", "hop", "attempt", "attempt", "hop", "hop"]
    draft = row(text, "h3")
    assert "smollm2/local" in draft
    assert "timeout silent" in text
    assert "8.0 s, unknown" in draft  # the cost of who never answered
    assert 'class="b-failed"' in draft


@pytest.mark.parametrize(
    ("key", "words", "bar"),
    [
        ("h1", "cached", "b-cached"),
        ("h2", "resumed", "b-resumed"),
        ("h3", "retry", "b-again"),
        ("h4", "skipped", "b-stopped"),
    ],
)
def test_what_is_no_plain_answer_is_told_in_a_word_and_in_its_bar(
    pages: TestClient, key: str, words: str, bar: str
) -> None:
    text = pages.get(f"/t/{KINDS}").text
    assert f"</span>{words}" in row(text, key)
    assert bar in row(text, key)
    assert f'class="{bar}"' in text.split('class="legend"')[1].split("</ul>")[0]


def test_a_long_trace_is_folded_and_opened_in_windows(pages: TestClient) -> None:
    text = pages.get(f"/t/{LARGE}").text
    assert rows(text) == ["group"] * 4
    assert "1,300 hops, folded by node and round" in text
    assert "SECRET" not in text
    assert len(text) < 40_000
    link = re.search(r'data-fetch="([^"]+node=read&amp;round=0)"', text)
    assert link
    part = pages.get(link[1].replace("&amp;", "&")).text
    assert rows(part).count("hop") == 500
    assert '<tr class="hop inside"' in part
    assert "1 failed" in text
    page = pages.get(f"/t/{LARGE}?node=write&round=0&start=480").text
    assert len(rows(page)) == 20
    assert "of 1,300" in page


def test_hops_are_found_by_outcome_model_and_node(pages: TestClient) -> None:
    for word, count in (("stalled", 1), ("odd/one", 1), ("read/7", 56)):  # 7, 71…79, 701…
        text = pages.get(f"/t/{LARGE}", params={"find": word}).text
        assert "read/</span>7<" in text
        assert rows(text).count("hop") == count
    assert "No hop matches" in pages.get(f"/t/{LARGE}?find=nowhere").text


@pytest.mark.parametrize("query", ["start=-1", "start=x", "round=1.5", "colour=red"])
def test_what_a_page_does_not_know_is_told(pages: TestClient, query: str) -> None:
    answer = pages.get(f"/t/{GOOD}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


def test_a_run_that_goes_on_is_followed_to_its_end(tmp_path: Path) -> None:
    mesh = Mesh.load(tmp_path, env={})
    begun = trace(RUNNING, started_at=AT)
    record(mesh.store, replace(begun, status="running"), [hop(RUNNING, "h1", node="first")])
    with looking(tmp_path) as client:
        text = client.get(f"/t/{RUNNING}").text
        live = re.search(r'data-live="([^"]+)" data-tag="([^"]+)"', text)
        assert live
        tag = live[2].replace("&quot;", '"')
        assert client.get(live[1], headers={"If-None-Match": tag}).status_code == 304
        mesh.store.hop(hop(RUNNING, "h2", node="second"))
        mesh.store.flush()
        news = client.get(live[1], headers={"If-None-Match": tag})
        assert "second" in news.text
        assert "x-mesh-ended" not in news.headers
        mesh.store.finish(begun)
        mesh.store.flush()
        end = client.get(live[1], headers={"If-None-Match": news.headers["etag"]})
        assert end.headers["x-mesh-ended"] == "1"
        assert "data-live" not in client.get(f"/t/{RUNNING}").text.split("waterfall")[1]
    mesh.store.close()


def test_bars_lie_on_the_scale_and_the_shortest_is_seen(project: Path) -> None:
    mesh = Mesh.load(project, env={})
    brief = mesh.store.brief(GOOD)
    found = timeline.waterfall(mesh.store.trace(GOOD), brief)
    mesh.store.close()
    bars = [bar for line in found.lines for bar in line.bars]
    assert bars
    assert all(bar.x >= 0 and bar.width > 0 and bar.x + bar.width <= 100.001 for bar in bars)
    assert found.scale.ticks[0] == "0"
    assert found.scale.ticks[4] == "13.2 s"  # from the first hop's begin to the last one's end


def test_parents_in_a_circle_are_all_shown(tmp_path: Path) -> None:
    mesh = Mesh.load(tmp_path, env={})
    loop = [
        hop(RUNNING, "h1", parent_id=f"{RUNNING}.h2"),
        hop(RUNNING, "h2", parent_id=f"{RUNNING}.h1"),
        hop(RUNNING, "h3", parent_id=f"{RUNNING}.h3"),
    ]
    record(mesh.store, trace(RUNNING), loop)
    with looking(tmp_path) as client:
        text = client.get(f"/t/{RUNNING}").text
    assert rows(text).count("hop") == 3
    mesh.store.close()
