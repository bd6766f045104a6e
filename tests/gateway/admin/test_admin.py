"""`/admin` over HTTP: each thing that is refused, and the like that is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.gateway.admin import bodies
from orchestrator.gateway.admin.operations import OPERATIONS
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.gateway.keys.values import Access, Key
from orchestrator.types import Caller
from tests.gateway.serving import Served, serving

NOWHERE = "http://127.0.0.1:9/v1"


@dataclass
class Desk:
    """A gateway with keys, and one who asks it."""

    served: Served
    store: KeyStore
    ring: StoredRing | None
    secret: str = ""

    async def ask(
        self, method: str, path: str, body: Any = None, *, by: str | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Status and JSON; `by`: another secret than that of the admin."""
        secret = self.secret if by is None else by
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        given = {"json": body} if body is not None else more
        url = self.served.url + path
        async with self.served.http.request(method, url, headers=headers, **given) as response:
            assert response.headers["content-type"] == "application/json"
            return response.status, await response.json()

    def key(self, access: Access) -> str:
        """The secret of a new key."""
        return self.store.create(Key(id="", access=frozenset({access})), by="test").secret


@asynccontextmanager
async def a_desk(folder: Path, *, open_: bool = False) -> AsyncIterator[Desk]:
    store = KeyStore(folder / ".mesh" / "keys.sqlite", SystemClock())
    ring = StoredRing(store, SystemClock())
    ring.start()
    try:
        async with serving(folder, NOWHERE, keys=None if open_ else ring) as served:
            desk = Desk(served, store, ring)
            desk.secret = "" if open_ else desk.key("admin")
            yield desk
    finally:
        ring.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as desk:
        yield desk


def error(answer: tuple[int, Any]) -> tuple[int, str, str | None]:
    """Status, code, and where it stands; the answer has OpenAI's shape."""
    status, body = answer
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return status, body["error"]["code"], body["error"]["param"]


# ── who may ─────────────────────────────────────────────────────────────────────────────


async def test_reading_takes_read_and_writing_admin(desk: Desk) -> None:
    reader, caller = desk.key("read"), desk.key("call")
    assert (await desk.ask("GET", "/admin/keys", by=reader))[0] == 200
    assert (await desk.ask("POST", "/admin/keys", {}))[0] == 201
    refused = error(await desk.ask("POST", "/admin/keys", {}, by=reader))
    assert refused == (403, "not_allowed", None)
    for path in ("/admin/keys", "/admin/budgets", "/admin/usage", "/admin/changes"):
        assert (await desk.ask("GET", path, by=reader))[0] == 200
        assert error(await desk.ask("GET", path, by=caller))[:2] == (403, "not_allowed")


async def test_nobody_is_let_in_without_a_key(desk: Desk) -> None:
    assert error(await desk.ask("GET", "/admin/keys", by=""))[:2] == (401, "missing_key")
    assert error(await desk.ask("GET", "/admin/keys", by="mesh-x"))[:2] == (401, "invalid_key")


async def test_where_all_is_open_keys_can_be_made(tmp_path: Path) -> None:
    async with a_desk(tmp_path, open_=True) as desk:
        status, made = await desk.ask("POST", "/admin/keys", {"name": "first"})
        assert status == 201
        assert made["made_by"] == "open"
        assert desk.store.find(made["secret"]).key.name == "first"


async def test_a_page_of_another_site_can_send_nothing(tmp_path: Path) -> None:
    """What a browser sends across sites without asking first is no JSON by its content type."""
    async with a_desk(tmp_path, open_=True) as desk:
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            url = f"{desk.served.url}/admin/keys"
            headers = {"Content-Type": kind}
            async with desk.served.http.post(url, data=b"{}", headers=headers) as response:
                assert response.status == 415
        assert desk.store.records() == ()


# ── keys ─────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_was_made_is_good_at_once(desk: Desk) -> None:
    body = {
        "name": "ci",
        "access": ["call", "read"],
        "tasks": ["draft"],
        "models": ["primary"],
        "data_classes": ["public"],
        "workspace": "lab",
        "user": "ana",
        "user_tier": "paid",
        "feature": "search",
        "expires": "90d",
        "budgets": [{"usd": 5, "window": "day"}, {"usd": 1, "window": "run", "soft": 0.5}],
        "requests_per_minute": 60,
    }
    status, made = await desk.ask("POST", "/admin/keys", body)
    assert status == 201
    msgspec.convert(made, bodies.KeyMade, strict=True)
    assert desk.ring is not None
    key = desk.ring.find(made["secret"])
    assert (key.tasks, key.models) == (frozenset({"draft"}), frozenset({"primary"}))
    assert key.caller == Caller(
        workspace="lab", user="ana", tier="paid", key=key.id, feature="search"
    )
    assert [b.usd for b in desk.ring.budgets(key.caller)] == [1.0, 5.0]
    _, shown = await desk.ask("GET", f"/admin/keys/{key.id}")
    assert {**made, "secret": ""} == {**shown, "secret": ""}


