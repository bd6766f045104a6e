"""`mesh cache`: the answers that were kept, what they saved, and how they are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.caching.store import AnswerStore

app = typer.Typer(
    no_args_is_help=True,
    help="Show and drop the answers that routes with a `cache` have kept.",
    rich_markup_mode=None,
)


@app.command()
def stats(project: Project = HERE, as_json: AsJson = False) -> None:
    """Show how many answers are kept, how often they were given again, and what that saved."""
    from time import time

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.money import usd
    from orchestrator.tracing.explain import dollars, duration
    from orchestrator.types import as_json as plain

    with _store(project) as store:
        found = store.stats(time())
    if as_json:
        print_json(plain(found))
        return
    screen = Screen()
    table = screen.table("", ("", {"justify": "right"}))
    table.add_row("answers kept", f"{found.entries - found.expired:,}")
    table.add_row("expired, not removed yet", f"{found.expired:,}")
    table.add_row("workspaces and users", f"{found.tenants:,}")
    for kind in ("exact", "semantic"):
        table.add_row(f"{kind} hits", f"{found.hits.get(kind, 0):,}")
    unknown = f" and {found.saved_unknown} unknown" if found.saved_unknown else ""
    table.add_row("saved", f"{dollars(usd(found.saved_micro_usd))}{unknown}")
    table.add_row("", duration(found.saved_ms))
    table.add_row("answers compared, and feedback", f"{found.observations:,}")
    screen.show(table, indent=0)


@app.command(name="list")
def list_answers(
    project: Project = HERE,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest answers, with how often each was given again."""
    from time import time

    from orchestrator.cli._operations import when
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    with _store(project) as store:
        found = store.listed(limit, time())
    if as_json:
        print_json({"answers": [{**plain(entry), "hits": hits} for entry, hits in found]})
        return
    screen = Screen()
    if not found:
        screen.print("None is kept: say `cache: exact` or `cache: semantic` in a route.")
        return
    table = screen.table("id", "kept", "model", "request", "answer", ("hits", {"justify": "right"}))
    for entry, hits in found:
        table.add_row(
            str(entry.id),
            screen.text(when(entry.made_at), "quiet"),
            entry.about.model,
            screen.short(entry.text or "(kept as a hash)", 40),
            screen.short(" ".join(entry.answer.split()), 40),
            str(hits),
        )
    screen.show(table, indent=0)


@app.command()
def clear(  # noqa: PLR0913 - a parameter is an option
    project: Project = HERE,
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="Those of this workspace.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="To requests with this tag.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="HASH", help="That quote this document.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="HASH", help="Given under this policy.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", metavar="ID", help="First given in this trace.")
    ] = None,
    entry: Annotated[
        int | None, typer.Option("--id", metavar="N", help="The one that `list` shows so.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every answer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drop answers: those for which all that is said holds."""
    from orchestrator.caching.keys import tenant_of
    from orchestrator.caching.values import Drop
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import UserError
    from orchestrator.types import CacheRule, Caller

    shared = CacheRule(per="workspace")
    tenant = tenant_of(Caller(workspace=workspace), shared) if workspace else None
    what = Drop(
        entry=entry, tenant=tenant, policy_hash=policy, tag=tag, source=source, trace_id=trace
    )
    if (what == Drop()) is not everything:
        raise UserError("say which answers are to go (--workspace, --tag, --source, …), or --all")
    with _store(project) as store:
        gone = store.drop(what)
    if as_json:
        print_json({"dropped": gone})
    else:
        Screen().print(f"{gone:,} {'answer' if gone == 1 else 'answers'} dropped.")


@app.command()
def judge(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="That was given a kept answer.")],
    right: Annotated[bool, typer.Option("--right/--wrong", help="What that answer was.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say whether an answer that came from the cache was right; the entry learns of it."""
    from time import time

    from orchestrator.caching.cache import learn_of
    from orchestrator.cli._show import Screen, print_json

    with _store(project) as store:
        learned = learn_of(store, trace, correct=right, now=time())
    if as_json:
        print_json({"learned": learned})
    else:
        screen = Screen()
        screen.print(f"Learned of {learned} kept {'answer' if learned == 1 else 'answers'}.")


@contextmanager
def _store(project: Path) -> Iterator[AnswerStore]:
    from orchestrator.caching.store import AnswerStore
    from orchestrator.gateway.serve.running import storage_of

    store = AnswerStore(storage_of(project) / "cache.sqlite")
    try:
        yield store
    finally:
        store.close()
