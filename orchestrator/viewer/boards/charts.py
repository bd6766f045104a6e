"""The charts of a board, each from the numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt

from orchestrator.calling.spending.report import Costs
from orchestrator.money import MICRO_USD
from orchestrator.tracing.explain import counted, dollars, duration
from orchestrator.tracing.totals import Validated
from orchestrator.types import Outcome
from orchestrator.viewer.boards import svg
from orchestrator.viewer.boards.values import Chart, Numbers

_NAMED = 7
"""Models that get a colour of their own; the others stand together."""
_ROWS = 12
_REST = "others"
_VERDICTS = (
    ("accepted", "good"),
    ("revised", "info"),
    ("abstained", "warn"),
    ("no verdict", "quiet"),
    ("failed", "bad"),
)
_Z = 1.96
"""Standard deviations of a 95 % interval."""


def charts(numbers: Numbers) -> list[Chart]:
    """All of them, in the order of the page."""
    makers: Sequence[Callable[[Numbers], Chart]] = (
        spent,
        by_model,
        by_tag,
        tasks,
        verdicts,
        quality,
        outcomes,
        fallbacks,
        breakers,
        model_times,
        request_times,
    )
    return [make(numbers) for make in makers]


# ── money ────────────────────────────────────────────────────────────────────────────────


def spent(numbers: Numbers) -> Chart:
    """Cost over time, by model."""
    found = {key: costs.known_micro_usd for key, costs in numbers.costs.items()}
    names = _largest((model, micro) for (_, model), micro in found.items())
    dollars_of = {key: micro / MICRO_USD for key, micro in found.items()}
    series = _stacked(numbers, names, dollars_of, _colours(numbers))
    whole = numbers.spent
    said = f"{_money(whole)} for {counted(whole.attempts, 'attempt')}, by the ledger."
    if whole.attempts and not whole.known_micro_usd:
        said = f"{counted(whole.attempts, 'attempt')}, and none of a known cost above 0."
    if whole.unknown:
        said += f" What {counted(whole.unknown, 'attempt')} cost is unknown and not in it."
    title = "Cost by model over time"
    return Chart(
        key="cost",
        title=title,
        says=said,
        svg=svg.bars(title, _steps(numbers), series, dollars) if any(found.values()) else "",
        legend=_legend(series),
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, _exact),
    )


def by_model(numbers: Numbers) -> Chart:
    """Cost by model."""
    sums: dict[str, Costs] = {}
    for (_, model), costs in numbers.costs.items():
        sums[model] = sums.get(model, Costs()) + costs
    return _ranking("models", "Cost by model", "model", sums)


def by_tag(numbers: Numbers) -> Chart:
    """Cost by tag."""
    named = {tag or "no tag": costs for tag, costs in numbers.tags.items()}
    return _ranking("tags", "Cost by tag", "tag", named)


def _ranking(key: str, title: str, what: str, sums: dict[str, Costs]) -> Chart:
    ordered = sorted(sums.items(), key=lambda item: (-item[1].known_micro_usd, item[0]))
    paid = [(n, c.known_micro_usd / MICRO_USD, "c1") for n, c in ordered if c.known_micro_usd]
    free = len(ordered) - len(paid)
    said = f"{counted(free, what)} cost nothing." if free else ""
    return Chart(
        key=key,
        title=title,
        says=said,
        svg=svg.ranked(title, paid[:_ROWS], dollars) if paid else "",
        columns=(what, "cost, USD", "attempts", "tokens in", "tokens out", "unknown"),
        rows=[
            (
                name,
                f"{costs.known_micro_usd / MICRO_USD:,.6f}",
                f"{costs.attempts:,}",
                f"{costs.input_tokens:,}",
                f"{costs.output_tokens:,}",
                f"{costs.unknown:,}",
            )
            for name, costs in ordered
        ],
    )


def _money(costs: Costs) -> str:
    least = "at least " if costs.unknown else ""
    return f"{least}{dollars(costs.known_micro_usd / MICRO_USD)}"


def _exact(value: float) -> str:
    return f"${value:,.6f}"


# ── who does what ────────────────────────────────────────────────────────────────────────


def tasks(numbers: Numbers) -> Chart:
    """Which model answers which task."""
    found = numbers.totals.answered
    names = _largest((one.model, one.count) for one in found)
    colours = {**_colours(numbers), _REST: "rest"}
    by_task: dict[str, dict[str, float]] = {}
    for one in found:
        parts = by_task.setdefault(one.task or "no task", {})
        name = one.model if one.model in names else _REST
        parts[name] = parts.get(name, 0) + one.count
    rows = sorted(by_task.items(), key=lambda item: -sum(item[1].values()))
    shown = [n for n in (*names, _REST) if any(n in parts for parts in by_task.values())]
    title = "Share of each model by task"
    return Chart(
        key="tasks",
        title=title,
        says="Of the answers to each task, so many came from each model.",
        svg=svg.shares(
            title,
            [
                (task, [(n, parts[n], colours[n]) for n in shown if n in parts])
                for task, parts in rows[:_ROWS]
            ],
        )
        if rows
        else "",
        legend=[(colours[name], name) for name in shown],
        columns=("task", *shown),
        rows=[(task, *(f"{parts.get(n, 0):,.0f}" for n in shown)) for task, parts in rows],
    )


# ── quality ──────────────────────────────────────────────────────────────────────────────


def verdicts(numbers: Numbers) -> Chart:
    """How requests ended."""
    found: dict[tuple[float, str], float] = {}
    for one in numbers.totals.ended:
        if one.status in ("running", "waiting"):
            continue
        name = one.verdict or ("no verdict" if one.status == "ok" else "failed")
        found[one.at, name] = found.get((one.at, name), 0) + one.count
    series = [
        svg.Series(name, [found.get((at, name)) for at in numbers.span.buckets], tone)
        for name, tone in _VERDICTS
        if any(key[1] == name for key in found)
    ]
    many = round(sum(found.values()))
    judged = sum(v for (_, n), v in found.items() if n in ("accepted", "revised", "abstained"))
    good = sum(v for (_, n), v in found.items() if n in ("accepted", "revised"))
    said = f"{counted(many, 'request')}"
    if judged:
        said += f"; of {judged:,.0f} that were checked, {good / judged:.0%} were answered"
    title = "Requests by verdict"
    return Chart(
        key="verdicts",
        title=title,
        says=f"{said}.",
        svg=svg.bars(title, _steps(numbers), series, _count) if found else "",
        legend=_legend(series),
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, _count),
    )


def quality(numbers: Numbers) -> Chart:
    """What share of each model's answers passed its validators, and whether that moved."""
    found = numbers.totals.validated
    names = _largest((one.model, one.passed + one.failed) for one in found)
    share: dict[tuple[float, str], float] = {
        (one.at, one.model): one.passed / (one.passed + one.failed) for one in found
    }
    colours = _colours(numbers)
    series = [
        svg.Series(name, [share.get((at, name)) for at in numbers.span.buckets], colours[name])
        for name in names
    ]
    failed = sum(one.failed for one in found)
    said = [f"{counted(failed, 'answer')} of {sum(o.passed for o in found) + failed:,} failed."]
    said += [told for name in names if (told := drift(name, found, numbers.span.buckets))]
    title = "Answers that passed validation"
    return Chart(
        key="quality",
        title=title,
        says=" ".join(said) if found else "",
        svg=svg.lines(title, _steps(numbers), series, lambda v: f"{v:.0%}", 1.0) if found else "",
        legend=_legend(series),
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, lambda v: f"{v:.1%}"),
    )


