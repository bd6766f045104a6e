"""An internal audit of payments and expenses, from the case to a report that a person has signed.

python audit.py                                            stops where a person is asked
python audit.py --resume RUN --answer "sign by I. Brandt"  goes on, in another process
python audit.py --ask                                      asks at the keyboard
python audit.py --real                                     without the stand-in for a provider
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from control.casefile import read_case
from control.page import page, table
from control.place import HERE, relative
from control.register import Register, make_register
from control.stand_in import calls_in, seen, stand_in

from orchestrator import Answer, Mesh, RunError, RunOptions, UserError
from orchestrator.errors import WaitingError
from orchestrator.graph.asking import HumanAnswer

if TYPE_CHECKING:
    # What registers names is the project's to read; a run would else know them from here.
    from control.findings import Audit

TITLE = "Internal audit of payments and travel expenses, first quarter of 2025"
LOGS = ("received.log", "received-after.log")
FOR_THE_AUDITOR, FOR_OTHERS = "report", "report-without-names"


async def main(given: argparse.Namespace) -> int:
    """One audit; the exit code."""
    register = make_register(read_case(given.case))
    with provider(given) as env:
        async with Mesh.load(HERE, env=env) as mesh:
            try:
                answer = await carried_out(mesh, given, register)
            except WaitingError as waiting:
                show(waiting, register)
                for label in waiting.allowed or ("…",):
                    print(f'  python audit.py --resume {waiting.run} --answer "{label} by NAME"')
                return waiting.exit_code
    write(answer, register, given.out)
    tell(answer, register, given)
    return 0


async def carried_out(mesh: Mesh, given: argparse.Namespace, register: Register) -> Answer:
    """The whole run, with the answers that were given.

    Raises:
        WaitingError: it asks a person, and no answer is left.
    """
    left = [parsed(text) for text in given.answer]
    options = RunOptions(risk="high")
    begin: Mapping[str, Any] = {
        "title": given.title,
        "case": given.case,
        "rules": [given.rules],
    }
    run: str | None = given.resume
    while True:
        said = left.pop(0) if run and left else None
        try:
            if run is None:
                return await mesh.run("audit", options=options, **begin)
            return await mesh.run(resume=run, answer=said)
        except WaitingError as waiting:
            if not left and not given.ask:
                raise
            run = waiting.run
            if not left:
                show(waiting, register)
                # Nothing else goes on in this program, so it may wait here.
                left = [parsed(await asyncio.to_thread(input, "> "))]


def parsed(answer: str) -> HumanAnswer:
    """`sign by I. Brandt`: what was said, and who said it."""
    text, by, who = answer.rpartition(" by ")
    return HumanAnswer(text=text, by=who.strip()) if by else HumanAnswer(text=answer)


def show(waiting: WaitingError, register: Register) -> None:
    """The question, and all that it is about: with names, since who is asked here may see them."""
    print(register.restore("\n\n".join(waiting.shown.values())))
    print(f"\n{waiting.question} {' or '.join(waiting.allowed)}")


@contextmanager
def provider(given: argparse.Namespace) -> Iterator[dict[str, str]]:
    """The environment in which the stand-in is found; with `--real` as it is."""
    if given.real:
        yield dict(os.environ)
        return
    with stand_in(received(given)) as url:
        yield {**os.environ, "HARBOUR_URL": url}


def received(given: argparse.Namespace) -> Path:
    """Where the stand-in writes what it receives: before a person was asked, and after that."""
    return Path(given.out) / LOGS[bool(given.resume)]


def write(answer: Answer, register: Register, folder: Path) -> None:
    """The report with placeholders, and with names for who may read them: only its owner."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{answer.text}\n\n## Who did what\n\n{_steps(answer, register)}\n"
    for name, content, mode in (
        (FOR_OTHERS, text, 0o644),
        (FOR_THE_AUDITOR, register.restore(text), 0o600),
    ):
        for suffix, whole in ((".md", content), (".html", page(content))):
            file = folder / f"{name}{suffix}"
            file.touch(mode)
            file.chmod(mode)
            file.write_text(whole, "utf-8")


def tell(answer: Answer, register: Register, given: argparse.Namespace) -> None:
    """What came of it, and what the provider saw."""
    found: Audit = answer.value
    by = Counter(one.said.by for one in found.findings.found)
    told = ", ".join(f"{count} by {name}" for name, count in by.most_common())
    print(f"{answer.verdict}: {len(found.findings.found)} exceptions, assessed {told}")
    print(f"  {found.note}")
    for line in found.findings.proof:
        print(f"  {line}")
    out = Path(given.out)
    if not given.real:
        whole = b"".join((out / name).read_bytes() for name in LOGS if (out / name).is_file())
        names = seen(whole, register)
        print(f"in {calls_in(whole)} calls the hosted model saw {len(names)} of ", end="")
        print(f"{len(register.entries)} names, addresses and accounts", *names)
    print(f"written to {out / FOR_THE_AUDITOR}.html (names) and {out / FOR_OTHERS}.html (none)")


def _steps(answer: Answer, register: Register) -> str:
    """Every step that called a model: which, how it ended, of what class the text was."""
    rows: Counter[tuple[str, ...]] = Counter()
    for hop in answer.hops:
        for attempt in hop.attempts:
            kind = hop.profile.data_class if hop.profile else ""
            rows[(hop.node, attempt.deployment, kind, str(attempt.outcome))] += 1
    people = [
        (hop.node, register.add("N", hop.agent or "unknown"), "", hop.output or "")
        for hop in answer.hops
        if hop.role == "person"
    ]
    head = ("step", "who", "data class", "outcome", "times")
    cost = "unknown" if answer.cost_usd is None else f"{answer.cost_usd:.6f} USD"
    lines = [*((*row, str(times)) for row, times in rows.items()), *((*p, "1") for p in people)]
    return f"{table(head, lines)}\n\nTogether: {cost}"


def _given(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    found = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    found.add_argument("--title", default=TITLE, help="stands above the report")
    found.add_argument("--case", default=relative("case"), help="folder of the case")
    found.add_argument("--rules", default=relative("rules.md"), help="the numbered rules")
    found.add_argument(
        "--answer", action="append", default=[], help="what is answered, and by whom; repeatable"
    )
    found.add_argument("--ask", action="store_true", help="ask at the keyboard")
    found.add_argument("--resume", help="the run that waits")
    found.add_argument("--real", action="store_true", help="do without the stand-in")
    found.add_argument("--out", type=Path, default=Path(), help="folder for the reports")
    return found.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(_given())))
    except (RunError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
