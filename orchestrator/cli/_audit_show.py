"""The audit log on the screen: whether it holds, its heads, the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.guard.auditing.heads import SentHead
    from orchestrator.guard.auditing.report import Report
    from orchestrator.guard.auditing.verify import Verified

_MOST_CHARACTERS = 60


def standing(found: Verified) -> str:
    """In a sentence, whether the log holds."""
    if found.broken is not None:
        broken = found.broken
        return (
            f"The log was changed: {broken.file}, line {broken.line}, entry {broken.number:,}: "
            f"{broken.problem}."
        )
    if found.mismatch:
        return f"The log was changed: {found.mismatch}."
    if not found.entries and not found.heads:
        return "The log is empty."
    return f"The log holds: {found.entries:,} entries, none was changed, removed or moved."


def show_verified(screen: Screen, found: Verified) -> None:
    """The sentence, and what nobody but the log itself vouches for."""
    screen.prose(standing(found), tone="good" if found.holds else "bad")
    if found.torn:
        screen.prose(f"! {found.torn}", tone="warn")
    if found.removed:
        screen.prose(f"Entries 1 to {found.removed:,} went by retention, on record.", tone="quiet")
    if not found.holds:
        return
    if not found.heads:
        screen.prose(
            "! Held against no head that was sent elsewhere: that its end was cut off, or that all "
            "of it was written anew, would not be seen. See audit.anchor in mesh.yaml.",
            tone="warn",
        )
    else:
        since = f"; {found.since_head:,} came after the last" if found.since_head else ""
        screen.prose(f"Held against {found.heads:,} heads that were sent elsewhere{since}.")


def verified_json(found: Verified) -> dict[str, Any]:
    """For programs; times are seconds since the epoch."""
    from orchestrator.types import as_json

    return {"holds": found.holds, **as_json(found)}


def show_heads(screen: Screen, found: Verified, sent: Sequence[SentHead]) -> None:
    """One row a file, and the last head that was sent."""
    if not found.files:
        screen.print("The log is empty.")
        return
    right = {"justify": "right", "no_wrap": True}
    table = screen.table("file", ("entries", right), ("to", right), "head")
    for one in found.files:
        entries = f"{one.last - one.first + 1:,}"
        table.add_row(one.file, entries, f"{one.last:,}", screen.text(one.hash, "quiet"))
    screen.show(table, indent=0)
    if sent:
        last = max(sent, key=lambda head: head.number)
        screen.prose(f"The last head on record elsewhere is that of entry {last.number:,}.")
    if not found.holds:
        screen.prose(standing(found), tone="bad")


def heads_json(found: Verified, sent: Sequence[SentHead]) -> dict[str, Any]:
    """For programs."""
    from orchestrator.types import as_json

    return {"holds": found.holds, "files": as_json(found.files), "sent": as_json(tuple(sent))}


def show_report(screen: Screen, found: Report, verified: Verified) -> None:
    """Table after table; those without rows in one line at the end."""
    from orchestrator.guard.auditing.report import moment

    since = "the beginning" if found.since is None else moment(found.since)
    screen.prose(
        f"From {since} to {moment(found.until)} UTC: {found.entries:,} entries on "
        f"{found.requests:,} requests."
    )
    screen.prose(standing(verified), tone="good" if verified.holds else "bad")
    for section in found.sections:
        if not section.rows:
            continue
        screen.heading(section.title)
        screen.prose(section.words, 2, "quiet")
        table = screen.table(*section.columns)
        wide = section.id in ("frameworks", "uncovered")
        for row in section.rows:
            cells = map(str, row)
            table.add_row(*(c if wide else screen.short(c, _MOST_CHARACTERS) for c in cells))
        screen.show(table)
        if section.more:
            screen.prose(f"and {section.more:,} more: mesh audit export", 2, "quiet")
    empty = [section.title for section in found.sections if not section.rows]
    if empty:
        screen.print("")
        screen.prose(f"Nothing of: {'; '.join(empty)}.", tone="quiet")