def drift(model: str, found: Iterable[Validated], steps: Sequence[float]) -> str:
    """A sentence where a model passes clearly more or less often in the second half of the time.

    Clearly: the 95 % intervals of the two halves (E. B. Wilson, 1927) do not meet.
    """
    halves = [[0, 0], [0, 0]]
    middle = steps[len(steps) // 2]
    for one in found:
        if one.model == model:
            half = halves[one.at >= middle]
            half[0] += one.passed
            half[1] += one.passed + one.failed
    if not halves[0][1] or not halves[1][1]:
        return ""
    (low, high), (below, above) = (interval(passed, of) for passed, of in halves)
    if below <= high and low <= above:
        return ""
    before, after = (passed / of for passed, of in halves)
    way = "fell" if after < before else "rose"
    return f"{model} {way} from {before:.0%} to {after:.0%}."


def interval(passed: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (E. B. Wilson, 1927)."""
    share, square = passed / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return middle - half, middle + half


# ── what went wrong ──────────────────────────────────────────────────────────────────────


def outcomes(numbers: Numbers) -> Chart:
    """Attempts that brought no answer."""
    found: dict[tuple[float, str], float] = {}
    good = 0
    for one in numbers.totals.tried:
        if one.outcome == Outcome.OK:
            good += one.count
        else:
            name = one.outcome.replace("_", " ")
            found[one.at, name] = found.get((one.at, name), 0) + one.count
    names = _largest((name, count) for (_, name), count in found.items())
    series = _stacked(numbers, names, found)
    many = round(sum(found.values()))
    title = "Attempts without an answer, by outcome"
    return Chart(
        key="outcomes",
        title=title,
        says=f"{many:,} of {counted(many + good, 'attempt')}.",
        svg=svg.bars(title, _steps(numbers), series, _count) if found else "",
        legend=_legend(series),
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, _count),
    )


def fallbacks(numbers: Numbers) -> Chart:
    """Who stepped in for whom."""
    found: dict[tuple[float, str], float] = {}
    for one in numbers.totals.fell_back:
        key = one.at, f"{one.chosen} → {one.answered}"
        found[key] = found.get(key, 0) + one.count
    names = _largest((name, count) for (_, name), count in found.items())
    series = _stacked(numbers, names, found)
    title = "Answers by a fallback"
    return Chart(
        key="fallbacks",
        title=title,
        says=f"{counted(round(sum(found.values())), 'answer')} came from a deployment "
        "further down the chain.",
        svg=svg.bars(title, _steps(numbers), series, _count) if found else "",
        legend=_legend(series),
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, _count),
    )


def breakers(numbers: Numbers) -> Chart:
    """When deployments were out of use."""
    span = numbers.span
    length = span.until - span.since
    tones = {"outage": "bad", "account": "warn", "changed": "info"}
    rows = list(dict.fromkeys(one.deployment for one in numbers.incidents))[:_ROWS]
    found = []
    for one in numbers.incidents:
        end = one.ended if one.ended is not None else span.until
        lasted = "lasts" if one.ended is None else duration((end - one.started) * 1000)
        begin, end = (
            (max(span.since, min(m, span.until)) - span.since) / length for m in (one.started, end)
        )
        title = f"{one.deployment}: {one.what} ({lasted})"
        found.append(svg.Span(one.deployment, begin, end, tones[one.kind], title))
    many = sum(one.ended is None for one in numbers.incidents)
    said = f"{counted(len(numbers.incidents), 'incident')}, {many or 'none'} of them open."
    title = "Deployments out of use"
    return Chart(
        key="breakers",
        title=title,
        says=said,
        svg=svg.spans(title, rows, found, _steps(numbers)) if found else "",
        legend=[
            (tones[kind], kind) for kind in tones if any(i.kind == kind for i in numbers.incidents)
        ],
        columns=("deployment", "what", "began", "lasted", "failed", "rerouted", "unanswered"),
        rows=[
            (
                one.deployment,
                one.what,
                _moment(one.started),
                "open" if one.ended is None else duration((one.ended - one.started) * 1000),
                f"{one.failed:,}",
                f"{one.rerouted:,}",
                f"{one.unanswered:,}",
            )
            for one in numbers.incidents
        ],
    )


def _moment(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


# ── time ─────────────────────────────────────────────────────────────────────────────────

_PERCENTILES = (("p1", "p50"), ("p2", "p90"), ("p3", "p99"))


def model_times(numbers: Numbers) -> Chart:
    """How long answers take, by model."""
    found = sorted(numbers.totals.models, key=lambda one: one.ms[0])
    title = "Time of an answer by model"
    return Chart(
        key="model-times",
        title=title,
        says="Median, 90th and 99th percentile; the axis is logarithmic.",
        svg=svg.ranges(title, [(one.model, one.ms) for one in found[-_ROWS:]], _brief)
        if found
        else "",
        legend=_PERCENTILES,
        columns=("model", "answers", "p50", "p90", "p99"),
        rows=[(one.model, f"{one.count:,}", *map(duration, one.ms)) for one in found],
    )


def request_times(numbers: Numbers) -> Chart:
    """How long whole requests take, over time."""
    found = {one.at: one for one in numbers.totals.requests}
    series = [
        svg.Series(
            name,
            [found[at].ms[n] if at in found else None for at in numbers.span.buckets],
            kind,
        )
        for n, (kind, name) in enumerate(_PERCENTILES)
    ]
    title = "Time of a whole request"
    return Chart(
        key="request-times",
        title=title,
        says="Median, 90th and 99th percentile of requests that ended.",
        svg=svg.lines(title, _steps(numbers), series, _brief) if found else "",
        legend=_PERCENTILES,
        columns=("from", *(one.name for one in series)),
        rows=_table(numbers, series, duration),
    )


def _brief(ms: float) -> str:
    """Milliseconds in a few letters: `0.1 ms`, `25 ms`, `1.5 s`, `100 s`."""
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms / 1000:.3g} s"


# ── parts ────────────────────────────────────────────────────────────────────────────────


def _largest(found: Iterable[tuple[str, float]]) -> list[str]:
    """The names with the largest sums, the largest first."""
    sums: dict[str, float] = {}
    for name, value in found:
        sums[name] = sums.get(name, 0) + value
    return sorted((n for n in sums if sums[n]), key=lambda name: (-sums[name], name))[:_NAMED]


def _colours(numbers: Numbers) -> dict[str, str]:
    """The class of each model, the same in all charts: first those that cost most, then those
    that answered most."""
    spent: dict[str, int] = {}
    answered: dict[str, int] = {}
    for (_, model), costs in numbers.costs.items():
        spent[model] = spent.get(model, 0) + costs.known_micro_usd
    for one in numbers.totals.tried:
        answered[one.model] = answered.get(one.model, 0) + one.count
    names = {*spent, *answered, *(one.model for one in numbers.totals.validated)}
    ranked = sorted(names, key=lambda n: (-spent.get(n, 0), -answered.get(n, 0), n))
    return {name: svg.colour(n) for n, name in enumerate(ranked)}


def _stacked(
    numbers: Numbers,
    names: Sequence[str],
    found: dict[tuple[float, str], float],
    colours: Mapping[str, str] | None = None,
) -> list[svg.Series]:
    """A series for each name, and one for all that have none."""
    rest: dict[float, float] = {}
    for (at, name), value in found.items():
        if name not in names and value:
            rest[at] = rest.get(at, 0) + value
    steps = numbers.span.buckets
    series = [
        svg.Series(name, [found.get((at, name)) for at in steps], (colours or {}).get(name, kind))
        for name, kind in zip(names, map(svg.colour, range(len(names))), strict=True)
    ]
    if rest:
        series.append(svg.Series(_REST, [rest.get(at) for at in steps], "rest"))
    return series


def _steps(numbers: Numbers) -> svg.Steps:
    return svg.Steps(numbers.labels, numbers.axis)


def _legend(series: Sequence[svg.Series]) -> list[tuple[str, str]]:
    return [(one.colour, one.name) for one in series]


def _table(numbers: Numbers, series: Sequence[svg.Series], show: svg.Show) -> list[tuple[str, ...]]:
    """A row for each step of time in which there is something."""
    rows = []
    for n, label in enumerate(numbers.labels):
        values = [one.values[n] for one in series]
        if any(value is not None for value in values):
            rows.append((label, *("–" if v is None else show(v) for v in values)))
    return rows


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
