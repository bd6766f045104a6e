"""Faults 20 (a tool call), 23 and 24: what the answer holds, and what it is said to have used."""

from __future__ import annotations

import dataclasses

from orchestrator.money import Usage
from tests.faults.bench import Bench
from tests.faults.checks import Whole, answered, costs, outcomes, reached, within
from tests.faults.project import PRICES, Fleet
from tests.faults.scenario import FINE, HEALTHY, Scenario, need, one_report
from tests.faults.steps import Call, Say, Used

BAD, GOOD, SPARE_GOOD = '{"colour": 5}', '{"colour": "green"}', '{"colour": "grey"}'


async def _one_tool(bench: Bench) -> None:
    await bench.ask("How is the weather in Ulm?", tools=True)


def _tool_called(bench: Bench) -> None:
    for called in bench.calls:
        need(called.said is not None, f"the call failed: {called.error}")
        assert called.said is not None
        found = called.said.tools
        need(found == (("weather", "Ulm"),), f"the tool calls are {found}")


def _mends(bench: Bench) -> None:
    """The second request says what was wrong with the first answer."""
    first, second = bench.primary[:2]
    sent, again = first.body["messages"], second.body["messages"]
    need(len(again) > len(sent), "the repair does not show the model what it wrote")
    need(BAD in str(again), "the repair does not show the model what it wrote")
    need("colour" in str(again[-1]["content"]), f"it does not say what is wrong: {again[-1]}")


def _estimated(bench: Bench) -> None:
    """What nobody reported is counted and marked, or unknown; never free."""
    for called in bench.calls:
        last = called.attempts[-1]
        if last.cost_micro_usd is None:
            continue
        need(last.usage.estimated, "a usage that nobody reported is not marked as estimated")
        told = called.said is not None and called.said.usage.estimated
        need(told, "the caller is not told that the usage is estimated")
        need(last.cost_micro_usd > 0, "what was used costs nothing")
        right = last.usage.input + 2 * last.usage.output
        need(last.cost_micro_usd == right, f"it costs {last.cost_micro_usd}; right: {right}")


def _parts(bench: Bench) -> None:
    """Trace and caller have each kind of token as the provider reported it."""
    for called, arrival in zip(bench.calls, bench.server.log, strict=True):
        used, sent = called.attempts[-1].usage, arrival.used
        right = Usage(
            input=sent.input,
            output=sent.output,
            cached_input=sent.cached,
            cache_write=sent.cache_write,
            audio_input=sent.audio_input,
            reasoning=sent.reasoning,
            audio_output=sent.audio_output,
        )
        need(used == right, f"the trace has {used}; right: {right}")
        heard = called.said.usage if called.said else None
        need(heard == right, f"the caller hears {heard}; right: {right}")


def _unknown(bench: Bench) -> None:
    """A part without a price: nobody names an amount, and a budget counts it all the same."""
    for called in bench.calls:
        found = {
            "caller": called.said.cost_micro_usd if called.said else 0,
            "trace": called.trace.cost_micro_usd if called.trace else 0,
            "attempt": called.attempts[-1].cost_micro_usd,
            "ledger": called.lines[-1].cost if called.lines else 0,
        }
        need(set(found.values()) == {None}, f"the cost is {found}; right: unknown")
        need(called.spent > 0, "budgets count it as free")


OWN = Whole(HEALTHY, "primary")
ROWS = Used(input=100, output=40, cached=60, reasoning=25)
EVERY = Used(
    input=100,
    output=40,
    cached=31,
    cache_write=21,
    audio_input=10,
    reasoning=15,
    audio_output=5,
)
EVERY_PRICE = {
    **PRICES,
    "cache_write": 1.25,
    "audio_input": 3.0,
    "audio_output": 8.0,
    "reasoning": 4.0,
}
EVERY_COST = 250
"""38 x 1 + 31 x 0.5 + 21 x 1.25 + 10 x 3 = 109.75 sent, 20 x 2 + 15 x 4 + 5 x 8 = 140 written."""
USAGE = "usage missing, odd, or in parts"
SCHEMA = "JSON that breaks the schema"

SCENARIOS = (
    Scenario(
        number=20,
        fault="200 with empty text",
        variant="a tool call is not empty",
        primary=Say("", calls=(Call("weather", '{"place": "Ulm"}'),)),
        act=_one_tool,
        caller=(_tool_called, outcomes("ok"), within(2)),
        provider=(reached(primary=1, fallback=0),),
        lacks={"in process": "a declared agent offers its model no tools"},
    ),
    Scenario(
        number=23,
        fault=SCHEMA,
        variant="for ever",
        primary=Say(BAD),
        fallback=Say(SPARE_GOOD),
        act=one_report,
        caller=(
            answered(Whole(SPARE_GOOD, "fallback")),
            outcomes("invalid_output", "invalid_output", "ok"),
            within(3),
        ),
        provider=(reached(primary=2, fallback=1), _mends),
    ),
    Scenario(
        number=23,
        fault=SCHEMA,
        variant="mended",
        primary=(Say(BAD), Say(GOOD)),
        fallback=Say(SPARE_GOOD),
        act=one_report,
        caller=(
            answered(Whole(GOOD, "primary")),
            outcomes("invalid_output", "ok"),
            within(3),
        ),
        provider=(reached(primary=2, fallback=0), _mends),
    ),
    Scenario(
        number=24,
        fault=USAGE,
        variant="missing",
        primary=dataclasses.replace(FINE, reports="never"),
        caller=(answered(OWN), _estimated, within(4)),
        provider=(reached(primary=1, fallback=0),),
    ),
    *(
        Scenario(
            number=24,
            fault=USAGE,
            variant=reports,
            primary=dataclasses.replace(FINE, reports=reports, used=Used(input=100, output=40)),
            caller=(answered(OWN), costs(100 + 2 * 40), within(2)),
            provider=(reached(primary=1, fallback=0),),
        )
        for reports in ("with_finish", "with_each")
    ),
    Scenario(
        number=24,
        fault=USAGE,
        variant="cached and reasoning",
        primary=dataclasses.replace(FINE, used=ROWS),
        caller=(answered(OWN), costs(40 + 60 // 2 + 2 * 40), _parts, within(2)),
        provider=(reached(primary=1, fallback=0),),
    ),
    Scenario(
        number=24,
        fault=USAGE,
        variant="in one piece",
        primary=dataclasses.replace(FINE, whole=True, used=ROWS),
        caller=(answered(OWN), costs(40 + 60 // 2 + 2 * 40), _parts, within(2)),
        provider=(reached(primary=1, fallback=0),),
    ),
    *(
        Scenario(
            number=24,
            fault=USAGE,
            variant=f"every kind of token {variant}",
            fleet=Fleet(prices=prices),
            primary=dataclasses.replace(FINE, whole=whole, used=EVERY),
            caller=(answered(OWN), check, _parts, within(2)),
            provider=(reached(primary=1, fallback=0),),
        )
        for variant, whole, prices, check in (
            ("has its price", False, EVERY_PRICE, costs(EVERY_COST)),
            ("has its price, in one piece", True, EVERY_PRICE, costs(EVERY_COST)),
            ("but some without a price", False, PRICES, _unknown),
        )
    ),
)
