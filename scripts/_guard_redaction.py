"""How exactly values come back, for the measurements of `scripts/bench_guard.py`.

    .venv/bin/python scripts/_guard_redaction.py [TEXTS]

For each text: it is redacted; a model repeats it, turns the order of its lines round, or writes
all words between the placeholders anew; and what comes back is compared with what the same would
have made of the text itself, letter by letter. Each answer is heard in pieces of 1 to 64
characters. Detection is what the package ships.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from orchestrator.call_types import CallRequest
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.guard.redacting.redaction import Redaction
from orchestrator.guard.redacting.redactor import Find, Redactor
from orchestrator.guard.redacting.vault import Vault
from orchestrator.project.guard_schema import Detection
from orchestrator.types import Deployment, GuardRule

SIZES = range(1, 65)
_PLACEHOLDER = re.compile(r"\[[A-Z0-9_]+_\d+\]")
HOSTED = Deployment(
    id="cloud/api",
    model="cloud",
    family="first",
    tier="mid",
    via="openai",
    target="cloud",
    provider="cloud",
    hosting="hosted",
)


@dataclass(frozen=True)
class Exactness:
    """What came of all texts."""

    texts: int
    values: int
    answers: int
    """Answers that were heard: each kind of answer of each text in pieces of each size."""
    wrong: tuple[str, ...]
    """Of those that did not come back exactly: which answer, to which text."""
    left: int
    """Texts in which something that was found reached the model."""
    most_held: int
    """The most characters that were held back at once where no placeholder was under way."""
    us_per_piece: float
    """The time that a piece of 4 characters takes on its way, microseconds, the median text."""


def exactness(texts: Sequence[str], find: Find, sizes: Sequence[int] = SIZES) -> Exactness:
    """See `Exactness`."""
    values = answers = left = most = 0
    wrong: list[str] = []
    times: list[float] = []
    for text in texts:
        made = redacted(text, find)
        sent = _sent(made)
        places = [text[f.start : f.end] for f in find(text)]
        values += len(made.table)
        left += any(value in sent for value in places if len(value) > 3)
        for name, said, wanted in _answers(made, text, sent):
            for size in sizes:
                answers += 1
                got, held = heard(made, said, size)
                most = max(most, held)
                if got != wanted:
                    wrong.append(f"{name}, pieces of {size}: {text[:80]!r}")
        start = time.perf_counter()
        heard(made, sent, 4)
        times.append((time.perf_counter() - start) * 1e6 / max(1, len(sent) // 4))
    times.sort()
    return Exactness(
        texts=len(texts),
        values=values,
        answers=answers,
        wrong=tuple(wrong),
        left=left,
        most_held=most,
        us_per_piece=times[len(times) // 2] if times else 0.0,
    )


def redacted(text: str, find: Find) -> Redaction:
    """A request with that text."""
    request = CallRequest(messages=({"role": "user", "content": text},))
    return Redaction(request, GuardRule(redact="hosted"), Redactor(find), Vault())


def heard(made: Redaction, said: str, size: int) -> tuple[str, int]:
    """What the caller is told of an answer in such pieces, and the most that was held back while
    nothing that could be a placeholder was under way."""
    through = made.stages(HOSTED)
    told: list[str] = []
    most = given = 0
    for start in range(0, len(said), size):
        piece = said[start : start + size]
        given += len(piece)
        told.append(through.take(piece))
        if "[" not in said[max(0, given - 40) : given]:
            known = made.whole(said[:given], HOSTED)
            most = max(most, len(known) - len("".join(told)))
    told.append(through.end())
    return "".join(told), most


def _sent(made: Redaction) -> str:
    content = made.asked(HOSTED).messages[0]["content"]
    assert isinstance(content, str)
    return content


def _answers(made: Redaction, text: str, sent: str) -> Iterator[tuple[str, str, str]]:
    """What a model may say, and what the caller must then read."""
    yield "repeated", sent, text
    lines = sent.split("\n")
    if len(lines) > 1 and len(made.table) and text.count("\n") == sent.count("\n"):
        turned = "\n".join(reversed(lines))
        yield "turned round", turned, "\n".join(reversed(text.split("\n")))
    pieces = _PLACEHOLDER.split(sent)
    marks = _PLACEHOLDER.findall(sent)
    yield "written anew", _woven(pieces, marks, _anew), _woven(pieces, _values(text, pieces), _anew)


def _values(text: str, pieces: Sequence[str]) -> list[str]:
    """What stands in the text between the pieces that are no placeholder."""
    values, place = [], len(pieces[0])
    for piece in pieces[1:]:
        end = text.index(piece, place) if piece else len(text)
        values.append(text[place:end])
        place = end + len(piece)
    return values


def _woven(pieces: Sequence[str], between: Sequence[str], change: Callable[[str], str]) -> str:
    parts = [change(pieces[0])]
    for value, piece in zip(between, pieces[1:], strict=True):
        parts += [value, change(piece)]
    return "".join(parts)


def _anew(text: str) -> str:
    """Other letters in the place of each, as in another language."""
    return codecs.encode(text, "rot13")


# ── texts of its own, where nobody brings any ────────────────────────────────────────────

_VALUES = (
    "ann.muster@example.org",
    "Bob.Beispiel+shop@mail.example.co.uk",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "+49 30 901820",
    "+44 20 7946 0958",
    "AKIAQ7ZK3MNV5TXW2RJD",
    "ghp_Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe9Dc8",
    "postgres://admin:S3cr3tPassw0rd@db.example.com/app",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----",
)
_FRAMES = (
    "Please write to {0} and tell them that {1} is no longer valid.",
    "{0}\n{1}\n{0}",
    "- contact: **{0}**\n- account: `{1}`\n- see [the list](https://example.com) and [1]\n",
    "Bitte überweise an {0}, Rückfragen an {1}. Danke schön!",
    "请联系 {0} 或者 {1}。",
    'log line 1: user={0} status=ok\nlog line 2: user={1} note="[EMAIL_1] stays"\nend',
    "| name | value |\n| --- | --- |\n| a | {0} |\n| b | {1} |",
    "name,address,iban\nx,{0},1\ny,{1},2\n",
)


def texts(count: int = 400, seed: int = 9) -> list[str]:
    """Generated texts with two values each, in many surroundings; every fifth is JSON."""
    random = Random(seed)
    found = []
    for number in range(count):
        values = random.sample(_VALUES, 2)
        if number % 5 == 0:
            found.append(json.dumps({"to": values[0], "notes": [values[1], 17]}, indent=1))
        else:
            found.append(random.choice(_FRAMES).format(*values))
    return found


def lines(found: Exactness) -> list[str]:
    """The figures, for a person."""
    exact = found.answers - len(found.wrong)
    return [
        f"{found.texts} texts with {found.values} values; in {found.left} one reached the model",
        f"{exact} of {found.answers} answers came back exactly, in pieces of 1 to 64 characters",
        f"held back where no placeholder was under way: at most {found.most_held} characters",
        f"a piece of 4 characters takes {found.us_per_piece:.1f} microseconds, the median text",
        *(f"WRONG {one}" for one in found.wrong[:10]),
    ]


if __name__ == "__main__":
    detectors = Detectors(Detection(), ("internal", "confidential", "pii"))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("\n".join(lines(exactness(texts(count), detectors.find))))
