"""What a person sees on standard error while a run goes on: the steps under way, and those done."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.cli._show import Screen, terminal
from orchestrator.money import total_cost, usd
from orchestrator.records import Hop
from orchestrator.roles.events import HopStarted, RunEvent
from orchestrator.tracing.explain import answered, dollars, duration

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.spinner import Spinner

REFRESHES = 8
"""How often a second the lines of what is under way are drawn anew."""


class Shown(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    """Live on a terminal, not at all elsewhere: what is piped or scheduled stays quiet."""
    PLAIN = "plain"
    """A line for each finished step, for logs."""
    OFF = "off"


@dataclass(slots=True)
class _UnderWay:
    event: HopStarted
    since: float


class Progress:
    """Shows the steps of a run as they begin and end, what it costs so far, and the time.

    Args:
        shown: how; see `Shown`.
        screen: where to print; standard error where absent.
    """

    def __init__(self, shown: Shown = Shown.AUTO, screen: Screen | None = None) -> None:
        self.run: str | None = None
        """The id of the run, as soon as a step has told it."""
        watched = screen is not None or terminal(sys.stderr)
        self._live = shown is Shown.AUTO and watched
        self._screen: Screen | None = None
        if self._live or shown is Shown.PLAIN:
            self._screen = screen or Screen(sys.stderr)
        self._costs: dict[str, int | None] = {}
        self._under_way: dict[str, _UnderWay] = {}
        self._since = time.monotonic()
        self._stack = ExitStack()
        self._spinner: Spinner | None = None

    @property
    def spent(self) -> str:
        """For a person; `unknown` where the price of a call is."""
        return dollars(usd(total_cost(list(self._costs.values()))))

    def __enter__(self) -> Self:
        if self._live and self._screen is not None:
            from rich.live import Live
            from rich.spinner import Spinner

            self._spinner = Spinner("dots" if self._screen.symbols else "line")
            live = Live(
                get_renderable=self._drawn,
                console=self._screen.console,
                refresh_per_second=REFRESHES,
                transient=True,
            )
            self._stack.enter_context(live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def tell(self, event: RunEvent) -> None:
        """A step began, asks a model, or ended."""
        self.run = event.trace_id
        if isinstance(event, Hop):
            self._under_way.pop(event.node, None)
            self._costs[event.id] = event.cost_micro_usd
            if self._screen is not None:
                self._line(self._screen, event)
        else:
            known = self._under_way.get(event.node)
            since = known.since if known else time.monotonic()
            self._under_way[event.node] = _UnderWay(event, since)

    def _line(self, screen: Screen, hop: Hop) -> None:
        failed = hop.status in ("failed", "cancelled")
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

    def _drawn(self) -> RenderableType:
        """The steps under way with their models, and one line about the whole run."""
        from rich.console import Group

        screen, spinner, now = self._screen, self._spinner, time.monotonic()
        assert screen is not None
        assert spinner is not None
        rows: list[RenderableType] = [
            screen.join(
                (f"  {screen.sign('to')} ", "warn"),
                f"{step.event.node:<20} ",
                (f"{step.event.deployment or step.event.agent or '':<32} ", "quiet"),
                (f"{duration((now - step.since) * 1000):>8}", "quiet"),
            )
            for step in list(self._under_way.values())
        ]
        done = len(self._costs)
        facts = screen.facts(
            (
                f"{done} step{'' if done == 1 else 's'} done",
                f"{self.spent} so far",
                duration((now - self._since) * 1000),
            )
        )
        spinner.update(text=f" {facts}")
        return Group(*rows, spinner)
