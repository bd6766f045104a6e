"""`mesh keys`: who may ask the gateway for what, and what each may spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Feature, Project

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.gateway.keys.records import Allotment, KeyRecord, Sum
    from orchestrator.gateway.keys.store import KeyStore, Made
    from orchestrator.mesh import Mesh

app = typer.Typer(
    invoke_without_command=True,
    help="Make, list and revoke the keys that the gateway asks for, and say what each may spend.",
    rich_markup_mode=None,
)

Which = Annotated[
    str, typer.Argument(metavar="KEY", help="Its id, the beginning of it, or its name.")
]
Whose = Annotated[
    str | None, typer.Argument(metavar="[KEY]", help="A key; or else --user or --workspace.")
]
OfUser = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="Of a user, whatever the key.")
]
OfWorkspace = Annotated[
    str | None, typer.Option("--workspace", metavar="NAME", help="Of a workspace, likewise.")
]
Requests = Annotated[
    int | None,
    typer.Option("--requests-per-minute", metavar="N", min=1, help="At most, in any 60 seconds."),
]
Tokens = Annotated[
    int | None,
    typer.Option(
        "--tokens-per-minute", metavar="N", min=1, help="Of prompts and answers together."
    ),
]
_OPTIONS = {
    "tasks": "--task",
    "models": "--model",
    "data_classes": "--data-class",
    "user_tier": "--user-tier",
}


@app.callback()
def keys(context: typer.Context, project: Project = HERE, as_json: AsJson = False) -> None:
    """Make, list and revoke the keys that the gateway asks for, and say what each may spend."""
    if context.invoked_subcommand is None:
        list_keys(project=project, as_json=as_json)


@app.command(name="list")
def list_keys(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are revoked or expired.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List the keys: what each may do, for whom, what it has spent, and when it was last used."""
    from orchestrator.cli._keys import listed, show_list, spent
    from orchestrator.cli._show import Screen, print_json

    desk = _desk(project)
    now = desk.store.clock.now()
    records = [r for r in desk.store.records() if everything or r.status(now) == "active"]
    allotments = {one.name: one for one in desk.store.allotments() if one.per == "key"}
    used = spent(desk.mesh, now)
    if as_json:
        print_json({"keys": [listed(r, allotments.get(r.key.id), used, now) for r in records]})
    elif not records:
        Screen().print("There is no key; `mesh keys create --admin` makes the first.")
    else:
        show_list(Screen(), records, allotments, used, now)


@app.command()
def create(  # noqa: PLR0913 - a parameter is an option
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="For people.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="It may do everything.")] = False,
    access: Annotated[
        list[str] | None,
        typer.Option(
            "--access",
            help="call: ask for answers (the default); read: see traces, costs and health; admin: "
            "everything. May be repeated.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", metavar="NAME", help="Only these tasks.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Only these models.")
    ] = None,
    data_class: Annotated[
        list[str] | None,
        typer.Option("--data-class", metavar="NAME", help="Only data of these classes."),
    ] = None,
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="For this user, whatever requests say.")
    ] = "",
    workspace: Annotated[
        str, typer.Option("--workspace", metavar="NAME", help="For this workspace.")
    ] = "",
    user_tier: Annotated[
        str, typer.Option("--user-tier", metavar="NAME", help="For users of this tier.")
    ] = "",
    feature: Feature = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="WHEN", help="90d, 1y, or a day: 2027-03-31."),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget", metavar="USD/WINDOW", help="5/day; or a run, hour, month. May be repeated."
        ),
    ] = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print its secret, which is shown this once.

    Works without a running service; one that runs knows the key half a second later.
    """
    from orchestrator.gateway.keys.records import Allotment
    from orchestrator.gateway.keys.terms import one_a_window, read_sum, with_terms
    from orchestrator.gateway.keys.values import Key

    desk = _desk(project)
    said = {
        "name": name,
        "access": [*(access or []), *(["admin"] if admin else [])] or ["call"],
        "tasks": task,
        "models": model,
        "data_classes": data_class,
        "user": user,
        "workspace": workspace,
        "user_tier": user_tier,
        "feature": feature or "",
        "expires": expires,
    }
    wanted = with_terms(Key(id=""), said, desk.mesh.project, desk.store.clock.now(), _option)
    sums = one_a_window((read_sum(text, "--budget") for text in budget or ()), "--budget")
    allotment = Allotment(
        per="key",
        name="",
        sums=sums,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
    )
    made = desk.store.create(wanted, by=desk.by, allotment=allotment)
    _show_made(desk, made, as_json, "")


@app.command()
def show(key: Which, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show one key: its scope, its secrets' beginnings, its budgets, and what it has spent."""
    from orchestrator.cli._keys import listed, show_key, spent
    from orchestrator.cli._show import Screen, print_json

    desk = _desk(project)
    record = desk.store.find(key)
    allotment = desk.store.allotment("key", record.key.id)
    now = desk.store.clock.now()
    used = spent(desk.mesh, now)
    if as_json:
        print_json(listed(record, allotment, used, now))
    else:
        show_key(Screen(), record, allotment, used, now)


