"""What the endpoints of `/admin` do, each as a function that may block."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from orchestrator.errors import UnknownNameError
from orchestrator.gateway.admin import bodies
from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.keys.records import (
    Allotment,
    KeyRecord,
    Sum,
    allotment_json,
    change_json,
    key_json,
)
from orchestrator.gateway.keys.terms import (
    checked_subject,
    checked_text,
    one_a_window,
    read_span,
    read_start,
    with_terms,
)
from orchestrator.gateway.keys.values import Key
from orchestrator.money import usd

if TYPE_CHECKING:
    from orchestrator.calling.spending.report import Costs
    from orchestrator.gateway.keys.store import KeyStore, Made
    from orchestrator.mesh import Mesh

_ID = re.compile(r"key_[a-z0-9]{1,28}", re.ASCII)
_GROUPS = ("feature", "user", "user_tier", "workspace", "key", "model", "deployment", "day")
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One request to `/admin`, admitted and read."""

    store: KeyStore
    mesh: Mesh
    by: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None

    @property
    def now(self) -> float:
        return self.store.clock.now()


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def list_keys(act: Act) -> bodies.KeyList:
    """All keys."""
    allotments = {one.name: one for one in act.store.allotments() if one.per == "key"}
    now = act.now
    found = [_viewed(r, allotments.get(r.key.id), now) for r in act.store.records()]
    return bodies.KeyList(data=found)


def create_key(act: Act) -> bodies.KeyMade:
    """A new key with its secret."""
    said: dict[str, Any] = msgspec.structs.asdict(act.body)
    rates = {name: said.pop(name) for name in ("requests_per_minute", "tokens_per_minute")}
    allotment = Allotment(per="key", name="", sums=_sums(said.pop("budgets")), **rates)
    wanted = with_terms(Key(id=""), said, act.mesh.project, act.now)
    return _made(act, act.store.create(wanted, by=act.by, allotment=allotment))


def show_key(act: Act) -> bodies.KeyView:
    """One key."""
    return _with_budgets(act, _record(act))


def change_key(act: Act) -> bodies.KeyView:
    """Other terms for a key."""
    said = {k: v for k, v in msgspec.structs.asdict(act.body).items() if v is not UNSET}
    id, project, now = _good(act).key.id, act.mesh.project, act.now
    record = act.store.change(id, lambda key: with_terms(key, said, project, now), by=act.by)
    return _with_budgets(act, record)


def revoke_key(act: Act) -> bodies.KeyView:
    """The end of a key."""
    return _with_budgets(act, act.store.revoke(_record(act).key.id, by=act.by))


def rotate_key(act: Act) -> bodies.KeyMade:
    """A new secret for a key."""
    grace_s = read_span(act.body.grace, "grace")
    return _made(act, act.store.rotate(_good(act).key.id, grace_s=grace_s, by=act.by))


# ── budgets ──────────────────────────────────────────────────────────────────────────────


def list_budgets(act: Act) -> bodies.AllotmentList:
    """What keys, users and workspaces may spend."""
    return bodies.AllotmentList(data=[_allotted(one) for one in act.store.allotments()])


def show_budget(act: Act) -> bodies.AllotmentView:
    """What one may spend; empty where nothing is said."""
    return _allotted(act.store.allotment(*_subject(act)))


def set_budget(act: Act) -> bodies.AllotmentView:
    """What one may spend from now on."""
    per, name = _subject(act)
    body = act.body
    allotment = Allotment(
        per=per,
        name=name,
        sums=_sums(body.budgets),
        requests_per_minute=body.requests_per_minute,
        tokens_per_minute=body.tokens_per_minute,
    )
    return _allotted(act.store.allot(allotment, by=act.by))


def remove_budget(act: Act) -> bodies.AllotmentView:
    """No limit of one's own any more; those of the policy hold."""
    per, name = _subject(act)
    return _allotted(act.store.allot(Allotment(per=per, name=name), by=act.by))


# ── what was done, and what was spent ────────────────────────────────────────────────────


