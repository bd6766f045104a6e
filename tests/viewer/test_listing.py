"""The list: filters that a link shares, pages, news."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.viewer import listing
from orchestrator.viewer.door import Door, SignInError, Visitor

from .recorded import AT, BAD, GOOD, HOSTILE, looking, record, trace, write


class Of(Door):
    """Everybody is of that workspace; without one nobody gets in."""

    asks = True

    def __init__(self, workspace: str | None) -> None:
        self.workspace = workspace

    def visitor(self, request: Request) -> Visitor:
        if self.workspace is None:
            raise SignInError("nobody")
        return Visitor(name="key_1", workspace=self.workspace)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def pages(project: Path) -> Iterator[TestClient]:
    with looking(project) as client:
        yield client


def ids(text: str) -> list[str]:
    return re.findall(r'<tr data-at="([^"]+)"', text)


def test_the_newest_come_first_with_what_became_of_them(pages: TestClient) -> None:
    answer = pages.get("/")
    assert answer.status_code == 200
    assert ids(answer.text) == [GOOD, BAD, HOSTILE]
    row = answer.text.split(f'<tr data-at="{GOOD}"')[1].split("</tr>")[0]
    for words in ("accepted", "claude", "$0.0042", "9.3 s", "lease"):
        assert words in row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=signed", [BAD]),
        ("model=smollm2", [GOOD]),
        ("outcome=timeout_silent&status=failed", [BAD]),
        ("verdict=accepted&tag=hr", [GOOD]),
        ("cost_from=100", []),
        ("since=2026-11-01", []),
        ("q=&model=&status=failed", [BAD]),
    ],
)
def test_filters_stand_in_the_address(pages: TestClient, query: str, found: list[str]) -> None:
    answer = pages.get(f"/?{query}")
    assert answer.status_code == 200
    assert ids(answer.text) == found
    assert ("No trace matches" in answer.text) is (not found)


def test_a_filter_that_is_wrong_is_told_and_finds_nothing(pages: TestClient) -> None:
    answer = pages.get("/?verdict=acepted&colour=red&after=nowhere")
    assert answer.status_code == 400
    assert ids(answer.text) == []
    assert "did you mean &#39;accepted&#39;?" in answer.text
    assert "there is no such filter" in answer.text
    assert "no place in the list" in answer.text
    assert pages.get("/rows?verdict=acepted").status_code == 400


def test_a_name_that_nobody_knows_is_answered_with_the_near_one(pages: TestClient) -> None:
    text = pages.get("/?model=smolm2-135m&verdict=accepted").text
    assert 'href="/?model=smollm2-135m&amp;verdict=accepted"' in text


def test_a_page_goes_on_where_the_last_one_ended(
    pages: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    first = pages.get("/").text
    assert ids(first) == [GOOD, BAD]
    link = re.search(r'href="([^"]+)" data-next', first)
    assert link
    second = pages.get(link[1].replace("&amp;", "&")).text
    assert ids(second) == [HOSTILE]
    assert "data-live" not in second.split("<tbody")[1].split(">")[0]


def test_who_watches_is_told_only_what_is_new(tmp_path: Path) -> None:
    write(tmp_path)
    with looking(tmp_path) as client:
        shown = re.search(r'data-live="([^"]+)" data-tag="([^"]+)"', client.get("/").text)
        assert shown
        tag = shown[2].replace("&quot;", '"')
        assert client.get(shown[1], headers={"If-None-Match": tag}).status_code == 304
        mesh = Mesh.load(tmp_path, env={})
        record(mesh.store, trace("01m7new", started_at=AT + 9), [])
        mesh.store.close()
        news = client.get(shown[1], headers={"If-None-Match": tag})
        assert news.status_code == 200
        assert ids(news.text)[0] == "01m7new"
        tag = news.headers["ETag"]
        assert client.get(shown[1], headers={"If-None-Match": tag}).status_code == 304


def test_nothing_on_record_says_how_to_begin(tmp_path: Path) -> None:
    with looking(tmp_path) as client:
        answer = client.get("/")
    assert "Nothing has been recorded yet" in answer.text
    assert "mesh ask" in answer.text
    assert not (tmp_path / ".mesh" / "traces.sqlite").exists()


def test_a_workspace_sees_its_own_traces_alone(project: Path) -> None:
    with looking(project, Of("legal")) as client:
        assert ids(client.get("/").text) == [BAD]
        assert ids(client.get("/?q=lease").text) == []
        assert client.get(f"/t/{BAD}").status_code == 200
        for path in (f"/t/{GOOD}", f"/t/{GOOD}/rows", f"/t/{GOOD}/graph", f"/t/{GOOD}/h/h1"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "notice period" not in answer.text
        assert "01m7good" not in client.get("/t/01m7g").text.replace("/t/01m7g", "")
    with looking(project, Of("sales")) as client:
        assert ids(client.get("/").text) == []


def test_who_is_not_signed_in_is_asked_to_and_comes_back(project: Path) -> None:
    with looking(project, Of(None)) as client:
        answer = client.get("/?q=lease", headers={"Accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2F%3Fq%3Dlease"
        assert client.get("/rows").status_code == 401
        page = client.get(answer.headers["location"]).text
        assert 'name="next" value="/?q=lease"' in page
        for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "evil"):
            text = client.get("/sign-in", params={"next": elsewhere}).text
            assert "evil" not in text
        assert client.get("/static/viewer.css").status_code == 200