@pytest.mark.parametrize(
    ("body", "code", "param", "says"),
    [
        ({"taks": []}, "unknown_field", "taks", "did you mean 'tasks'"),
        ({"tasks": ["drfat"]}, "invalid_value", "tasks", "unknown task 'drfat'"),
        ({"models": ["primry"]}, "invalid_value", "models", "did you mean 'primary'"),
        ({"data_classes": ["secret"]}, "invalid_value", "data_classes", "known: "),
        ({"access": []}, None, "access", ""),
        ({"access": ["write"]}, None, "access[0]", ""),
        ({"name": 5}, "invalid_type", "name", "allowed"),
        ({"name": "a\nb"}, "invalid_value", "name", "on one line"),
        ({"expires": "yesterday"}, "invalid_value", "expires", "90d"),
        ({"expires": "2020-01-01"}, "invalid_value", "expires", "to come"),
        ({"budgets": [{"usd": -1, "window": "day"}]}, None, "budgets[0].usd", ""),
        ({"budgets": [{"usd": 1, "window": "week"}]}, None, "budgets[0].window", ""),
        ({"budgets": [{"usd": 1, "window": "day"}] * 2}, "invalid_value", "budgets", "two"),
        ({"requests_per_minute": 0}, None, "requests_per_minute", ""),
        ([], "invalid_type", None, ""),
    ],
)
async def test_a_key_that_cannot_be_is_not_made(
    desk: Desk, body: Any, code: str | None, param: str | None, says: str
) -> None:
    answer = await desk.ask("POST", "/admin/keys", body)
    status, found, where = error(answer)
    assert (status, where) == (400, param)
    assert code in (None, found)
    assert says in answer[1]["error"]["message"]
    assert len(desk.store.records()) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name": NaN}', b"[" * 5000])
async def test_what_is_no_json_is_refused(desk: Desk, body: bytes) -> None:
    url, headers = f"{desk.served.url}/admin/keys", {"Content-Type": "application/json"}
    headers["Authorization"] = f"Bearer {desk.secret}"
    async with desk.served.http.post(url, data=body, headers=headers) as response:
        assert error((response.status, await response.json()))[0] == 400


async def test_a_key_is_changed_in_what_is_said_alone(desk: Desk) -> None:
    _, made = await desk.ask("POST", "/admin/keys", {"name": "ci", "tasks": ["draft"], "user": "a"})
    path = f"/admin/keys/{made['id']}"
    status, changed = await desk.ask("PATCH", path, {"tasks": None, "expires": "1d"})
    assert status == 200
    assert (changed["name"], changed["tasks"], changed["user"]) == ("ci", None, "a")
    assert changed["expires_at"] is not None
    _, endless = await desk.ask("PATCH", path, {"expires": None})
    assert endless["expires_at"] is None
    assert error(await desk.ask("PATCH", path, {"tasks": ["no"]})) == (
        400,
        "invalid_value",
        "tasks",
    )
    assert error(await desk.ask("PATCH", path, {"secret": "x"}))[1] == "unknown_field"


async def test_a_revoked_key_is_refused_from_its_answer_on(desk: Desk) -> None:
    secret = desk.key("read")
    id = desk.store.find(secret).key.id
    assert (await desk.ask("GET", "/admin/keys", by=secret))[0] == 200
    status, revoked = await desk.ask("DELETE", f"/admin/keys/{id}")
    assert (status, revoked["status"]) == (200, "revoked")
    assert error(await desk.ask("GET", "/admin/keys", by=secret))[:2] == (401, "revoked_key")
    for method, path in (("PATCH", f"/admin/keys/{id}"), ("POST", f"/admin/keys/{id}/rotate")):
        assert error(await desk.ask(method, path, {}))[:2] == (409, "revoked_key")
    assert (await desk.ask("DELETE", f"/admin/keys/{id}"))[0] == 200


async def test_a_rotated_key_has_a_new_secret(desk: Desk) -> None:
    old = desk.key("read")
    id = desk.store.find(old).key.id
    _, made = await desk.ask("POST", f"/admin/keys/{id}/rotate", {})
    for secret in (old, made["secret"]):
        assert (await desk.ask("GET", "/admin/keys", by=secret))[0] == 200
    await desk.ask("POST", f"/admin/keys/{id}/rotate", {"grace": "0"})
    for secret in (old, made["secret"]):
        assert error(await desk.ask("GET", "/admin/keys", by=secret))[:2] == (401, "expired_key")
    assert error(await desk.ask("POST", f"/admin/keys/{id}/rotate", {"grace": "a while"})) == (
        400,
        "invalid_value",
        "grace",
    )


@pytest.mark.parametrize("id", ["key_0000000000", "nobody", "key_%00", "key_%F0%9F", "a b", "'"])
async def test_a_key_that_is_not_there(desk: Desk, id: str) -> None:
    for method in ("GET", "DELETE"):
        assert error(await desk.ask(method, f"/admin/keys/{id}"))[:2] == (404, "unknown_key")


# ── budgets ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ana", "ana@example.org", "team/ana", "Ana%20M%C3%BCller"])
async def test_a_budget_of_a_user_is_set_shown_and_removed(desk: Desk, name: str) -> None:
    path = f"/admin/budgets/user/{name}"
    body = {"budgets": [{"usd": 3.5, "window": "month"}], "tokens_per_minute": 1000}
    status, budget = await desk.ask("PUT", path, body)
    assert status == 200
    msgspec.convert(budget, bodies.AllotmentView)
    assert await desk.ask("GET", path) == (200, budget)
    assert (await desk.ask("GET", "/admin/budgets"))[1]["data"] == [budget]
    assert desk.ring is not None
    caller = Caller(user=budget["name"])
    assert [b.usd for b in desk.ring.budgets(caller)] == [3.5]
    assert [one.tokens_per_minute for one in desk.ring.limits(caller)] == [1000]
    _, removed = await desk.ask("DELETE", path)
    assert (removed["budgets"], removed["tokens_per_minute"]) == ([], None)
    assert (await desk.ask("GET", "/admin/budgets"))[1]["data"] == []


async def test_a_budget_of_nobody_is_refused(desk: Desk) -> None:
    assert error(await desk.ask("PUT", "/admin/budgets/team/a", {}))[:2] == (404, "not_found")
    assert error(await desk.ask("PUT", "/admin/budgets/key/key_00", {}))[:2] == (404, "unknown_key")
    wrong = error(await desk.ask("PUT", "/admin/budgets/user/a%09b", {}))
    assert wrong == (400, "invalid_value", "name")
    id = desk.store.records()[0].key.id
    assert (await desk.ask("PUT", f"/admin/budgets/key/{id}", {}))[0] == 200


# ── on record ────────────────────────────────────────────────────────────────────────────


async def test_who_did_what_is_on_record(desk: Desk) -> None:
    me = desk.store.records()[0].key.id
    _, made = await desk.ask("POST", "/admin/keys", {"name": "ci"})
    await desk.ask("PATCH", f"/admin/keys/{made['id']}", {"name": "new"})
    await desk.ask("PUT", "/admin/budgets/user/ana", {"requests_per_minute": 5})
    _, log = await desk.ask("GET", "/admin/changes?limit=3")
    msgspec.convert(log, bodies.ChangeList)
    assert [(c["what"], c["by"]) for c in log["data"]] == [
        ("allot", me),
        ("change", me),
        ("create", me),
    ]
    assert (log["data"][1]["before"]["name"], log["data"][1]["after"]["name"]) == ("ci", "new")
    _, of_ana = await desk.ask("GET", "/admin/changes?name=ana")
    assert [c["what"] for c in of_ana["data"]] == ["allot"]
    _, older = await desk.ask("GET", f"/admin/changes?before={log['data'][2]['number']}")
    assert [c["by"] for c in older["data"]] == ["test"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("before=x", "before"),
        ("name=%00", "name"),
        ("lmit=5", "lmit"),
    ],
)
async def test_a_parameter_that_cannot_be(desk: Desk, query: str, param: str) -> None:
    status, _, where = error(await desk.ask("GET", f"/admin/changes?{query}"))
    assert (status, where) == (400, param)


