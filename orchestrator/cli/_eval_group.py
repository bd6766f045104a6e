"""`mesh eval` is two things: the command that runs suites, and the home of the measurements."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

SUITES = "[SUITE]"
"""The name of the command that runs suites; no suite can be called so."""


class EvalGroup(TyperGroup):
    """Runs suites unless the first word names a measurement, or help is asked for.

    `mesh eval -- claims` runs the suite `claims` where a measurement has its name.
    """

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **more: Any) -> Any:
        first = args[0] if args else ""
        if first in self.measurements:
            _tell_of_suite(first)
        elif first not in ("-h", "--help"):
            self._refuse_misspelt(args)
            return self.commands[SUITES].make_context(info_name, args, parent, **more)
        return super().make_context(info_name, args, parent, **more)

    @property
    def measurements(self) -> list[str]:
        """The names that are taken before those of suites."""
        return [name for name in self.commands if name != SUITES]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return self.measurements

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [SUITE…]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]…", "       ")

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        self.commands[SUITES].format_help_text(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Those of running suites, and then what else there is."""
        self.commands[SUITES].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def _refuse_misspelt(self, args: list[str]) -> None:
        """`mesh eval clams x.jsonl --folds 3` is about a measurement, not about an option."""
        known = {name for param in self.commands[SUITES].params for name in param.opts}
        options = [arg.partition("=")[0] for arg in args if arg.startswith("--") and arg != "--"]
        if all(option in known or option == "--help" for option in options):
            return
        from orchestrator.errors import UnknownNameError
        from orchestrator.project.names import nearest

        if nearest(args[0], self.measurements):
            raise UnknownNameError("measurement", args[0], self.measurements)


def _tell_of_suite(name: str) -> None:
    """A suite of the same name is run otherwise."""
    if Path("evals", f"{name}.yaml").is_file():
        said = f"mesh: this measures; the suite evals/{name}.yaml is run by: mesh eval -- {name}"
        print(said, file=sys.stderr)
