"""`mesh keys` at the prompt: every command, every refusal, and where a secret may appear."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.cli import main
from orchestrator.cli._keys import show_key, show_list, show_log, show_secret
from orchestrator.gateway.keys.records import Allotment, Change, KeyRecord, Secret, Sum
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.gateway.keys.secret import is_whole
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller

from .samples import WIDTHS, printed, squeezed

NOW = 1_700_000_000.0


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Mesh = Callable[..., Done]


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mesh:
    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["mesh", "keys", *arguments, "--project", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """What the commands keep, as a service of the same project sees it."""
    return KeyStore(tmp_path / ".mesh" / "keys.sqlite", SystemClock())


def made(mesh: Mesh, *arguments: str) -> Any:
    done = mesh("create", *arguments, "--json")
    assert done.code == 0, done.err
    return done.json


# ── create ───────────────────────────────────────────────────────────────────────────────


def test_the_first_key_needs_no_service(mesh: Mesh, store: KeyStore) -> None:
    assert "mesh keys create --admin" in mesh().out
    done = mesh("create", "--admin", "--name", "boss")
    secret = done.out.strip()
    assert is_whole(secret), "the secret stands alone on standard output"
    assert "'boss'" in done.err
    ring = StoredRing(store, SystemClock())
    ring.refresh()
    assert ring.find(secret).access == frozenset({"admin"})


def test_a_key_has_the_scope_that_was_asked_for(mesh: Mesh, store: KeyStore) -> None:
    key = made(
        mesh,
        *("--name", "ci", "--access", "call", "--access", "read", "--task", "draft"),
        *("--model", "smollm2-135m", "--data-class", "internal", "--user", "ana"),
        *("--workspace", "lab", "--user-tier", "paid", "--feature", "search"),
        *("--expires", "90d", "--budget", "5/day", "--budget", "50/month"),
        *("--requests-per-minute", "60", "--tokens-per-minute", "1000"),
    )
    kept = store.record(key["id"])
    assert kept.key.access == frozenset({"call", "read"})
    assert kept.key.tasks == frozenset({"draft"})
    assert kept.key.models == frozenset({"smollm2-135m"})
    assert kept.key.data_classes == frozenset({"internal"})
    assert kept.key.caller == Caller(
        workspace="lab", user="ana", tier="paid", key=key["id"], feature="search"
    )
    assert kept.key.expires_at == pytest.approx(kept.made_at + 90 * 86_400, abs=60)
    assert kept.made_by.startswith("cli:")
    assert store.allotment("key", key["id"]) == Allotment(
        per="key",
        name=key["id"],
        sums=(Sum(usd=5.0, window="day"), Sum(usd=50.0, window="month")),
        requests_per_minute=60,
        tokens_per_minute=1000,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--task", "drfat"), "--task: unknown task 'drfat'; .*did you mean 'draft'"),
        (("--model", "smolm2-135m"), "--model: unknown model .*did you mean 'smollm2-135m'"),
        (("--data-class", "intern"), "--data-class: unknown data class .*'internal'"),
        (("--access", "cal"), "--access: unknown access 'cal'; .*did you mean 'call'"),
        (("--expires", "2020-01-01"), "--expires: found '2020-01-01'; allowed: "),
        (("--budget", "5"), "--budget: found '5'; allowed: .*5/day"),
        (("--budget", "5/day", "--budget", "6/day"), "two budgets for one window"),
        (("--user", "a\nb"), "--user: found"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(
    mesh: Mesh, store: KeyStore, arguments: tuple[str, ...], says: str
) -> None:
    done = mesh("create", *arguments)
    assert done.code == 2
    assert re.search(says, squeezed(done.err)), done.err
    assert store.records() == ()


# ── list, show ───────────────────────────────────────────────────────────────────────────


def test_the_list_has_those_that_are_good(mesh: Mesh) -> None:
    one, two = made(mesh, "--name", "one"), made(mesh, "--name", "two")
    mesh("revoke", "two")
    assert [key["id"] for key in mesh("list", "--json").json["keys"]] == [one["id"]]
    every = mesh("list", "--all", "--json").json["keys"]
    assert {key["id"]: key["status"] for key in every} == {
        one["id"]: "active",
        two["id"]: "revoked",
    }
    assert mesh().out == mesh("list").out
    assert "one" in mesh("list").out
    assert "two" not in mesh("list").out


def test_show_tells_of_one(mesh: Mesh) -> None:
    key = made(mesh, "--name", "ci", "--budget", "5/day")
    shown = mesh("show", "ci", "--json").json
    assert shown["budgets"] == [{"usd": 5.0, "window": "day"}]
    assert shown["spent_usd"] == {"hour": 0.0, "day": 0.0, "month": 0.0}
    text = mesh("show", key["id"][4:9]).out
    assert "0.00 of 5.00 USD a day" in text
    assert key["secret"][:19] in text


@pytest.mark.parametrize("command", ["show", "revoke", "rotate"])
def test_a_key_that_is_not_there(mesh: Mesh, command: str) -> None:
    made(mesh, "--name", "search")
    done = mesh(command, "saerch")
    assert done.code == 2
    assert "did you mean 'search'" in done.err


# ── revoke, rotate ───────────────────────────────────────────────────────────────────────


def test_a_key_is_revoked_by_the_secret_that_leaked(mesh: Mesh, store: KeyStore) -> None:
    key = made(mesh, "--name", "ci")
    done = mesh("revoke", key["secret"])
    assert done.code == 0
    assert key["secret"][20:] not in done.out + done.err
    assert store.record(key["id"]).key.revoked_at is not None
    assert "was revoked before" in mesh("revoke", "ci").out


def test_rotate_prints_a_new_secret_and_keeps_the_old_for_a_while(
    mesh: Mesh, store: KeyStore
) -> None:
    key = made(mesh, "--name", "ci")
    done = mesh("rotate", "ci", "--grace", "30m")
    assert is_whole(done.out.strip())
    assert done.out.strip() != key["secret"]
    assert "The old secret is good until" in done.err
    old, new = store.record(key["id"]).secrets
    assert old.ends_at == pytest.approx(new.made_at + 1800, abs=60)
    assert "refused from now on" in mesh("rotate", "ci", "--grace", "0").err
    assert mesh("rotate", "ci", "--grace", "soon").code == 2


# ── budgets and limits ───────────────────────────────────────────────────────────────────


def test_a_budget_is_set_by_window_and_removed(mesh: Mesh, store: KeyStore) -> None:
    whose = ("--user", "ana")
    mesh("budget", *whose, "--usd", "5", "--window", "day")
    mesh("budget", *whose, "--usd", "50", "--window", "month", "--soft-from", "40")
    mesh("budget", *whose, "--usd", "6", "--window", "day")
    mesh("limit", *whose, "--requests-per-minute", "3")
    shown = mesh("budget", *whose, "--json").json
    assert shown["budgets"] == [
        {"usd": 6.0, "window": "day"},
        {"usd": 50.0, "window": "month", "soft": 40.0},
    ]
    assert shown["requests_per_minute"] == 3
    assert "the cheapest from 40.00" in mesh("budget", *whose).out
    mesh("budget", *whose, "--remove", "--window", "day")
    assert [s.window for s in store.allotment("user", "ana").sums] == ["month"]
    mesh("budget", *whose, "--remove")
    mesh("limit", *whose, "--remove")
    assert store.allotment("user", "ana").is_empty
    assert "no budget and no limit of its own" in mesh("limit", *whose).out


def test_a_budget_of_a_key_is_named_by_its_name(mesh: Mesh, store: KeyStore) -> None:
    key = made(mesh, "--name", "ci")
    mesh("limit", "ci", "--tokens-per-minute", "500")
    assert store.allotment("key", key["id"]).tokens_per_minute == 500


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("budget", "--usd", "5", "--window", "day"), "say whose"),
        (("budget", "--user", "a", "--workspace", "b"), "say whose"),
        (("budget", "--user", "a", "--usd", "5"), "both --usd and --window"),
        (("budget", "--user", "a", "--window", "day"), "both --usd and --window"),
        (("budget", "--user", "a", "--remove", "--usd", "5"), "choose one|both"),
        (("limit", "--user", "a", "--remove", "--tokens-per-minute", "5"), "choose one"),
        (("limit", "--user", "a", "--tokens-per-minute", "0"), "--tokens-per-minute"),
        (("budget", "nobody"), "unknown key"),
    ],
)
def test_a_budget_that_cannot_be(mesh: Mesh, arguments: tuple[str, ...], says: str) -> None:
    done = mesh(*arguments)
    assert done.code == 2
    assert re.search(says, squeezed(done.err)), done.err


# ── the record, and secrets ──────────────────────────────────────────────────────────────


def test_the_log_tells_who_did_what(mesh: Mesh) -> None:
    key = made(mesh, "--name", "ci")
    mesh("budget", "--user", "ana", "--usd", "5", "--window", "day")
    mesh("revoke", "ci")
    changes = mesh("log", "--json").json["changes"]
    assert [c["what"] for c in changes] == ["revoke", "allot", "create"]
    assert {c["by"].split(":")[0] for c in changes} == {"cli"}
    assert [c["what"] for c in mesh("log", "--key", "ci", "--json").json["changes"]] == [
        "revoke",
        "create",
    ]
    text = mesh("log").out
    assert "user ana" in text
    assert "5.00 USD a day" in text
    assert key["id"] in text


def test_a_secret_appears_once_and_is_kept_nowhere(mesh: Mesh, tmp_path: Path) -> None:
    secret = made(mesh, "--name", "ci", "--budget", "5/day")["secret"]
    told = "".join(
        done.out + done.err
        for done in (
            mesh("list", "--json"),
            mesh("show", "ci"),
            mesh("show", "ci", "--json"),
            mesh("log", "--json"),
            mesh("revoke", secret, "--json"),
            mesh("show", f"{secret}x"),
        )
    )
    for file in tmp_path.rglob("*"):
        told += file.read_bytes().decode("latin-1") if file.is_file() else ""
    assert secret[:19] in told
    assert secret[20:] not in told


# ── how it looks ─────────────────────────────────────────────────────────────────────────


def record(**changes: Any) -> KeyRecord:
    key = Key(
        id="key_0123456789",
        name="continuous-integration",
        tasks=frozenset({"draft", "check", "summarize"}),
        data_classes=frozenset({"internal"}),
        caller=Caller(user="ana@example.org", workspace="lab", key="key_0123456789"),
        **changes,
    )
    old = Secret(hash=b"1", shown="mesh-0123456789abcd", made_at=NOW, ends_at=NOW + 60)
    new = Secret(hash=b"2", shown="mesh-0123456789efgh", made_at=NOW, used_at=NOW - 7200)
    return KeyRecord(key=key, made_at=NOW, made_by="cli:ana@desk", secrets=(old, new))


ALLOTMENT = Allotment(
    per="key",
    name="key_0123456789",
    sums=(Sum(usd=5, window="day"), Sum(usd=0.000125, window="run")),
    tokens_per_minute=10_000,
)
USED = {"hour": {}, "day": {"key_0123456789": 1_250_000}, "month": {}}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rich", [False, True])
def test_it_fits_on_the_screen(width: int, rich: bool) -> None:
    one = record(expires_at=NOW - 1)
    allotments = {one.key.id: ALLOTMENT}
    change = Change(
        number=1,
        at=NOW,
        by="cli:ana@desk",
        what="allot",
        per="user",
        name="ana@example.org",
        before=None,
        after={"per": "user", "name": "ana", "budgets": [{"usd": 5, "window": "day"}]},
    )
    listed = printed(lambda s: show_list(s, [one], allotments, USED, NOW), width, rich=rich)
    shown = printed(lambda s: show_key(s, one, ALLOTMENT, USED, NOW), width, rich=rich)
    logged = printed(lambda s: show_log(s, [change]), width, rich=rich)
    if not rich:
        assert "expired" in listed
        assert "1.25 of 5.00 USD a day" in squeezed(shown)
        assert "0.000125 USD a run" in squeezed(shown)
        assert "last used 2 h ago" in squeezed(shown)
        assert "budgets: 5.00 USD a day" in squeezed(logged)


@pytest.mark.parametrize("width", [40, 80])
def test_a_secret_is_never_broken_over_lines(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "mesh-" + "a" * 59
    text = printed(lambda s: show_secret(s, "Key key_1.", secret), width) + capsys.readouterr().out
    assert secret in text
    assert "not shown again" in squeezed(text)
