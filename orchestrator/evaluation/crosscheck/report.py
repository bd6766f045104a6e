"""What a measurement says: figures with intervals and bars, as a value that anything can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.evaluation.statistics import wilson
from orchestrator.types import as_json

MOST_COLUMNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value.

    `low` and `high` are its 95 % interval, `n` is how many cases it rests on, `bar` says in words
    what is asked of it (`at least 0.75`), `met` whether that holds; each absent where there is
    none. `of` names the part that it is about (a file, a kind of mutation): figures of one part
    are shown in one row.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    bar: str = ""
    met: bool | None = None
    of: str = ""
    unit: str = ""
    """Empty for a share or a score; else for example `ms`."""

    @property
    def text(self) -> str:
        """`0.753 [0.731, 0.775]`; shares with three decimals, what has a unit with one or none."""
        whole = self.low is None and self.value == int(self.value)
        digits = 3 if not self.unit else 0 if whole else 1
        shown = f"{self.value:.{digits}f}"
        if self.low is not None and self.high is not None:
            shown += f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return f"{shown} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Some figures under a title; `notes` say how they came about and what they leave out."""

    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every figure that has a bar meets it."""
        return all(figure.met is not False for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON content, `met` included."""
        return {**as_json(self), "met": self.met}


def as_rows(report: Report) -> dict[str, dict[str, Figure]] | None:
    """The figures by part and name, where a row for each part says all; else `None`.

    It does where every figure is of a part, none has a bar, and all have about the same names.
    """
    names = {figure.name for figure in report.figures}
    rows: dict[str, dict[str, Figure]] = {}
    for figure in report.figures:
        rows.setdefault(figure.of, {})[figure.name] = figure
    even = len(report.figures) * 2 > len(rows) * len(names)
    wide = bool(rows) and "" not in rows and even and len(names) <= MOST_COLUMNS
    return rows if wide and not any(figure.bar for figure in report.figures) else None


def rate(
    name: str,
    passed: int,
    n: int,
    *,
    of: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """The share `passed` of `n` with its 95 % score interval (Wilson), and the bar if there is one.

    A share of nothing is shown as 0 in [0, 1] and meets no bar.
    """
    low, high = wilson(passed, n) if n else (0.0, 1.0)
    value = passed / n if n else 0.0
    bar, met = _bar(value, at_least, at_most)
    met = met and n > 0 if bar else None
    return Figure(name=name, value=value, low=low, high=high, n=n, bar=bar, met=met, of=of)


def measured(
    name: str,
    value: float,
    interval: tuple[float, float] | None = None,
    *,
    n: int | None = None,
    of: str = "",
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """A value with its interval, and the bar if there is one."""
    low, high = interval or (None, None)
    bar, met = _bar(value, at_least, at_most)
    return Figure(
        name=name, value=value, low=low, high=high, n=n, bar=bar, met=met, of=of, unit=unit
    )


def _bar(value: float, least: float | None, most: float | None) -> tuple[str, bool | None]:
    """What is asked, in words, and whether it holds. Rounding up to a bar is not meeting it."""
    asked = [
        *([f"at least {least:g}"] if least is not None else []),
        *([f"at most {most:g}"] if most is not None else []),
    ]
    if not asked:
        return "", None
    held = (least is None or value >= least) and (most is None or value <= most)
    return " and ".join(asked), held