@app.command()
def revoke(key: Which, project: Project = HERE, as_json: AsJson = False) -> None:
    """End a key for ever; every service refuses it within a second."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.keys.records import key_json

    desk = _desk(project)
    found = desk.store.find(key)
    record = desk.store.revoke(found.key.id, by=desk.by)
    if as_json:
        print_json(key_json(record, desk.store.clock.now()))
    else:
        before = found.key.revoked_at is not None
        state = "was revoked before" if before else "is revoked; services refuse it within a second"
        Screen().print(f"{_called(record)} {state}.")


@app.command()
def rotate(
    key: Which,
    grace: Annotated[
        str,
        typer.Option(
            "--grace", metavar="TIME", help="How long the old secret stays good: 30m, 24h, 7d, 0."
        ),
    ] = "24h",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, and print it; id, scope and budgets stay.

    The old secret is good for the time of --grace, so that whoever uses it can change over.
    """
    from orchestrator.gateway.keys.ring import moment
    from orchestrator.gateway.keys.terms import read_span

    desk = _desk(project)
    id = desk.store.find(key).key.id
    grace_s = read_span(grace, "--grace")
    made = desk.store.rotate(id, grace_s=grace_s, by=desk.by)
    ends = made.record.secrets[0].ends_at if len(made.record.secrets) > 1 else None
    old = f"The old secret is good until {moment(ends)}." if grace_s and ends else ""
    _show_made(desk, made, as_json, old or "The old secret is refused from now on.")


