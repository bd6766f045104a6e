"""`mesh forget`: removes what is kept of a person, a workspace or one request."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.mesh import Mesh

KEY = "subject.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was removed, or would be."""

    subject: str
    """Without the name: a keyed hash, which only this project can make of the name again."""
    done: bool
    counts: dict[str, int] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    """Runs that a process carries out now, which stay."""


def forget(
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Of a user.")] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="Of a workspace.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", metavar="ID", help="Of one request.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only say what would go.")] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Remove what is kept of a user, a workspace or a request, and print a receipt.

    Traces with what was said of them, journals, conversations, approvals and cached answers go.
    Money stays, under a pseudonym. The audit log tells of it without the name.
    """
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import UserError
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    wanted = {"user": user, "workspace": workspace}
    subject = {name: value for name, value in wanted.items() if value}
    if bool(subject) == bool(trace):
        raise UserError("say whom to forget: --user, --workspace or both, or --trace")
    mesh = Mesh.load(project)
    receipt = erase(mesh, subject, trace, dry_run=not yes)
    if as_json:
        print_json(plain(receipt))
    else:
        _show(Screen(), receipt)


def erase(mesh: Mesh, subject: dict[str, str], trace: str | None, *, dry_run: bool) -> Receipt:
    """Remove it from every store of the project.

    Raises:
        UnknownNameError: there is no such trace.
        StorageError: a store cannot be read or written.
    """
    from orchestrator.caching.sweep import remove_answers
    from orchestrator.calling.sweep import LedgerSweep
    from orchestrator.graph.journal import JournalStore
    from orchestrator.graph.sweep import JournalSweep
    from orchestrator.records import AuditEvent
    from orchestrator.storage.compact import compact
    from orchestrator.storage.operations import os_user
    from orchestrator.tracing.sweep import TraceSweep

    folder, server = mesh.storage, mesh.project.settings.storage.database
    mesh.store.traces(1)  # takes in what services have spooled
    traces = TraceSweep(folder if server else folder / "traces.sqlite", database=server)
    ids = [mesh.store.trace(trace).id] if trace else traces.of_caller(**subject)
    name = trace or " ".join(f"{field}:{value}" for field, value in sorted(subject.items()))
    alias = f"erased-{_keyed(mesh.audit_folder, name, make=not dry_run)}"
    counts: dict[str, int] = {}
    with closing(JournalStore(folder)) as journals:
        journal = JournalSweep(journals, folder / "journal.sqlite")
        counts["runs"], running = journal.remove(ids, dry_run=dry_run)
    gone = [one for one in ids if one not in running]
    counts["traces"] = len(gone)
    counts["cached answers"] = remove_answers(folder / "cache.sqlite", gone, dry_run=dry_run)
    ledger = LedgerSweep(folder / "ledger.sqlite")
    counts["ledger lines under a pseudonym"] = ledger.pseudonymise(subject, alias, dry_run=dry_run)
    if not dry_run:
        traces.remove(gone)
        for file in ("traces.sqlite", "cache.sqlite"):
            if (folder / file).exists():
                compact(folder / file, alone=lambda: not running)
        event = AuditEvent(
            kind="deletion",
            what="a request was erased" if trace else "what was kept of a caller was erased",
            at=time.time(),
            by=os_user(),
            facts={"subject": alias, **counts, "still running": len(running)},
        )
        mesh.audit_log.write([event])
        mesh.audit_log.close()  # so that its head goes out
    return Receipt(subject=alias, done=not dry_run, counts=counts, running=tuple(running))


def _keyed(folder: Path, name: str, *, make: bool) -> str:
    """A name that stands for the subject, and tells nothing of it without the project's key."""
    path = folder / KEY
    if make and not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(secrets.token_bytes(32))
    if not path.exists():
        return "…"
    return hmac.new(path.read_bytes(), name.encode(), hashlib.sha256).hexdigest()[:16]


def _show(screen: Screen, receipt: Receipt) -> None:
    head = "Erased, under the name" if receipt.done else "Would be erased, under the name"
    screen.print(f"{head} {receipt.subject}:")
    table = screen.table(("", {"justify": "right"}), "")
    for what, count in receipt.counts.items():
        table.add_row(f"{count:,}", what)
    screen.show(table)
    if receipt.running:
        screen.prose(
            f"! {len(receipt.running)} runs go on and stay; cancel them, and say it again: "
            f"{', '.join(receipt.running)}",
            tone="warn",
        )
    if not receipt.done:
        screen.prose("Nothing was removed; --yes does it.", tone="quiet")
    screen.prose(
        "Not looked through: vectors of source documents (storage.keep_days.vectors), keys that "
        "name a user (mesh keys), copies and backups, and what was exported elsewhere.",
        tone="quiet",
    )