def list_changes(act: Act) -> bodies.ChangeList:
    """The record of changes."""
    name = act.query.get("name")
    if name is not None:
        checked_text(name, "name", empty=False)
    found = act.store.log(
        name=name,
        before=_whole(act, "before", 2**53),
        limit=_whole(act, "limit", _MOST) or 100,
    )
    return bodies.ChangeList(data=[bodies.ChangeView(**change_json(one)) for one in found])


def usage(act: Act) -> bodies.UsageReport:
    """What was spent, in groups."""
    by = [name.strip() for name in act.query.get("by", "key").split(",") if name.strip()]
    for name in by:
        if name not in _GROUPS:
            raise UnknownNameError("group", name[:80], _GROUPS, "by")
    now = act.now
    until = act.query.get("until")
    report = act.mesh.costs(
        by=list(dict.fromkeys(by)),
        since=read_start(act.query.get("since", "30d"), now, "since"),
        until=None if until is None else read_start(until, now, "until"),
    )
    return bodies.UsageReport(
        since=report.since,
        until=report.until,
        data=[_used(dict(zip(report.by, names, strict=True)), c) for names, c in report.rows],
        total=_used({}, report.total),
        under_way=report.under_way,
        reserved_usd=report.reserved_micro_usd / 1e6,
    )


# ── shared ───────────────────────────────────────────────────────────────────────────────


def _record(act: Act) -> KeyRecord:
    id = act.path["id"]
    try:
        if _ID.fullmatch(id):
            return act.store.record(id)
    except UnknownNameError:
        pass
    raise ApiError(404, f"there is no key '{id[:40]}'; see GET /admin/keys", code="unknown_key")


def _good(act: Act) -> KeyRecord:
    record = _record(act)
    if record.key.revoked_at is not None:
        said = f"key '{record.key.id}' is revoked, and stays so; make a new one"
        raise ApiError(409, said, code="revoked_key")
    return record


def _subject(act: Act) -> Any:
    try:
        per, name = checked_subject(act.path["per"], act.path["name"], "name")
    except UnknownNameError as error:
        raise ApiError(404, str(error), code="not_found") from None
    if per == "key":
        _record(dataclasses.replace(act, path={"id": name}))
    return per, name


def _sums(budgets: list[bodies.BudgetOf]) -> tuple[Sum, ...]:
    stated = (Sum(usd=b.usd, window=b.window, soft=b.soft) for b in budgets)
    return one_a_window(stated, "budgets")


def _whole(act: Act, name: str, most: int) -> int | None:
    text = act.query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,16}", text) or not 1 <= int(text) <= most:
        raise bad_request(f"{name}: found {text[:40]!r}; allowed: 1 to {most}", name)
    return int(text)


def _allotted(allotment: Allotment) -> bodies.AllotmentView:
    return msgspec.convert(allotment_json(allotment), bodies.AllotmentView)


def _plain(record: KeyRecord, allotment: Allotment | None, now: float) -> dict[str, Any]:
    allotted = allotment_json(allotment or Allotment(per="key", name=record.key.id))
    return {**allotted, **key_json(record, now)}


def _viewed(record: KeyRecord, allotment: Allotment | None, now: float) -> bodies.KeyView:
    return msgspec.convert(_plain(record, allotment, now), bodies.KeyView)


def _with_budgets(act: Act, record: KeyRecord) -> bodies.KeyView:
    return _viewed(record, act.store.allotment("key", record.key.id), act.now)


def _made(act: Act, made: Made) -> bodies.KeyMade:
    allotment = act.store.allotment("key", made.record.key.id)
    plain = {**_plain(made.record, allotment, act.now), "secret": made.secret}
    return msgspec.convert(plain, bodies.KeyMade)


def _used(group: dict[str, str], costs: Costs) -> bodies.Spent:
    return bodies.Spent(
        by=group,
        attempts=costs.attempts,
        answers=costs.answers,
        failed=costs.failed,
        input_tokens=costs.input_tokens,
        output_tokens=costs.output_tokens,
        cached_tokens=costs.cached_tokens,
        reasoning_tokens=costs.reasoning_tokens,
        cost_usd=costs.cost_usd,
        known_usd=usd(costs.known_micro_usd) or 0.0,
        unknown=costs.unknown,
    )
