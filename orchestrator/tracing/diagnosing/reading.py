"""A hop's texts, taken apart once for all detectors: passages, quotes, sentences, claims."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.records import Hop
from orchestrator.types import WORDLESS

MOST_TEXT = 60_000
"""Characters of a prompt or an output that are read."""
MOST_COMPARED = 1_000
"""Hops of one trace whose texts are held against each other, besides the last ones."""
_LAST = 100
_LEAST_WORDS = 3
_LEAST_SIGNS = 24
"""So many characters are a sentence without a blank, too: Chinese has none."""
_NOT_KEPT = re.compile(r"(?:sha256:[0-9a-f]{64}|\[not stored: log rule\])\Z")
_PASSAGE = re.compile(r"<passage\b([^>]*)>\n?(.*?)\n?</passage>", re.DOTALL)
_DATA = re.compile(r"<([a-z][a-z_-]*)\b[^>]*>\n?(.*?)\n?</\1>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_NUMBERED = re.compile(r"^\[p\d+(?:\.\d+)?\] ", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?…。])[\"'”’)\]]*\s+(?=[\W\d]*[^\W\d_a-zß-öø-ÿ])|\n{1,}")
_FENCE = re.compile(r"\A\s*```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
_NOT_SAID = frozenset(
    [
        "id",
        "ids",
        "file",
        "doc_hash",
        "passage",
        "quote",
        "status",
        "by",
        "kind",
        "subtask",
        "subtasks_id",
        "specialist",
        "task",
        "claim",
        "language",
        "against",
        "reason",
        "source_says",
        "claim_says",
        "independence",
        "effort",
        "reached",
        "url",
        "path",
        "note",
        "deployment",
        "profile",
        "votes",
        "checker",
        "family",
        "cause",
        "verdict",
        "role",
        "heading",
    ]
)
"""Keys of an answer whose value is a name, a remark or somebody else's words."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a source as it stands in a prompt."""

    id: str
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation as an output gives it. What it does not say is empty or `None`."""

    text: str
    sentence: str
    """What it is to carry."""
    file: str = ""
    passage: str = ""
    start: int | None = None
    end: int | None = None
    status: str = ""
    supported: bool | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What an output says of a claim of somebody else."""

    text: str
    status: str
    reason: str = ""