async def test_usage_comes_from_the_ledger(desk: Desk) -> None:
    _, report = await desk.ask("GET", "/admin/usage?by=key,model&since=7d&until=2099-01-01")
    msgspec.convert(report, bodies.UsageReport)
    assert (report["data"], report["total"]["attempts"]) == ([], 0)
    for query, param in (("by=kye", "by"), ("since=soon", "since")):
        assert error(await desk.ask("GET", f"/admin/usage?{query}")) == (
            400,
            "invalid_value",
            param,
        )


# ── the whole ────────────────────────────────────────────────────────────────────────────


async def test_no_secret_is_kept_or_told(desk: Desk, tmp_path: Path) -> None:
    _, made = await desk.ask("POST", "/admin/keys", {"name": "ci"})
    _, again = await desk.ask("POST", f"/admin/keys/{made['id']}/rotate", {})
    told = repr([await desk.ask("GET", path) for path in ("/admin/keys", "/admin/changes")])
    told += repr(await desk.ask("GET", "/admin/keys", by=made["secret"][:-1]))
    for file in (tmp_path / ".mesh").rglob("*"):
        told += file.read_bytes().decode("latin-1") if file.is_file() else ""
    for secret in (made["secret"], again["secret"], desk.secret):
        assert secret[20:] not in told
        assert secret[:19] in told


async def test_the_document_tells_of_every_operation(desk: Desk) -> None:
    _, document = await desk.ask("GET", "/openapi.json")
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    for one in OPERATIONS:
        described = document["paths"][one.path][one.method.lower()]
        assert described["operationId"] == one.name
        for kind in (one.takes, one.gives):
            assert kind is None or kind.__name__ in schemas
    assert error(await desk.ask("POST", "/admin/changes", {}))[:2] == (405, "wrong_method")
