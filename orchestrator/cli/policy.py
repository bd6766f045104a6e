"""`mesh policy`: the policies that were in use, what tells them apart, and the way back to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Tone

app = typer.Typer(
    no_args_is_help=True,
    help="Explain the policy in plain English; list, show and compare those that were in use.",
    rich_markup_mode=None,
)
Hash = Annotated[str, typer.Argument(metavar="HASH", help="A hash, or the beginning of it.")]


@app.command(name="list")
def list_policies(project: Project = HERE, as_json: AsJson = False) -> None:
    """List every policy that a service or a run has loaded, the newest first."""
    from orchestrator.cli._operations import when
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.rollback import current_hash
    from orchestrator.gateway.serve.running import storage_of
    from orchestrator.storage.operations import Operations

    kept, now = Operations(storage_of(project)).policies(), current_hash(project)
    if as_json:
        rows = [{"hash": one.hash, "at": one.at, "current": one.hash == now} for one in kept]
        print_json({"policies": rows})
        return
    screen = Screen()
    if not kept:
        screen.print("None is kept yet: `mesh serve` and runs keep those that they load.")
        return
    table = screen.table("policy", "first loaded", ("lines", {"justify": "right"}), "")
    for one in kept:
        mark = screen.text("as policy.yaml says now" if one.hash == now else "", "good")
        lines = str(len(one.text.splitlines()))
        table.add_row(one.hash, screen.text(when(one.at), "quiet"), lines, mark)
    screen.show(table, indent=0)


@app.command()
def show(hash: Hash, project: Project = HERE, as_json: AsJson = False) -> None:
    """Print the text of one."""
    from orchestrator.cli._show import print_json
    from orchestrator.gateway.serve.running import storage_of
    from orchestrator.storage.operations import Operations

    found = Operations(storage_of(project)).policy(hash)
    if as_json:
        print_json({"hash": found.hash, "at": found.at, "text": found.text})
    else:
        print(found.text, end="")


@app.command()
def diff(hash: Hash, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show what a rollback to it would change in policy.yaml."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.rollback import difference
    from orchestrator.gateway.serve.running import storage_of
    from orchestrator.storage.operations import Operations

    found = Operations(storage_of(project)).policy(hash)
    lines = difference(project, found)
    if as_json:
        print_json({"hash": found.hash, "diff": lines})
        return
    screen = Screen()
    if not lines:
        screen.print("policy.yaml says the same, letter by letter.")
    for line in lines:
        tone: Tone = "good" if line.startswith("+") else "bad" if line.startswith("-") else "quiet"
        screen.print(screen.text(line, tone))


@app.command()
def rollback(
    hash: Hash,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="On record.")] = "",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Write it to policy.yaml, if the whole project loads with it, and reload what runs."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli.serve import reload_all, show_reload
    from orchestrator.gateway import rollback as back
    from orchestrator.gateway.serve.running import running, storage_of
    from orchestrator.storage.operations import os_user
    from orchestrator.types import as_json as plain

    storage = storage_of(project)
    done = back.rollback(project, storage, hash, os_user(), why=reason)
    running_ones = running(storage)
    reloads = reload_all(project, f"rollback to {done.after}") if running_ones else []
    if as_json:
        print_json({**plain(done), "reloads": [plain(one) for one in reloads]})
    else:
        screen = Screen()
        text = f" policy.yaml is {done.after} again; it was {done.before}"
        screen.print(screen.join((screen.sign("yes"), "good"), text))
        for one in reloads:
            show_reload(screen, one)
        if not reloads:
            screen.prose("No gateway runs here; the next one begins with it.", 2, "quiet")
    if any(one.result != "done" for one in reloads):
        raise typer.Exit(2)


@app.command()
def explain(
    only: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="KEY=VALUE,…",
            help="Only such requests: data_class, risk, task, tags, domain, interactive.",
        ),
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="For a wiki.")] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say in plain English what the policy does: who may serve what, what is kept, what is checked.

    It is found out by asking routing itself about every data class, risk and task.
    """
    from orchestrator.cli._policy_explain import asked_for, show_explained
    from orchestrator.cli._show import print_json
    from orchestrator.guard.explaining.prose import markdown as as_markdown
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    explained = mesh.explain_policy(asked_for(only, mesh.project))
    if as_json:
        print_json(plain(explained))
    elif markdown:
        print(as_markdown(explained), end="")
    else:
        show_explained(explained)
