"""What a person sees on standard error while a run goes on: each hop as it ends."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.cli._show import Screen, terminal
from orchestrator.tracing.explain import answered, dollars, duration
from orchestrator.types import Hop, total_cost, usd

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """Prints a line a hop, and what the run has cost so far; silent where nobody watches.

    Args:
        screen: where to print; standard error where absent, if that is a terminal.
    """

    def __init__(self, screen: Screen | None = None) -> None:
        self.run: str | None = None
        """The id of the run, as soon as a hop has told it."""
        self._screen = screen
        if screen is None and terminal(sys.stderr):
            self._screen = Screen(sys.stderr)
        self._costs: dict[str, int | None] = {}
        self._stack = ExitStack()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._screen is not None:
            status = self._screen.console.status(self._screen.text("working", "quiet"))
            self._status = self._stack.enter_context(status)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def hop(self, hop: Hop) -> None:
        """A hop ended."""
        self.run = hop.trace_id
        screen = self._screen
        if screen is None:
            return
        self._costs[hop.id] = hop.cost_micro_usd
        so_far = dollars(usd(total_cost(list(self._costs.values()))))
        failed = hop.status == "failed"
        used = answered(hop)
        chosen = hop.decision.chosen if hop.decision else ""
        model = used.deployment if used else chosen
        again = " (from the journal)" if hop.resumed else ""
        screen.print(
            screen.join(
                (f"  {screen.sign('no' if failed else 'yes')} ", "bad" if failed else "good"),
                f"{hop.node:<20} ",
                (f"{model:<32} {duration(hop.ms):>8}{again}", "quiet"),
            )
        )
        if self._status is not None:
            count = f"{len(self._costs)} hops, {so_far} so far"
            self._status.update(screen.text(count, "quiet"))
