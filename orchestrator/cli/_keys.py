"""How `mesh keys` shows keys, what they may spend, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.gateway.keys.records import (
    WINDOWS,
    Allotment,
    Change,
    KeyRecord,
    Subject,
    Sum,
    allotment_json,
    key_json,
)

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.mesh import Mesh

Spent = Mapping[str, Mapping[str, int]]
"""By window and name: micro-dollars that were spent since the window began."""
_TONES: Mapping[str, Tone] = {"active": "good", "expired": "warn", "revoked": "bad"}


def spent(mesh: Mesh, now: float, per: Subject = "key") -> Spent:
    """What the ledger says was spent in the windows that are going on; of a run it says nothing."""
    from orchestrator.calling.spending.caps import window_start

    found: dict[str, dict[str, int]] = {}
    for window in WINDOWS[1:]:
        report = mesh.costs(by=(per,), since=window_start(window, now))
        found[window] = {names[0]: costs.known_micro_usd for names, costs in report.rows}
    return found


def listed(
    record: KeyRecord, allotment: Allotment | None, used: Spent, now: float
) -> dict[str, Any]:
    """A key with what it may spend, for programs."""
    id = record.key.id
    allotted = allotment_json(allotment or Allotment(per="key", name=id))
    spent_usd = {window: names.get(id, 0) / 1e6 for window, names in used.items()}
    return {
        **key_json(record, now),
        "budgets": allotted["budgets"],
        "requests_per_minute": allotted["requests_per_minute"],
        "tokens_per_minute": allotted["tokens_per_minute"],
        "spent_usd": spent_usd,
    }


def show_list(
    screen: Screen,
    records: Sequence[KeyRecord],
    allotments: Mapping[str, Allotment],
    used: Spent,
    now: float,
) -> None:
    """One row a key."""
    table = screen.table(
        ("id", {"no_wrap": True}),
        screen.names("name", (r.key.name for r in records), 0.15),
        ("status", {"no_wrap": True}),
        "may",
        "for",
        "budget",
        ("last used", {"no_wrap": True}),
    )
    for record in records:
        status = record.status(now)
        allotment = allotments.get(record.key.id)
        sums = [_sum(one, record.key.id, used) for one in allotment.sums] if allotment else []
        table.add_row(
            record.key.id,
            screen.text(record.key.name),
            screen.text(status, _TONES[status]),
            screen.text("; ".join(_scope(record))),
            screen.text(", ".join(name for _, name in _whom(record))),
            screen.text(", ".join(sums)),
            screen.text(_ago(record.used_at, now), "quiet"),
        )
    screen.show(table, indent=0)


def show_key(
    screen: Screen, record: KeyRecord, allotment: Allotment, used: Spent, now: float
) -> None:
    """Everything about one key that is no secret."""
    key, status = record.key, record.status(now)
    name = f"  {key.name}" if key.name else ""
    screen.print(screen.join((key.id, "strong"), name, (f"  {status}", _TONES[status])))
    table = screen.table(("", {"style": "dim", "no_wrap": True}), "")
    table.show_header = False
    table.add_row("made", screen.text(f"{_when(record.made_at)} by {record.made_by}"))
    if key.revoked_at is not None:
        table.add_row("revoked", _when(key.revoked_at))
    table.add_row("expires", "never" if key.expires_at is None else _when(key.expires_at))
    table.add_row("last used", _ago(record.used_at, now))
    table.add_row("may", screen.text("; ".join(_scope(record))))
    for what, said in _whom(record):
        table.add_row(what, screen.text(said))
    for secret in record.secrets:
        ends = "" if secret.ends_at is None else f", good until {_when(secret.ends_at)}"
        if secret.ends_at is not None and secret.ends_at <= now:
            ends = f", ended {_when(secret.ends_at)}"
        mark = "…" if screen.symbols else "..."
        said = f"{secret.shown}{mark} of {_when(secret.made_at)}{ends}"
        table.add_row("secret", screen.text(f"{said}, last used {_ago(secret.used_at, now)}"))
    for line in _allotted(allotment, used):
        table.add_row(*line)
    screen.show(table)


def show_allotment(screen: Screen, allotment: Allotment, used: Spent) -> None:
    """What somebody may spend and ask for."""
    screen.print(screen.join(f"{allotment.per} ", (allotment.name, "strong")))
    lines = _allotted(allotment, used)
    if not lines:
        screen.prose("no budget and no limit of its own; those of policy.yaml hold", 2, "quiet")
    for what, said in lines:
        screen.print(f"  {what}  {said}")


def show_log(screen: Screen, changes: Sequence[Change]) -> None:
    """One row a change, the newest first."""
    table = screen.table(
        ("when (UTC)", {"no_wrap": True}),
        screen.names("by", (c.by for c in changes), 0.25),
        ("what", {"no_wrap": True}),
        screen.names("of", (_of(c) for c in changes), 0.2),
        "change",
    )
    for change in changes:
        table.add_row(
            screen.text(_when(change.at).removesuffix(" UTC"), "quiet"),
            screen.text(change.by),
            change.what,
            screen.text(_of(change)),
            screen.text(_difference(change)),
        )
    screen.show(table, indent=0)


def show_secret(screen: Screen, said: str, secret: str) -> None:
    """The secret, where nobody overlooks it; on a line of its own, to be copied whole."""
    from rich.panel import Panel

    screen.print(screen.text(said))
    # No wider than the secret needs: a line that wraps is copied with a break in it.
    if screen.width >= len(secret) + 4:
        screen.print(Panel(screen.text(secret, "strong"), expand=False, border_style="green"))
    else:
        print(secret)
    screen.prose("Copy it now: it is stored as a hash, and is not shown again.", 0, "warn")


def _scope(record: KeyRecord) -> list[str]:
    key = record.key
    words = ["everything"] if "admin" in key.access else [" and ".join(sorted(key.access))]
    for what, names in (
        ("tasks", key.tasks),
        ("models", key.models),
        ("data", key.data_classes),
    ):
        if names is not None:
            words.append(f"{what}: {', '.join(sorted(names)) or 'none'}")
    return words


def _whom(record: KeyRecord) -> list[tuple[str, str]]:
    caller = record.key.caller
    said = (
        ("workspace", caller.workspace),
        ("user", caller.user),
        ("tier", caller.tier),
        ("feature", caller.feature),
    )
    return [(what, name) for what, name in said if name]


def _allotted(allotment: Allotment, used: Spent) -> list[tuple[str, str]]:
    lines = [("budget", _sum(one, allotment.name, used)) for one in allotment.sums]
    for amount, unit in (
        (allotment.requests_per_minute, "requests"),
        (allotment.tokens_per_minute, "tokens"),
    ):
        if amount is not None:
            lines.append(("limit", f"{amount:,} {unit} a minute"))
    return lines


def _sum(one: Sum, name: str, used: Spent) -> str:
    """`1.20 of 5.00 USD a day`."""
    window = f"{_usd(one.usd)} USD a{'n' if one.window == 'hour' else ''} {one.window}"
    if one.soft is not None and one.soft is not False:
        window += f", the cheapest from {_usd(one.usd if one.soft is True else one.soft)}"
    if one.window not in used:
        return window
    return f"{_usd(used[one.window].get(name, 0) / 1e6)} of {window}"


def _usd(amount: float) -> str:
    """Cents, and more digits where there are."""
    exact = f"{amount:,.6f}".rstrip("0")
    return exact if len(exact.partition(".")[2]) >= 2 else f"{amount:,.2f}"


def _of(change: Change) -> str:
    return change.name if change.per == "key" else f"{change.per} {change.name}"


def _difference(change: Change) -> str:
    before, after = change.before or {}, change.after or {}
    if change.what == "create":
        flat = {**after, **after.get("allotted", {})}
        named = {k: v for k, v in flat.items() if k not in ("allotted", "per")}
        return _stated({**named, "name": after["name"]})
    changed = [k for k in {**before, **after} if before.get(k) != after.get(k)]
    if not after:
        return "removed"
    return "; ".join(
        f"{k}: {_value(before[k])} to {_value(after.get(k))}"
        if before.get(k) is not None
        else f"{k}: {_value(after.get(k))}"
        for k in changed
        if k not in ("per", "name") or change.what == "change"
    )


def _stated(values: Mapping[str, Any]) -> str:
    said = {k: v for k, v in values.items() if v not in (None, "", [])}
    return "; ".join(f"{k}: {_value(v)}" for k, v in said.items())


def _value(value: Any) -> str:
    if isinstance(value, float) and value > 1e9:
        return _when(value)
    if isinstance(value, list):
        return ", ".join(one if isinstance(one, str) else _sum_of(one) for one in value) or "none"
    return str(value) if value is not None else "none"


def _sum_of(stated: Mapping[str, Any]) -> str:
    return _sum(Sum(**stated), "", {})


def _ago(at: float | None, now: float) -> str:
    if at is None:
        return "never"
    seconds = max(now - at, 0.0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"


def _when(at: float) -> str:
    from orchestrator.gateway.keys.ring import moment

    return moment(at)
