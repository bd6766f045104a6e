"""Judges an answer by what a case expects. Pure but for the cited files, which are read."""

from __future__ import annotations

import asyncio
import inspect
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestrator.errors import SourceError
from orchestrator.evaluation.values import Failure
from orchestrator.evidence.numbers import Quantity, agrees, comparable, quantities
from orchestrator.evidence.sources.documents import kind_of, load_document
from orchestrator.evidence.values import Citation
from orchestrator.graph.answer import Answer
from orchestrator.project.suite_schema import Case, Expect, ExpectedNumber
from orchestrator.tracing.explain import dollars, duration
from orchestrator.types import as_json

Check = Callable[[Answer, Case], Any]


async def judge(
    answer: Answer, case: Case, *, root: Path, ms: float, checks: Mapping[str, Check]
) -> tuple[Failure, ...]:
    """What the answer lacks, in the order of the keys of `expect`; nothing: it passes.

    Args:
        root: the project's folder, which `cites` starts from.
        ms: how long the run took.
        checks: by name, at least those that the case names.

    Raises:
        Exception: whatever a registered check raises.
    """
    failures = await asyncio.to_thread(_declared, answer, case.expect, root, ms)
    for name in case.expect.checks:
        said = checks[name](answer, case)
        if inspect.isawaitable(said):
            said = await said
        if said is not None:
            failures.append(Failure(check=name, expected="to pass", found=str(said)))
    return tuple(failures)


def _declared(answer: Answer, expect: Expect, root: Path, ms: float) -> list[Failure]:
    return [
        *_verdict(answer, expect),
        *_texts(answer, expect),
        *_number(answer, expect.number),
        *_cites(answer, expect, root),
        *(quotes_exact(answer.citations) if expect.quotes_exact else ()),
        *_cost_and_time(answer, expect, ms),
    ]


def _verdict(answer: Answer, expect: Expect) -> Iterator[Failure]:
    wanted = (expect.verdict,) if isinstance(expect.verdict, str) else expect.verdict
    if wanted is not None and answer.verdict not in wanted:
        because = f" ({answer.reason})" if answer.reason else ""
        yield Failure(
            check="verdict",
            expected=" or ".join(wanted),
            found=f"{answer.verdict or 'no verdict'}{because}",
        )


def _texts(answer: Answer, expect: Expect) -> Iterator[Failure]:
    found = answer.text or "an empty answer"
    text = fold(answer.text)
    lacking = [wanted for wanted in expect.contains if fold(wanted) not in text]
    if lacking:
        yield Failure(check="contains", expected="; ".join(lacking), found=found)
    unwanted = [wanted for wanted in expect.not_contains if fold(wanted) in text]
    if unwanted:
        yield Failure(check="not_contains", expected=f"not: {'; '.join(unwanted)}", found=found)
    if expect.matches is not None and not re.search(expect.matches, answer.text):
        yield Failure(check="matches", expected=expect.matches, found=found)


def fold(text: str) -> str:
    """`text` in NFKC without differences of case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


# ── numbers ──────────────────────────────────────────────────────────────────────────────


def _number(answer: Answer, wanted: ExpectedNumber | None) -> Iterator[Failure]:
    if wanted is None:
        return
    stated = quantities(answer.text)
    if not any(_meets(quantity, wanted) for quantity in stated):
        unit = f" {wanted.unit}" if wanted.unit else ""
        give = f" ± {wanted.tolerance:g}" if wanted.tolerance else ""
        found = ", ".join(quantity.text for quantity in stated) or "no number"
        yield Failure(check="number", expected=f"{_plain(wanted.value)}{give}{unit}", found=found)


def _meets(found: Quantity, wanted: ExpectedNumber) -> bool:
    """The same value in the same unit, or in one that converts exactly where nothing is allowed.

    The wanted number is read by the same reader as the answer, so that `kg` means the same.
    """
    value = Decimal(str(wanted.value))
    if wanted.unit is None:
        return abs(found.value - value) <= Decimal(str(wanted.tolerance))
    expected = _read(wanted.value, wanted.unit)
    if expected is None or not comparable(expected, found):
        return False
    if expected.unit != found.unit:
        return agrees(expected, found)
    give = _read(wanted.tolerance, wanted.unit) if wanted.tolerance else None
    return abs(found.value - expected.value) <= (give.value if give else 0)


def _read(value: float, unit: str) -> Quantity | None:
    return next(iter(quantities(f"{_plain(value)} {unit}")), None)


def _plain(value: float) -> str:
    return format(Decimal(str(value)), "f")


# ── citations ────────────────────────────────────────────────────────────────────────────


def _cites(answer: Answer, expect: Expect, root: Path) -> Iterator[Failure]:
    cited = {Path(citation.file).resolve() for citation in answer.citations}
    for file in expect.cites:
        if (root / file).resolve() not in cited:
            names = sorted({citation.file for citation in answer.citations})
            yield Failure(check="cites", expected=file, found=", ".join(names) or "no citation")


def quotes_exact(citations: tuple[Citation, ...]) -> Iterator[Failure]:
    """A failure for each citation whose quote is not what stands in its file at its place.

    Independent of the product's own verifier: the file is read anew and nothing is folded.
    """
    texts: dict[str, str] = {}
    for citation in citations:
        if citation.file not in texts:
            try:
                texts[citation.file] = _cited_text(citation.file)
            except (SourceError, OSError, UnicodeDecodeError) as error:
                yield Failure(check="quotes_exact", expected=citation.quote, found=str(error))
                continue
        stands = texts[citation.file][citation.start : citation.end]
        if stands != citation.quote:
            place = f"{citation.file} {citation.start}-{citation.end}"
            yield Failure(
                check="quotes_exact", expected=citation.quote, found=f"{stands!r} in {place}"
            )


def _cited_text(file: str) -> str:
    """What offsets count in: a document's text, and any other file, such as code, as it is."""
    return load_document(file).text if kind_of(file) else Path(file).read_bytes().decode("utf-8")


# ── cost and time ────────────────────────────────────────────────────────────────────────


def _cost_and_time(answer: Answer, expect: Expect, ms: float) -> Iterator[Failure]:
    limit, cost = expect.max_cost_usd, answer.cost_usd
    if limit is not None and (cost is None or cost > limit):
        yield Failure(
            check="max_cost_usd", expected=f"at most {dollars(limit)}", found=dollars(cost)
        )
    if expect.max_ms is not None and ms > expect.max_ms:
        yield Failure(
            check="max_ms", expected=f"at most {duration(expect.max_ms)}", found=duration(ms)
        )


def case_content(case: Case) -> dict[str, Any]:
    """What a case asks and expects: whatever decides its result, and nothing else."""
    return {"input": as_json(case.input), "expect": as_json(case.expect)}
