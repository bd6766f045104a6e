"""Review a loan agreement from beginning to end, offline, in one command.

python review.py                                  the case that lies here
python review.py --agreement FILE …               your own
python review.py --data-class confidential        no person is named: models in the EU may read it
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from bank.page import page
from bank.report import Review, span, table

from orchestrator import Answer, Mesh, RunOptions

HERE = Path(__file__).parent
QUESTIONS = (
    "How high is the prepayment fee before 14 March 2027?",
    "What shall the ratio of Net Debt to EBITDA not exceed?",
    "By how much does the margin fall if the Borrower meets its sustainability targets?",
)


async def main(given: argparse.Namespace) -> Path:
    """Run the review, ask the questions, write the report as Markdown and as a page."""
    options = RunOptions(risk="high", data_class=given.data_class)
    async with Mesh.load(HERE) as mesh:
        review = await mesh.run(
            "review",
            options=options,
            agreement=given.agreement,
            accounts=given.accounts,
            received=given.received,
            policy=given.policy,
        )
        asked = [
            (
                question,
                await mesh.run(
                    "cross-validated", options=options, question=question, sources=given.agreement
                ),
            )
            for question in given.ask or QUESTIONS
        ]
    text = "\n\n".join(
        (
            review.text,
            "## Questions to the agreement\n\n" + "\n\n".join(_asked(q, a) for q, a in asked),
            "## Who did what\n\n" + _steps([review, *(answer for _, answer in asked)]),
        )
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "report.md").write_text(text + "\n", "utf-8")
    (given.out / "report.html").write_text(page(text), "utf-8")
    _print(review, asked, given.out)
    return Path(given.out)


def _asked(question: str, answer: Answer) -> str:
    """A question with its answer, the verdict, and every span that it rests on."""
    cause = f", {answer.value.cause}" if answer.value.cause else ""
    spans = [f"> “{' '.join(c.quote.split())}” ({span(c)})" for c in answer.citations]
    said = " ".join(answer.text.split())
    head = f"**{question}** {answer.verdict}{cause}"
    return "\n\n".join((head, said, *(["\n>\n".join(spans)] if spans else [])))


def _steps(answers: Sequence[Answer]) -> str:
    """Every step that called a model: which, how it ended, what it cost."""
    rows: dict[tuple[str, ...], int] = {}
    for answer, graph in zip(answers, _names(answers), strict=True):
        for hop in answer.hops:
            for attempt in hop.attempts:
                cost = attempt.cost_micro_usd
                shown = "unknown" if cost is None else f"{cost / 1_000_000:.6f}"
                row = (graph, hop.node, attempt.deployment, str(attempt.outcome), shown)
                rows[row] = rows.get(row, 0) + 1
    costs = [answer.cost_usd for answer in answers]
    total = "unknown" if None in costs else f"{sum(c or 0 for c in costs):.6f}"
    head = ("run", "step", "model", "outcome", "USD each", "calls")
    return f"{table(head, [(*row, str(n)) for row, n in rows.items()])}\n\nTogether: {total} USD"


def _names(answers: Sequence[Answer]) -> Iterator[str]:
    yield "review"
    yield from (f"question {number}" for number in range(1, len(answers)))


def _print(review: Answer, asked: Sequence[tuple[str, Answer]], out: Path) -> None:
    found: Review = review.value
    print(f"{review.verdict}: {len(found.citations)} quotes, {len(found.classes.clauses)} clauses")
    for line in found.open:
        print(f"  {line.replace('**', '')}")
    for question, answer in asked:
        cause = f" ({answer.value.cause})" if answer.value.cause else ""
        print(f"? {question}\n  {answer.verdict}{cause}")
    print(f"written to {out / 'report.md'} and {out / 'report.html'}")


def _given(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    found = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    for name, default, text in (
        ("agreement", "case/agreement", "the agreement and its annexes: files or folders"),
        ("accounts", "case/accounts-2024.md", "tables of amounts"),
        ("received", "case/received.md", "the register of documents received"),
        ("policy", "lending-policy.md", "the bank's rules"),
    ):
        found.add_argument(f"--{name}", nargs="+", default=[_relative(default)], help=text)
    found.add_argument("--ask", action="append", help="a question to the agreement; repeatable")
    found.add_argument("--data-class", default=None, help="confidential; unset: personal data")
    found.add_argument("--out", type=Path, default=Path(), help="folder for the report")
    return found.parse_args(arguments)


def _relative(name: str) -> str:
    """As short as it can be named from where the program is run."""
    path = HERE / name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    asyncio.run(main(_given()))
