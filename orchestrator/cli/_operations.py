"""How drains, reloads and other operations are shown."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from orchestrator.cli._show import Screen, Tone, terminal
from orchestrator.storage.operations import Operation

if TYPE_CHECKING:
    from orchestrator.fleet.refresh import Kind, Refresh
    from orchestrator.gateway.drain import Drained
    from orchestrator.routing.takeover import Takeover

T = TypeVar("T")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TONES: Mapping[str, Tone] = {"done": "good", "asked": "warn", "refused": "bad", "failed": "bad"}


def seconds(text: str, option: str) -> float:
    """`30m`, `2h` or `1d` in seconds.

    Raises:
        UserError: it is none of these.
    """
    from orchestrator.errors import UserError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip().lower())
    if found is None or not float(found[1]):
        raise UserError(f"{option}: '{text}' is no length of time; write 90s, 30m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2]]


def with_status(words: str, work: Callable[[], T]) -> T:
    """Carry `work` out; a person at a terminal sees that something is under way."""
    if not terminal(sys.stderr):
        return work()
    screen = Screen(sys.stderr)
    with screen.console.status(screen.text(words, "quiet")):
        return work()


def show_drained(screen: Screen, done: Drained) -> None:
    """What is out of use, until when, and who takes over."""
    until = "until `mesh fleet undrain`" if done.until is None else f"until {when(done.until)}"
    words = f" out of use {until}: {', '.join(done.deployments)}"
    screen.print(screen.join((screen.sign("yes"), "good"), words))
    if not done.takeovers:
        screen.prose("It was the first choice for nothing, so nothing changes hands.", 2, "quiet")
        return
    screen.heading("Who takes over")
    rows = _grouped(done.takeovers)
    table = screen.table(screen.names("request", (row[0] for row in rows), 0.5), "before", "now")
    for request, before, after in rows:
        now = screen.text("nobody", "bad") if after is None else screen.text(after)
        table.add_row(request, screen.text(before, "quiet"), now)
    screen.show(table)


def _grouped(found: Sequence[Takeover]) -> list[tuple[str, str, str | None]]:
    """A task in several data classes is one row where the same deployment takes over."""
    rows: dict[tuple[str, str, str | None], list[str]] = {}
    for one in found:
        task, _, data_class = one.request.partition(" (")
        classes = rows.setdefault((task, one.before, one.after), [])
        classes.append(data_class.removesuffix(")") or "default")
    named = {
        key: "" if classes == ["default"] else f" ({', '.join(classes)})"
        for key, classes in rows.items()
    }
    return [(task + named[task, before, after], before, after) for task, before, after in rows]


_KINDS: Mapping[Kind, tuple[str, Tone]] = {
    "leaves": ("not listed any more", "bad"),
    "returns": ("listed again", "good"),
    "price": ("price", "warn"),
    "context": ("context", "warn"),
    "retires": ("retires", "warn"),
    "offered": ("new at the provider", ""),
}
_MOST_OFFERED = 20


def show_refresh(screen: Screen, found: Refresh, *, written: bool) -> None:
    """Who was asked, and what is other than it was."""
    table = screen.table("asked", "")
    for one in found.asked:
        words = screen.text(one.problem, "warn") if one.problem else f"{one.models} models"
        table.add_row(one.name, words)
    screen.show(table, indent=0)
    offered = [one for one in found.findings if one.kind == "offered"]
    rows = [one for one in found.findings if one.kind != "offered"] + offered[:_MOST_OFFERED]
    screen.print("")
    if not rows:
        screen.print("Nothing is other than it was.")
    else:
        table = screen.table(screen.names("model", (row.subject for row in rows), 0.4), "what", "")
        for row in rows:
            words, tone = _KINDS[row.kind]
            change = f"{row.before} {screen.sign('to')} {row.after}" if row.before else row.after
            where = row.provider if row.kind == "offered" else change
            table.add_row(row.subject, screen.text(words, tone), screen.text(where, "quiet"))
        screen.show(table, indent=0)
    if len(offered) > _MOST_OFFERED:
        screen.prose(f"and {len(offered) - _MOST_OFFERED} more that are new; --json has all")
    screen.print("")
    if written:
        screen.prose("Kept in fleet.refreshed.yaml; `mesh reload` lets running gateways know.")
    else:
        screen.prose("Nothing was changed; --write keeps it in fleet.refreshed.yaml.", 0, "quiet")


def show_operations(screen: Screen, found: Sequence[Operation]) -> None:
    """One row an operation, the newest first."""
    fixed = {"no_wrap": True}
    table = screen.table(
        ("when", fixed), ("who", {"max_width": 24}), ("what", fixed), "on what", "result", "why"
    )
    for one in found:
        result = screen.join((one.result, _TONES[one.result]), changed(screen, one))
        why = screen.text(screen.short(one.why, 60), "quiet")
        table.add_row(when(one.at), screen.text(one.who), one.action, one.subject, result, why)
    screen.show(table, indent=0)


def changed(screen: Screen, one: Operation) -> str:
    """` 3f9a… -> 81bc…` where a hash became another; else nothing."""
    if one.action not in ("reload", "rollback") or not one.after or one.before == one.after:
        return ""
    return f" {one.before[:8]} {screen.sign('to')} {one.after[:8]}"


def when(at: float) -> str:
    """A moment for a person, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