@app.command()
def budget(  # noqa: PLR0913 - a parameter is an option
    key: Whose = None,
    user: OfUser = None,
    workspace: OfWorkspace = None,
    usd: Annotated[
        float | None, typer.Option("--usd", metavar="USD", min=0, help="At most, in a window.")
    ] = None,
    window: Annotated[
        Literal["run", "hour", "day", "month"] | None,
        typer.Option("--window", help="Of the calendar, in UTC; run: each run apart."),
    ] = None,
    soft_from: Annotated[
        float | None,
        typer.Option(
            "--soft-from", metavar="USD", min=0, help="From there on the cheapest model answers."
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Without --window: the budgets of all windows.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show or set what a key, a user or a workspace may spend.

    A user or workspace is who requests name, or who a key is made for; that alone nobody can
    change.
    """
    from orchestrator.errors import UserError
    from orchestrator.gateway.keys.records import Sum
    from orchestrator.gateway.keys.terms import one_a_window

    def kept(allotment: Allotment) -> tuple[Sum, ...]:
        left = window is not None or not remove
        return tuple(one for one in allotment.sums if left and one.window != window)

    fresh: tuple[Sum, ...] = ()
    if usd is not None and window is not None:
        fresh = (Sum(usd=usd, window=window, soft=soft_from),)
    elif usd is not None or soft_from is not None or (window is not None and not remove):
        raise UserError("a budget takes both --usd and --window: --usd 5 --window day")
    if remove and usd is not None:
        raise UserError("choose one: --usd or --remove")
    sums: Callable[[Allotment], Any] | None = None
    if fresh or remove:
        sums = lambda old: {"sums": one_a_window((*kept(old), *fresh), "--window")}  # noqa: E731
    _allot(_desk(project), (key, user, workspace), sums, as_json)


@app.command()
def limit(
    key: Whose = None,
    user: OfUser = None,
    workspace: OfWorkspace = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    remove: Annotated[bool, typer.Option("--remove", help="Both limits.")] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show or set how much a key, a user or a workspace may ask for in a minute."""
    from orchestrator.errors import UserError

    said = {"requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute}
    given = {name: value for name, value in said.items() if value is not None}
    if remove and given:
        raise UserError("choose one: a limit or --remove")
    changed = said if remove else given
    _allot(
        _desk(project), (key, user, workspace), (lambda _: changed) if changed else None, as_json
    )


@app.command()
def log(
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Only changes of this key.")
    ] = None,
    number: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="So many, the newest.")
    ] = 50,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show who changed what: keys made, changed, rotated and revoked, budgets and limits set."""
    from orchestrator.cli._keys import show_log
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.keys.records import change_json

    store = _desk(project).store
    changes = store.log(name=store.find(key).key.id if key else None, limit=number)
    if as_json:
        print_json({"changes": [change_json(change) for change in changes]})
    elif not changes:
        Screen().print("Nothing has been changed yet.")
    else:
        show_log(Screen(), changes)


# ── shared ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every command works with."""

    mesh: Mesh
    store: KeyStore
    by: str


def _desk(project: Path) -> _Desk:
    import getpass
    import socket

    from orchestrator.calling.clock import SystemClock
    from orchestrator.gateway.keys.opening import open_store
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    store = open_store(mesh.project.settings, mesh.storage, SystemClock())
    return _Desk(mesh, store, f"cli:{user}@{socket.gethostname()}")


def _option(field: str) -> str:
    return _OPTIONS.get(field, f"--{field}")


def _called(record: KeyRecord) -> str:
    name = f" '{record.key.name}'" if record.key.name else ""
    return f"Key {record.key.id}{name}"


def _show_made(desk: _Desk, made: Made, as_json: bool, more: str) -> None:
    from orchestrator.cli._keys import show_secret
    from orchestrator.cli._show import Screen, print_json, terminal
    from orchestrator.gateway.keys.records import key_json

    if as_json:
        now = desk.store.clock.now()
        print_json({"secret": made.secret, **key_json(made.record, now)})
        return
    import sys

    said = f"{_called(made.record)}. {more}".strip()
    if terminal(sys.stdout):
        show_secret(Screen(), said, made.secret)
    else:  # the secret alone, for `KEY=$(mesh keys create)`
        typer.echo(said, err=True)
        typer.echo(made.secret)


def _allot(
    desk: _Desk,
    whose: tuple[str | None, str | None, str | None],
    changed: Callable[[Allotment], dict[str, Any]] | None,
    as_json: bool,
) -> None:
    """Change what somebody is allotted, if anything is to change, and show it."""
    import dataclasses

    from orchestrator.cli._keys import show_allotment, spent
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import UserError
    from orchestrator.gateway.keys.records import SUBJECTS, allotment_json
    from orchestrator.gateway.keys.terms import checked_subject

    named = [(per, name) for per, name in zip(SUBJECTS, whose, strict=True) if name is not None]
    if len(named) != 1:
        raise UserError("say whose: a KEY, --user NAME, or --workspace NAME")
    per, name = checked_subject(*named[0], where=f"--{named[0][0]}")
    if per == "key":
        name = desk.store.find(name).key.id
    if changed is None:
        allotment = desk.store.allotment(per, name)
    else:
        allotment = desk.store.reallot(
            per, name, lambda old: dataclasses.replace(old, **changed(old)), by=desk.by
        )
    if as_json:
        print_json(allotment_json(allotment))
    else:
        show_allotment(Screen(), allotment, spent(desk.mesh, desk.store.clock.now(), per))
