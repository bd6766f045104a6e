"""The pages of what waits for a person: who may decide does so there, and nobody else can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from orchestrator.viewer.door import Door, Visitor
from tests.calling.server import StandIn
from tests.graph.acting import Told, done, plan, resumed, spending, waiting, write_project

from .markup import problems_of
from .recorded import EVIL, looking


@pytest.fixture
async def stopped(tmp_path: Path) -> str:
    """A project in `tmp_path` with one call that waits."""
    async with StandIn(Told()) as url:
        found = await waiting(write_project(tmp_path, url), question=plan(spending(7), EVIL))
    return found.approval


@pytest.fixture
def pages(tmp_path: Path, stopped: str) -> Iterator[TestClient]:
    assert stopped
    with looking(tmp_path) as client:
        yield client


class Reader(Door):
    """Whoever comes may look, and no more."""

    def __init__(self, workspace: str | None = None) -> None:
        self.workspace = workspace

    def visitor(self, request: Request) -> Visitor:
        assert request
        return Visitor(name="key_r", workspace=self.workspace)


def form(client: TestClient, id: str) -> dict[str, str]:
    found = re.search(r'name="mark" value="([0-9a-f]+)"', client.get(f"/approvals/{id}").text)
    assert found
    return {"mark": found[1]}


def test_the_pages_are_well_formed_and_hold_texts_as_texts(pages: TestClient, stopped: str) -> None:
    listed, one = pages.get("/approvals").text, pages.get(f"/approvals/{stopped}").text
    assert problems_of(listed) == []
    assert problems_of(one) == []
    assert "spend" in listed
    assert "amount" not in listed, "arguments are no matter for a list"
    assert "&#34;amount&#34;: 7" in one
    assert "Spend money, for good." in one
    assert "<script>alert" not in one
    assert pages.get("/approvals/ffff").status_code == 404


def test_it_is_approved_there_once(pages: TestClient, stopped: str) -> None:
    said = {**form(pages, stopped), "answer": "approve", "because": "it is due"}
    done_ = pages.post(f"/approvals/{stopped}", data=said)
    assert (done_.status_code, done_.headers["location"]) == (303, f"/approvals/{stopped}")
    text = pages.get(f"/approvals/{stopped}").text
    assert "it is due" in text
    assert "mesh runs resume" in text
    assert 'name="mark"' not in text, "there is nothing left to say"


def test_it_is_rejected_and_the_contrary_is_refused(pages: TestClient, stopped: str) -> None:
    mark = form(pages, stopped)
    assert pages.post(f"/approvals/{stopped}", data={**mark, "answer": "reject"}).status_code == 303
    late = pages.post(f"/approvals/{stopped}", data={**mark, "answer": "approve"})
    assert late.status_code == 409
    assert "it was rejected" in late.text
    assert problems_of(late.text) == []


async def test_arguments_are_changed_there(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url)
        found = await waiting(folder, question=plan(spending(700), "end"))
        with looking(folder) as client:
            said = {**form(client, found.approval), "answer": "edit"}
            path = f"/approvals/{found.approval}"
            wrong = client.post(path, data={**said, "arguments": "{"})
            assert wrong.status_code == 409
            assert "are no JSON" in wrong.text
            right = client.post(path, data={**said, "arguments": '{"amount": 7}'})
            assert right.status_code == 303
        assert (await resumed(folder, found.run)).text == "end"
    assert done(folder) == ["spend 7"]


@pytest.mark.parametrize("mark", ["", "0" * 32])
def test_a_form_of_another_page_is_refused(pages: TestClient, stopped: str, mark: str) -> None:
    said = {"mark": mark, "answer": "approve"}
    assert pages.post(f"/approvals/{stopped}", data=said).status_code == 403
    good = {**form(pages, stopped), "answer": "approve"}
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site}
        refused = pages.post(f"/approvals/{stopped}", data=good, headers=headers)
        assert refused.status_code == 403
    assert "Your answer" in pages.get(f"/approvals/{stopped}").text


def test_who_may_only_look_sees_the_command(tmp_path: Path, stopped: str) -> None:
    with looking(tmp_path) as writer:
        mark = form(writer, stopped)
    with looking(tmp_path, Reader()) as client:
        text = client.get(f"/approvals/{stopped}").text
        assert f"mesh approvals approve {stopped[:12]}" in text
        assert "<button" not in text.partition('<main id="main"')[2].partition("</main>")[0]
        refused = client.post(f"/approvals/{stopped}", data={**mark, "answer": "approve"})
        assert refused.status_code == 403
    with looking(tmp_path, Reader(workspace="others")) as client:
        assert client.get(f"/approvals/{stopped}").status_code == 404
        assert "spend" not in client.get("/approvals").text


def test_a_project_without_runs_has_an_empty_page(tmp_path: Path) -> None:
    with looking(tmp_path) as client:
        text = client.get("/approvals").text
    assert "Nothing waits" in text
    assert problems_of(text) == []
    assert not (tmp_path / ".mesh" / "journal.sqlite").exists()
