"""`mesh gc`: removes what is old from the storage folder, and gives the space back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.mesh import Mesh
    from orchestrator.storage.sweep import Report

_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "": 1.0}
STAMP = "gc.stamp"
EVERY_S = 86_400.0


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="One age for everything: 30d, 12h, 2w."),
    ] = None,
    max_mb: Annotated[
        int | None,
        typer.Option("--max-mb", metavar="MB", min=1, help="Remove the oldest traces above that."),
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Give up old runs that could be resumed, too.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Remove what is old: traces, journals, vectors of documents that changed, ….

    How long things stay is said by storage.keep_days and storage.max_mb in mesh.yaml. Runs that
    can be resumed stay, and so does money that a budget counts.
    """
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    days = None if older_than is None else read_age(older_than)
    mesh = Mesh.load(project)
    report = _with_status(
        lambda tell: mesh.gc(
            dry_run=dry_run,
            older_than_days=days,
            max_mb=max_mb,
            unfinished=unfinished,
            progress=tell,
        )
    )
    if as_json:
        print_json(report_json(report))
    else:
        show_report(Screen(), report)


def read_age(text: str, option: str = "--older-than") -> float:
    """`30d`, `12h`, `2w` or a number of days, as days.

    Raises:
        UserError: it is none of these.
    """
    from orchestrator.errors import UserError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdw]?)", text.strip().lower())
    if found is None:
        raise UserError(
            f"{option}: '{text}' is not an age; write hours, days or weeks: 12h, 30d, 2w"
        )
    return float(found[1]) * _DAYS[found[2]]


def _with_status(work: Any) -> Any:
    """Carry `work` out; a person at a terminal sees which store it is at."""
    import sys

    from orchestrator.cli._show import Screen, terminal

    if not terminal(sys.stderr):
        return work(lambda _: None)
    screen = Screen(sys.stderr)
    with screen.console.status(screen.text("cleaning up", "quiet")) as status:
        return work(lambda name: status.update(screen.text(f"cleaning up: {name}", "quiet")))


def report_json(report: Report) -> dict[str, Any]:
    """The report; all sizes are bytes."""
    return {
        "dry_run": report.dry_run,
        "before_bytes": report.before,
        "after_bytes": report.after,
        "over_bytes": report.over,
        "stores": [
            {
                "name": store.name,
                "path": str(store.path),
                "before_bytes": store.before,
                "after_bytes": store.after,
                "removed": dict(store.removed),
            }
            for store in report.stores
        ],
    }


def show_report(screen: Screen, report: Report) -> None:
    """One row a store."""
    if not report.stores:
        screen.prose("Nothing is stored yet.")
        return
    right = {"justify": "right", "no_wrap": True}
    sizes = (("size", right),) if report.dry_run else (("before", right), ("after", right))
    table = screen.table("store", *sizes, "would go" if report.dry_run else "removed")
    for store in report.stores:
        gone = ", ".join(_counted(number, what) for what, number in store.removed.items())
        shown = (store.before,) if report.dry_run else (store.before, store.after)
        tone: Tone = "" if gone else "quiet"
        table.add_row(
            screen.text(store.name),
            *(screen.text(megabytes(size), "quiet") for size in shown),
            screen.text(gone or "nothing", tone),
        )
    screen.show(table)
    screen.print("")
    if report.dry_run:
        screen.prose(f"{megabytes(report.before)} in all; nothing was removed.", 2, "quiet")
    else:
        freed = megabytes(max(0, report.before - report.after))
        screen.prose(f"{freed} freed; {megabytes(report.after)} are left.", 2, "quiet")
    if report.over:
        screen.prose(
            f"That is {megabytes(report.over)} more than allowed, and nothing else is old enough "
            "to go: see --older-than and --unfinished.",
            2,
            "warn",
        )


def _counted(number: int, what: str) -> str:
    noun, _, rest = what.partition(" ")
    if number == 1:
        noun = noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")
    return f"{number:,} {noun} {rest}".rstrip()


def megabytes(size: int) -> str:
    """Bytes for a person."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.0f} kB"


def tidy(mesh: Mesh) -> None:
    """`mesh gc` by itself: at the end of a command that ran something, at most once a day.

    Silent: who is answered does not care, and what cannot be removed today can be tomorrow.
    """
    import contextlib
    import time

    from orchestrator.errors import MeshError

    stamp = mesh.storage / STAMP
    with contextlib.suppress(OSError, MeshError):
        last = stamp.stat().st_mtime if stamp.exists() else None
        if last is not None and time.time() - last < EVERY_S:
            return
        stamp.touch()
        if last is not None:  # in a folder that was just made nothing is old
            mesh.gc()
