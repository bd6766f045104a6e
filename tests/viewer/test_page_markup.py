"""Every page: well-formed, usable by a screen reader, and no text of a trace is ever markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from .markup import problems_of
from .recorded import BAD, EVIL, GOOD, HOSTILE, looking, write


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    with looking(folder) as client:
        yield client


def views(id: str, hop: str = "h1") -> list[str]:
    return [f"/t/{id}{view}" for view in ("", "/graph", "/conversation", f"/h/{hop}")]


LISTS = ["/", "/?q=lease", "/?verdict=acepted", "/?task=nothing", "/nowhere", "/t/nobody"]
PAGES = [*LISTS, *views(GOOD), *views(GOOD, "h3"), *views(GOOD, "h5"), *views(BAD), *views(HOSTILE)]


@pytest.mark.parametrize("path", dict.fromkeys(PAGES))
def test_a_page_is_well_formed_and_everything_on_it_has_a_name(
    pages: TestClient, path: str
) -> None:
    assert problems_of(pages.get(path).text) == []


@pytest.mark.parametrize("path", ["/rows", f"/t/{GOOD}/rows"])
def test_parts_of_pages_are_well_formed(pages: TestClient, path: str) -> None:
    part = pages.get(path).text
    assert problems_of(f"<table><caption>x</caption>{part}</table>", whole=False) == []


@pytest.mark.parametrize("path", ["/", "/rows", *views(HOSTILE), f"/t/{HOSTILE}/rows"])
def test_what_a_trace_holds_is_text_and_nothing_else(pages: TestClient, path: str) -> None:
    text = pages.get(path).text
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_what_is_typed_comes_back_as_text(pages: TestClient) -> None:
    for name in ("q", "model", "verdict", "what"):
        text = pages.get("/", params={name: EVIL}).text
        assert "<script>alert" not in text
    assert "<script>alert" not in pages.get(f"/t/{GOOD}", params={"find": EVIL}).text


@pytest.mark.parametrize("path", ["/", f"/t/{GOOD}", f"/t/{GOOD}/h/h5", "/static/viewer.css", "/x"])
def test_nothing_from_elsewhere_is_allowed_on_a_page(pages: TestClient, path: str) -> None:
    answer = pages.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


def test_links_stay_below_the_path_that_the_viewer_is_mounted_at(tmp_path: Path) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from orchestrator import Mesh
    from orchestrator.viewer.app import viewer

    write(tmp_path)
    mesh = Mesh.load(tmp_path, env={})
    app = Starlette(routes=[Mount("/ui", viewer(lambda: mesh))])
    with TestClient(app) as client:
        for path in ("/ui/", f"/ui/t/{GOOD}", f"/ui/t/{GOOD}/h/h5"):
            links = client.get(path).text.split('href="')[1:]
            assert links
            assert all(link.startswith(("/ui/", "#")) for link in links), links
    mesh.store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        "<p><b>x</p></b>",
        "<p>",
        "<button></button>",
        "<input id=a>",
        "<img src=x>",
        "<script>x</script>",
        '<p style="x">y</p>',
        '<p onclick="x">y</p>',
        '<a href="javascript:x">y</a>',
        "<table><tr><th>x</th></tr></table>",
        '<p id="a">x</p><p id="a">y</p>',
        '<p aria-labelledby="nobody">x</p>',
    ],
)
def test_what_is_wrong_with_a_page_is_found(wrong: str) -> None:
    assert problems_of(wrong, whole=False)


def test_a_bug_of_ours_is_a_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator import Mesh
    from orchestrator.viewer import head
    from orchestrator.viewer.app import viewer

    write(tmp_path)
    mesh = Mesh.load(tmp_path, env={})

    def broken(*_: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr(head, "diagnose", broken)
    with TestClient(viewer(lambda: mesh), raise_server_exceptions=False) as client:
        answer = client.get(f"/t/{GOOD}")
    mesh.store.close()
    assert answer.status_code == 500
    assert "this is a bug (RuntimeError)" in answer.text
    assert "secret details" not in answer.text
    assert problems_of(answer.text) == []
