"""`mesh serve` and `mesh reload`: the gateway, and a new project for those that run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.gateway.serve.start import Started
    from orchestrator.storage.operations import Operation

Log = Literal["auto", "json", "text", "off"]


def serve(  # noqa: PLR0913 - a parameter is an option
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Default: mesh.yaml's.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0: any that is free.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="Processes that answer.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Ask for no key; on this machine alone.")
    ] = False,
    drain_s: Annotated[
        float | None,
        typer.Option(
            "--drain-s",
            min=0,
            metavar="S",
            help="How long accepted requests may go on at the end; default: their deadline.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Reload when a declared file changes.")
    ] = False,
    log: Annotated[
        Log | None, typer.Option("--log", help="A line for each request on standard error.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Serve the project over HTTP, as OpenAI's API; SIGTERM ends it when all is answered.

    SIGHUP (or `mesh reload`) reads the project anew without losing a request.
    """
    import json
    import os
    import sys

    from orchestrator.cli._show import Screen
    from orchestrator.gateway.serve.options import ServeOptions
    from orchestrator.gateway.serve.start import serve as run
    from orchestrator.gateway.telemetry.logs import style_of
    from orchestrator.project.load import load_project
    from orchestrator.types import as_json as plain

    env = dict(os.environ)
    settings = load_project(project, env=env).project.settings
    said = settings.gateway
    options = ServeOptions(
        root=project,
        host=said.host if host is None else host,
        port=said.port if port is None else port,
        workers=said.workers if workers is None else workers,
        open=open_,
        drain_s=settings.deadline_ms / 1000 if drain_s is None else drain_s,
        log=style_of(log or said.log),
        watch=watch,
    )

    def ready(started: Started) -> None:
        if as_json:
            print(json.dumps({"event": "started", **plain(started)}))
        else:
            show_started(Screen(), started)
        sys.stdout.flush()

    run(options, env, ready)


def show_started(screen: Screen, started: Started) -> None:
    """Where it answers, whom, with what."""
    count = started.workers
    screen.print(
        screen.join((screen.sign("yes"), "good"), " serving ", (f"{started.address}/v1", "strong"))
    )
    facts = (
        f"{count} worker{'' if count == 1 else 's'}",
        "open to this machine, without keys" if started.keys == "open" else "with virtual keys",
        f"{started.available} of {started.deployments} deployments available",
        f"records in {started.storage}",
    )
    screen.prose(screen.facts(facts), 2)
    screen.prose(f"decisions to look at: {started.address}/ui", 2)
    screen.prose(f"project {started.project_hash}, policy {started.policy_hash}", 2, "quiet")
    for warning in started.warnings:
        screen.prose(warning, 2, "warn")


def reload(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Stands on record.")] = "",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Let the gateways of this project, on this machine, read it anew; exit 2 where one refuses."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    done = reload_all(project, reason)
    if as_json:
        print_json({"reloads": [plain(one) for one in done]})
    else:
        for one in done:
            show_reload(Screen(), one)
    if any(one.result != "done" for one in done):
        raise typer.Exit(2)


def reload_all(project: Project, reason: str) -> list[Operation]:
    """Reload each gateway that runs here; what came of it, each.

    Raises:
        UserError: none runs.
    """
    from orchestrator.errors import UserError
    from orchestrator.gateway.serve.running import answer, ask_reload, running, storage_of
    from orchestrator.storage.operations import Operations, os_user

    storage = storage_of(project)
    found = running(storage)
    if not found:
        raise UserError(f"no gateway runs on {storage}; `mesh serve` starts one")
    operations = Operations(storage)
    asked = [ask_reload(operations, one, os_user(), reason) for one in found]
    return [answer(operations, id) for id in asked]


def show_reload(screen: Screen, done: Operation) -> None:
    """One line, and what was wrong."""
    if done.result == "done":
        workers = len(done.details.get("workers", ()))
        words = "nothing had changed" if done.before == done.after else f"project {done.after}"
        text = f" {done.subject}: {words}, in {workers} worker{'' if workers == 1 else 's'}"
        screen.print(screen.join((screen.sign("yes"), "good"), text))
    else:
        text = f" {done.subject}: {done.result}; it goes on as it was"
        screen.print(screen.join((screen.sign("no"), "bad"), text))
        for problem in done.details.get("problems", ()):
            screen.prose(problem, 2)
    for key in done.details.get("counts_from_the_next_start", ()):
        screen.prose(f"{key} counts from the next start on", 2, "warn")


def operations(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 30,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List who drained, reloaded, refreshed or rolled back what, and what came of it."""
    from orchestrator.cli._operations import show_operations
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.serve.running import storage_of
    from orchestrator.storage.operations import Operations
    from orchestrator.types import as_json as plain

    found = Operations(storage_of(project)).all(limit)
    if as_json:
        print_json({"operations": [plain(one) for one in found]})
    elif not found:
        Screen().print("Nothing is on record yet.")
    else:
        show_operations(Screen(), found)


def health(
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Default: the one that runs here.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say whether a gateway is ready for requests; exit 3 where it is not. For health checks."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import RunError, UserError
    from orchestrator.gateway.serve.running import readiness, running, storage_of

    if url is None:
        here = [one for one in running(storage_of(project)) if one.here]
        if not here:
            raise UserError("no gateway of this project runs here; name one with --url")
        url = here[-1].address
    reasons = readiness(url)
    if as_json:
        print_json({"url": url, "ready": not reasons, "reasons": list(reasons)})
    elif not reasons:
        screen = Screen()
        screen.print(screen.join((screen.sign("yes"), "good"), f" {url} is ready"))
    if reasons and not as_json:
        raise RunError(f"{url} is not ready: {'; '.join(reasons)}")
    if reasons:
        raise typer.Exit(3)
