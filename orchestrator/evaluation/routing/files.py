"""Recorded outcomes in files.

A folder holds for each set `NAME.queries.jsonl` (`id`, `task`, `prompt`, perhaps `contaminated`)
and `NAME.outcomes.csv` (`id,model,score` and perhaps `in_tok,out_tok,out_chars,cost_usd`), plain or
with `.gz` behind it, and perhaps `prices.json`. What else stands in a line is left alone.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from orchestrator.errors import Problem, UserError
from orchestrator.evaluation.routing.prices import FILE as PRICES
from orchestrator.evaluation.routing.prices import ListPrice, read_prices
from orchestrator.evaluation.routing.values import Query, Recorded

QUERIES, OUTCOMES = ".queries.jsonl", ".outcomes.csv"
ASKED = ("id", "task", "prompt")
COLUMNS = ("id", "model", "score")
LENGTHS = ("in_tok", "out_tok", "out_chars")
MOST_PROBLEMS = 20
"""How many mistakes of a file are told at once."""


def read_folder(folder: Path) -> dict[str, Recorded]:
    """Every set of the folder by its name.

    Queries that the source marks as `contaminated` are left out with their outcomes. Scores of a
    task that go beyond 1 are divided by the largest of that task.

    Raises:
        UserError: there is no set, a file cannot be read, or lines of it are wrong: each with
            `file:line`, what was found and what is allowed.
    """
    found = [path for end in ("", ".gz") for path in folder.glob(f"*{QUERIES}{end}")]
    if not found:
        raise UserError(
            f"{folder} holds no recorded outcomes: no NAME{QUERIES} or NAME{QUERIES}.gz"
        )
    prices = read_prices(folder / PRICES)
    named = {path.name.split(QUERIES)[0]: path for path in found}
    return {name: _read(name, named[name], prices.get(name, {})) for name in sorted(named)}


def _read(name: str, path: Path, prices: Mapping[str, ListPrice]) -> Recorded:
    import numpy as np

    kept, left_out = _queries(path)
    plain = path.with_name(name + OUTCOMES)
    zipped = path.with_name(f"{name}{OUTCOMES}.gz")
    if not plain.exists() and not zipped.exists():
        raise UserError(f"{path}: its outcomes are missing: {plain.name} or {zipped.name}")
    table = _Table(plain if plain.exists() else zipped, kept, left_out, prices)
    table.read()
    shape = (len(kept), len(table.models))
    scores, costs = np.full(shape, np.nan), np.full(shape, np.nan)
    for (row, column), (score, cost) in table.cells.items():
        scores[row, column] = score
        costs[row, column] = np.nan if cost is None else cost
    queries = tuple(kept.values())
    _scale(scores, [query.task.split("/")[0] for query in queries])
    return Recorded(
        name=name, queries=queries, models=tuple(table.models), scores=scores, costs=costs
    )


def _scale(scores: Any, tasks: list[str]) -> None:
    """Bring the scores of each task into 0..1."""
    import numpy as np

    for task in set(tasks):
        rows = np.flatnonzero([own == task for own in tasks])
        largest = np.nanmax(scores[rows], initial=0.0)
        if largest > 1:
            scores[rows] /= largest


def _queries(path: Path) -> tuple[dict[str, Query], set[str]]:
    """The queries by id, and the ids of those that are left out."""
    kept: dict[str, Query] = {}
    left_out: set[str] = set()
    problems: list[Problem] = []
    for number, line in lines_of(path):
        if not line.strip():
            continue
        found = _query(str(path), number, line)
        if isinstance(found, Problem):
            problems.append(found)
        elif (query := found[0]).id in kept or query.id in left_out:
            problems.append(_problem(path, number, "id", "the id stands twice", query.id))
        elif found[1]:
            left_out.add(query.id)
        else:
            kept[query.id] = query
        if len(problems) == MOST_PROBLEMS:
            break
    _refuse(problems)
    if not kept:
        raise UserError(f"{path}:1: no query stands in this file; one JSON object a line is asked")
    return kept, left_out


def _query(file: str, number: int, line: str) -> tuple[Query, bool] | Problem:
    """A query, and whether it is to be left out."""
    try:
        data = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        return _problem(file, number, "", f"this is not JSON: {error}")
    if not isinstance(data, dict):
        return _problem(file, number, "", "a query is a JSON object", line.strip()[:60])
    for key in ASKED:
        if key not in data:
            return _problem(file, number, key, "the key is missing", allowed=", ".join(ASKED))
        if not isinstance(data[key], str) or not data[key].strip():
            return _problem(file, number, key, "a text is asked", repr(data[key])[:60])
    query = Query(id=data["id"], task=data["task"], prompt=data["prompt"])
    return query, bool(data.get("contaminated"))


class _Table:
    """The outcomes of a file: scores and costs by row and column."""

    def __init__(
        self,
        path: Path,
        kept: Mapping[str, Query],
        left_out: set[str],
        prices: Mapping[str, ListPrice],
    ) -> None:
        self._path, self._left_out, self._prices = path, left_out, prices
        self._rows = {query_id: (i, kept[query_id]) for i, query_id in enumerate(kept)}
        self.models: dict[str, int] = {}
        self.cells: dict[tuple[int, int], tuple[float, float | None]] = {}

    def read(self) -> None:
        """Fill `models` and `cells`.

        Raises:
            UserError: the file has no such columns, or lines of it are wrong.
        """
        lines = csv.reader(line for _, line in lines_of(self._path))
        head = next(lines, [])
        lost = [column for column in COLUMNS if column not in head]
        if lost:
            said = f"a column is missing: {', '.join(lost)}"
            raise UserError(str(_problem(self._path, 1, "", said, ",".join(head)[:60])))
        problems: list[Problem] = []
        for cells in lines:
            problem = self._take(lines.line_num, head, cells)
            if problem and len(problems) < MOST_PROBLEMS:
                problems.append(problem)
        _refuse(problems)
        if not self.cells:
            raise UserError(f"{self._path}:1: no score of a query that is kept stands in this file")

    def _take(self, number: int, head: list[str], cells: list[str]) -> Problem | None:
        if len(cells) != len(head):
            said = f"{len(cells)} cells, and {len(head)} columns"
            return _problem(self._path, number, "", said, ",".join(cells)[:60])
        line = dict(zip(head, cells, strict=True))
        if line["id"] in self._left_out or not line["score"]:
            return None
        if line["id"] not in self._rows:
            return _problem(self._path, number, "id", "there is no such query", line["id"])
        numbers: dict[str, float | None] = {}
        for column in ("score", "cost_usd", *LENGTHS):
            try:
                numbers[column] = _number(line.get(column, ""))
            except ValueError:
                said = "a number from 0 on is asked, or nothing"
                return _problem(self._path, number, column, said, line[column])
        row, query = self._rows[line["id"]]
        place = row, self.models.setdefault(line["model"], len(self.models))
        if place in self.cells:
            said = "this query and model stand in a line before"
            return _problem(self._path, number, "", said, f"{line['id']}, {line['model']}")
        cost, price = numbers["cost_usd"], self._prices.get(line["model"])
        if cost is None and price is not None:
            cost = price.cost(query.prompt, *(numbers[name] for name in LENGTHS))
        self.cells[place] = numbers["score"] or 0.0, cost
        return None


def _number(cell: str) -> float | None:
    """Raises ValueError where it is none, or below 0."""
    if not cell:
        return None
    value = float(cell)
    if not isfinite(value) or value < 0:
        raise ValueError(cell)
    return value


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines with their numbers and their ends, of a file that may be zipped.

    Raises:
        UserError: it cannot be read.
    """
    number = 0
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="\n")
        ) as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{number + 1}: this is not UTF-8 ({error.reason})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: this is no whole gzip file ({error})") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise UserError("\n".join(map(str, problems)))


def _problem(
    file: Path | str, line: int, key: str, message: str, found: str = "", allowed: str = ""
) -> Problem:
    return Problem(
        file=str(file), line=line, key=key, message=message, found=found, allowed=allowed
    )