@dataclass(slots=True)
class Seen:
    """A hop as the detectors read it. Texts that were not kept are empty."""

    at: int
    """Its place in the order in which the hops began."""
    hop: Hop
    compared: bool
    """Whether its texts are held against each other; of the others only the output is read."""
    prompt: str = ""
    output: str | None = None
    """`None`: not kept, or there is none."""
    data: Any = None
    """The output where it is a JSON object or list."""
    prose: tuple[str, ...] = ()
    """The sentences that it says itself."""
    quotes: tuple[Quote, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    """Ids of passages that it refers to, each with the sentence that does."""
    judged: tuple[Judged, ...] = ()
    passages: tuple[Passage, ...] = ()
    given: tuple[str, ...] = ()
    """The sentences of all data in its prompt."""

    @property
    def asked(self) -> bool:
        """Whether a model was to answer it."""
        return bool(self.hop.attempts) or self.hop.decision is not None

    @property
    def wordless(self) -> bool:
        """Whether its answer is no text."""
        return self.hop.profile is not None and self.hop.profile.task in WORDLESS


def see(hops: Sequence[Hop]) -> list[Seen]:
    """The hops, in the order in which they began."""
    ordered = sorted(hops, key=lambda h: h.started_at)
    last = len(ordered) - _LAST
    return [
        _seen(at, hop, compared=at < MOST_COMPARED or at >= last) for at, hop in enumerate(ordered)
    ]


def kept(text: str | None) -> str | None:
    """The text, `None` where only its hash or a remark was kept."""
    return None if text is None or _NOT_KEPT.match(text) else text[:MOST_TEXT]


def _seen(at: int, hop: Hop, *, compared: bool) -> Seen:
    prompt, output = (kept(hop.prompt) or "") if compared else "", kept(hop.output)
    seen = Seen(at, hop, compared, prompt, output)
    if prompt:
        seen.passages, seen.given = _given(prompt)
    if output:
        seen.data = parsed(output)
        if seen.data is None:
            seen.prose = sentences(output)
            seen.marks = tuple(_inline_marks(seen.prose))
        else:
            said = dict.fromkeys(s for text in _said(seen.data) for s in sentences(text))
            seen.prose = tuple(said)
            seen.quotes = tuple(_quotes(seen.data))
            seen.marks = tuple(_marks(seen.data))
            seen.judged = tuple(_judged(seen.data))
    return seen


@lru_cache(maxsize=256)
def _given(prompt: str) -> tuple[tuple[Passage, ...], tuple[str, ...]]:
    passages = []
    for attributes, text in _PASSAGE.findall(prompt):
        named = dict(_ATTRIBUTE.findall(attributes))
        plain = _NUMBERED.sub("", text)
        passages.append(Passage(named.get("id", ""), named.get("file", ""), plain))
    data = [s for _, text in _DATA.findall(prompt) for s in sentences(_NUMBERED.sub("", text))]
    return tuple(passages), tuple(dict.fromkeys(data))


@lru_cache(maxsize=4096)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text; labels and single words are left out."""
    found = (part.strip() for part in _SENTENCE.split(text))
    return tuple(s for s in found if len(s.split()) >= _LEAST_WORDS or len(s) >= _LEAST_SIGNS)


def parsed(text: str) -> Any:
    """The JSON object or list that the text is, a fence around it or not; `None` otherwise."""
    fenced = _FENCE.match(text)
    body = (fenced[1] if fenced else text).strip()
    if body[:1] not in ("{", "["):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)


def _said(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _NOT_SAID:
                yield from _said(item)
    elif isinstance(value, list):
        for item in value:
            yield from _said(item)


def _quotes(data: Any) -> Iterator[Quote]:
    """Every object with a `quote`, and the text of the object around it as what it carries."""
    for around in _walk(data):
        if isinstance(around.get("quote"), str):
            continue
        text = around.get("text") or around.get("value") or ""
        for key, inner in around.items():
            if key in ("against", "disputed"):
                continue
            for cited in inner if isinstance(inner, list) else [inner]:
                if isinstance(cited, dict) and isinstance(cited.get("quote"), str):
                    yield _quote(cited, text if isinstance(text, str) else "")


def _quote(cited: Mapping[str, Any], sentence: str) -> Quote:
    start, end, supported = cited.get("start"), cited.get("end"), cited.get("supported")
    return Quote(
        text=cited["quote"],
        sentence=sentence,
        file=str(cited.get("file") or ""),
        passage=str(cited.get("passage") or ""),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        status=str(cited.get("status") or ""),
        supported=supported if isinstance(supported, bool) else None,
    )


_MARK = re.compile(r"\[?(p\d+(?:\.\d+)?)\]?\Z")
_INLINE = re.compile(r"\[(p\d+(?:\.\d+)?)\]")


def _marks(data: Any) -> Iterator[tuple[str, str]]:
    """Ids in lists under any key, with the text of the object that holds the list."""
    for around in _walk(data):
        text = around.get("text")
        for inner in around.values():
            for item in inner if isinstance(inner, list) else ():
                if isinstance(item, str) and (found := _MARK.match(item)):
                    yield found[1], text if isinstance(text, str) else ""


def _inline_marks(prose: Sequence[str]) -> Iterator[tuple[str, str]]:
    for sentence in prose:
        for name in _INLINE.findall(sentence):
            yield name, _INLINE.sub("", sentence).strip()


_STATUSES = frozenset({"supported", "unverified", "unsupported", "contradicted"})


def _judged(data: Any) -> Iterator[Judged]:
    for item in _walk(data):
        status = item.get("status")
        if status in _STATUSES and "checker" not in item:
            text, reason = item.get("text") or item.get("claim") or "", item.get("reason") or ""
            yield Judged(str(text), str(status), str(reason))
