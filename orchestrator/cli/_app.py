"""The command line put together: which commands there are, and what ends one early."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator.cli import (
    approvals,
    audit,
    audit_log,
    cache,
    calibrate,
    check,
    costs,
    decide,
    drill,
    feedback,
    fleet,
    forget,
    gc,
    graph,
    guard,
    import_,
    incidents,
    init,
    keys,
    learn,
    learn_agreement,
    plan,
    policy,
    portfolio,
    replay,
    run,
    runs,
    schema,
    serve,
    tools,
    trace,
    ui,
    whatif,
)
from orchestrator.cli import eval as evals
from orchestrator.errors import CancelledRunError

PIPE_CLOSED = 141
"""What a shell reports for a program that SIGPIPE ended."""


class _Group(TyperGroup):
    """Turns what may end any command into exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise CancelledRunError("stopped") from None
        except BrokenPipeError:
            # The reader has what it wanted; nothing more can be written, also not at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None


def _version(wanted: bool) -> None:
    if wanted:
        from orchestrator import __version__

        typer.echo(f"mesh {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        cls=_Group,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain help: it appears at once, and reads well in a pipe
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def mesh(
        version: Annotated[
            bool,
            typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
        ] = False,
    ) -> None:
        """Route every step of a request to the right model, check the answer, and say why."""

    app.command()(run.ask)
    app.command(name="run")(run.run)
    app.command()(serve.serve)
    app.command()(ui.ui)
    app.command()(serve.reload)
    app.command()(serve.health)
    app.command()(serve.operations)
    app.command()(decide.decide)
    app.command()(plan.plan)
    app.command()(portfolio.portfolio)
    app.command()(replay.replay)
    app.command()(whatif.whatif)
    app.command()(drill.drill)
    app.command()(costs.costs)
    app.command()(feedback.feedback)
    app.command()(check.check)
    app.command()(gc.gc)
    app.command()(forget.forget)
    app.command()(calibrate.calibrate)
    app.command()(init.init)
    app.command()(schema.schema)
    app.add_typer(evals.app, name="eval")
    app.add_typer(import_.app, name="import")
    app.add_typer(graph.app, name="graph")
    app.add_typer(guard.app, name="guard")
    app.add_typer(fleet.app, name="fleet")
    app.add_typer(incidents.app, name="incidents")
    app.add_typer(keys.app, name="keys")
    app.add_typer(policy.app, name="policy")
    app.add_typer(cache.app, name="cache")
    learn.app.command(name="agreement")(learn_agreement.agreement)
    app.add_typer(learn.app, name="learn")
    app.add_typer(runs.app, name="runs")
    app.add_typer(approvals.app, name="approvals")
    app.add_typer(tools.app, name="tools")
    app.add_typer(trace.app, name="trace")
    for command in (audit_log.verify, audit_log.report, audit_log.heads, audit_log.export):
        audit.app.command()(command)
    audit.app.command()(audit_log.key)
    app.add_typer(audit.app, name="audit")
    return app
