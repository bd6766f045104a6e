"""The viewer inside of a service: who may look, and how a browser stays signed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.gateway.build import build
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.gateway.keys.values import Access, Key
from orchestrator.gateway.pages import SESSION_S
from orchestrator.testing import ManualClock
from orchestrator.types import Caller
from orchestrator.viewer.door import COOKIE
from tests.gateway.serving import Ring
from tests.viewer.recorded import BAD, GOOD, write

HTML = {"Accept": "text/html"}
HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    mesh = Mesh.load(folder, env={})
    yield mesh
    mesh.store.close()


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[StoredRing]:
    ring = StoredRing(KeyStore(tmp_path / "keys.sqlite", ManualClock()), ManualClock())
    ring.start()
    yield ring
    ring.close()


def key(ring: StoredRing, *access: Access, workspace: str = "") -> tuple[str, str]:
    """Id and secret of a new key."""
    wanted = Key(id="", access=frozenset(access), caller=Caller(workspace=workspace))
    made = ring.store.create(wanted, by="test")
    ring.refresh()
    return made.record.key.id, made.secret


def client(mesh: Mesh, ring: StoredRing | Ring | None, base: str = HERE) -> TestClient:
    return TestClient(build(mesh, keys=ring), base_url=base, follow_redirects=False)


def sign_in(browser: TestClient, secret: str, **more: str) -> None:
    answer = browser.post("/ui/sign-in", data={"key": secret, **more})
    assert answer.status_code == 303, answer.text


def test_open_on_this_machine_nobody_is_asked(mesh: Mesh) -> None:
    browser = client(mesh, None)
    assert browser.get("/ui").headers["location"] == "/ui/"
    assert GOOD in browser.get("/ui/").text
    assert browser.get("/ui/sign-in").status_code == 404
    assert "Sign out" not in browser.get("/ui/").text


def test_a_page_of_the_web_that_took_a_name_of_this_machine_sees_nothing(mesh: Mesh) -> None:
    answer = client(mesh, None, "http://rebound.example").get("/ui/")
    assert answer.status_code == 403
    assert GOOD not in answer.text


@pytest.mark.parametrize("path", ["/ui/", f"/ui/t/{GOOD}", f"/ui/t/{GOOD}/h/h5", "/ui/boards"])
def test_without_a_key_there_is_the_page_to_sign_in_and_nothing_else(
    mesh: Mesh, ring: StoredRing, path: str
) -> None:
    browser = client(mesh, ring)
    answer = browser.get(path, headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/ui/sign-in?next=")
    assert browser.get(path).status_code == 401
    assert "notice period" not in browser.get(path).text


def test_a_browser_that_has_signed_in_may_look_and_holds_no_key(
    mesh: Mesh, ring: StoredRing
) -> None:
    id, secret = key(ring, "read")
    browser = client(mesh, ring)
    answer = browser.post("/ui/sign-in", data={"key": f" {secret} ", "next": f"/t/{GOOD}"})
    assert answer.headers["location"] == f"/ui/t/{GOOD}"
    cookie = answer.headers["set-cookie"]
    for words in ("HttpOnly", "SameSite=strict", "Path=/ui/", f"Max-Age={SESSION_S}"):
        assert words in cookie
    assert secret not in cookie
    assert secret[16:40] not in cookie
    page = browser.get(f"/ui/t/{GOOD}", headers=HTML)
    assert page.status_code == 200
    assert f'Sign out<span class="wide"> {id}' in page.text
    assert browser.get("/v1/models").status_code == 401  # good for looking, for nothing else
    browser.post("/ui/sign-out")
    assert browser.get("/ui/", headers=HTML).status_code == 303


def test_over_https_the_cookie_is_for_https_alone(mesh: Mesh, ring: StoredRing) -> None:
    _, secret = key(ring, "read")
    answer = client(mesh, ring, "https://mesh.example").post("/ui/sign-in", data={"key": secret})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("ends", ["revoke", "rotate", "narrow", "late"])
def test_a_session_ends_with_its_key(mesh: Mesh, ring: StoredRing, ends: str) -> None:
    id, secret = key(ring, "read")
    browser = client(mesh, ring)
    sign_in(browser, secret)
    assert browser.get("/ui/").status_code == 200
    if ends == "revoke":
        ring.store.revoke(id, by="test")
    elif ends == "rotate":
        ring.store.rotate(id, grace_s=0.0, by="test")
    elif ends == "narrow":
        ring.store.change(id, lambda k: replace(k, access=frozenset({"call"})), by="test")
    else:
        token = browser.cookies[COOKIE]
        name, _, rest = token.partition(".")
        browser.cookies.clear()
        browser.cookies.set(COOKIE, f"{name}.1{rest}", path="/ui/")  # longer than it was signed for
    ring.refresh()
    assert browser.get("/ui/").status_code == 401


def test_only_a_good_key_that_may_read_gets_in(mesh: Mesh, ring: StoredRing) -> None:
    browser = client(mesh, ring)
    for secret, status in ((key(ring, "call")[1], 403), ("mesh-nobody", 401), ("", 401)):
        answer = browser.post("/ui/sign-in", data={"key": secret})
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers
        assert 'role="alert"' in answer.text
    assert browser.post("/ui/sign-in", data={"key": "x" * 9000}).status_code == 413
    sign_in(browser, key(ring, "admin")[1])


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "key_1.99999999999.ab", "key_1.9é.ab", ".", "..", "1.2"]
)
def test_a_cookie_that_nobody_signed_is_none(mesh: Mesh, ring: StoredRing, token: str) -> None:
    browser = client(mesh, ring)
    headers = {"Cookie": f"{COOKIE}={token}".encode("latin-1", "replace")}
    assert browser.get("/ui/", headers=headers).status_code == 401  # type: ignore[arg-type]


def test_a_key_of_a_workspace_sees_that_workspace_alone(mesh: Mesh, ring: StoredRing) -> None:
    browser = client(mesh, ring)
    sign_in(browser, key(ring, "read", workspace="legal")[1])
    text = browser.get("/ui/").text
    assert BAD in text
    assert GOOD not in text
    assert browser.get(f"/ui/t/{GOOD}").status_code == 404
    assert browser.get(f"/ui/t/{BAD}").status_code == 200


def test_a_program_sends_its_key_in_the_header(mesh: Mesh, ring: StoredRing) -> None:
    _, secret = key(ring, "read")
    for keys in (ring, Ring({secret: Key(id="key_1", access=frozenset({"read"}))})):
        browser = client(mesh, keys)
        assert browser.get("/ui/", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        assert browser.get("/ui/", headers={"Authorization": "Bearer no"}).status_code == 401
    assert browser.post("/ui/sign-in", data={"key": secret}).status_code == 403  # holds no hashes
