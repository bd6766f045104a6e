"""SQL that parses, in a declared dialect, as sqlglot reads it.

It is a little more lenient than a server (`SELECT a, FROM b`), and of a statement that it knows by
its first word alone (`CALL`, `EXPLAIN`, `VACUUM`, …) the rest is not looked at. A query may call a
function that writes; no parser knows which do, so read-only SQL still needs an account that may
only read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from sqlglot import ErrorLevel, exp, parse
from sqlglot.dialects import Dialect
from sqlglot.errors import ParseError, SqlglotError

from orchestrator.validation.fences import bare
from orchestrator.validation.text import Validator, joined

_WORDS = (exp.Condition, exp.Alias, exp.Tuple, exp.DataType, exp.Interval)
"""What sqlglot makes of words that are no statement: `Here is` is a column with another name."""
_READS = (exp.Query, exp.Values, exp.Describe, exp.Show)
_WRITES = (
    exp.DML,
    exp.DDL,
    exp.Command,
    exp.Into,
    exp.Alter,
    exp.Drop,
    exp.TruncateTable,
)
_LONGEST = 50_000
"""Characters; sqlglot reads some 300,000 a second."""
_UNSUPPORTED = "contains unsupported syntax"


def dialects() -> tuple[str, ...]:
    """The names of the dialects."""
    return tuple(sorted(name for name in Dialect.classes if name))


def sql_in(dialect: str, *, read_only: bool = False, statements: int = 1) -> Validator:
    """SQL of that dialect, alone or in one code fence; the SQL alone.

    Args:
        read_only: only queries: no statement or part of one that writes, defines or locks.
        statements: at most so many.
    """

    def check(text: str) -> str:
        return bare(text, lambda sql: _statements(sql, dialect, read_only, statements))[0]

    return check


def _statements(sql: str, dialect: str, read_only: bool, most: int) -> None:
    if len(sql) > _LONGEST:
        raise ValueError(f"it has {len(sql):,} characters; at most {_LONGEST:,} are read as SQL")
    try:
        found = [s for s in _parsed(sql, dialect) if s is not None]
    except ParseError as error:
        raise ValueError(f"not {dialect} SQL: {joined(_problems(error))}") from error
    except SqlglotError as error:
        raise ValueError(f"not {dialect} SQL: {joined([str(error)])}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply to be read as SQL") from error
    if not found:
        raise ValueError("it holds no SQL statement")
    if len(found) > most:
        raise ValueError(f"it holds {len(found)} statements; at most {most} allowed")
    wrong = [problem for n, s in enumerate(found, 1) for problem in _wrong(s, n, read_only)]
    if wrong:
        raise ValueError(joined(wrong))


def _parsed(sql: str, dialect: str) -> list[Any]:
    logger = logging.getLogger("sqlglot")
    logger.addFilter(_is_news)  # once, however often it is added
    return list(parse(sql, dialect=dialect, error_level=ErrorLevel.RAISE))


def _is_news(record: logging.LogRecord) -> bool:
    """Not what is said of a statement that is known by its first word alone: that is no fault."""
    return _UNSUPPORTED not in str(record.msg)


def _problems(error: ParseError) -> list[str]:
    """Each with its place; the first of a place, since the others follow from it."""
    found: dict[tuple[Any, Any], str] = {}
    for one in error.errors:
        place = (one.get("line"), one.get("col"))
        said = str(one.get("description")).partition(" but got <Token")[0]
        near = f" at {one['highlight']!r}" if one.get("highlight") else ""
        found.setdefault(place, f"line {place[0]}, column {place[1]}: {said}{near}")
    return list(found.values()) or [str(error)]


def _wrong(statement: exp.Expr, number: int, read_only: bool) -> Iterator[str]:
    if isinstance(statement, _WORDS):
        yield f"statement {number} is no SQL statement: {statement.sql()!r}"
    elif read_only:
        writing = next((n for n in statement.walk() if isinstance(n, _WRITES)), None)
        locking = statement.find(exp.Lock)
        if writing is not None or not isinstance(statement, _READS):
            named = _named(writing or statement)
            yield f"statement {number} is or holds {named}; only queries that read are allowed"
        elif locking is not None:
            yield f"statement {number} locks rows; only queries that read are allowed"


def _named(part: exp.Expr) -> str:
    word = str(part.this) if isinstance(part, exp.Command) else part.key
    return word.upper()
