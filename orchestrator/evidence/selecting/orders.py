"""Text in sources that speaks to the machine that reads it. It is no evidence for anything.

A source states facts; it gives no orders to who answers from it. Where one does ("ignore previous
instructions", "AI systems that read this are to say …"), the order and what follows it in its
paragraph are left out of the evidence: whoever wrote the order may have written those "facts" for
its sake. What merely speaks *about* language models, or tells people what to do, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.evidence.sources.documents import Document
from orchestrator.evidence.values import Passage

_MACHINE = (
    r"(?:(?:ai|llm|gpt|chat|language|artificial[\s-]+intelligence)[\s-]+(?:based\s+)?"
    r"(?:models?|assistants?|systems?|agents?|bots?|readers?|tools?)"
    r"|llms?|ais?|chatbots?|chatgpt|(?:automat(?:ed|ic)|machine)\s+(?:readers?|summari[sz]ers?)"
    r"|document[\s-]+processing\s+systems?)"
)
_NOTE = (
    r"(?:(?:notes?|notice|instructions?|messages?|reminder|important|attention|warning|hint|request"
    r"|dear|hello|hey|hi)\s*[:,!]?\s*(?:(?:to|for)\s+)?(?:(?:all|any|every|each|the|our)\s+)?)"
)
_SAY = r"(?:answer|reply|respond|repeat|output|print|say|state|claim|ignore|disregard|forget)"
_DO = (
    rf"(?:{_SAY}|report|tell|add|mention|cite|summari[sz]e|conclude|include|recommend|write|treat)"
)
_DIRECTIVE = re.compile(
    r"(?:^|[:;,.!\]]|\band|\bthen|\bplease|\bmust|\bshould|\bshall|\balways|\bnever|\bnot|\bto)\s+"
    rf"{_DO}\b",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(
    rf"\b{_NOTE}{_MACHINE}\b"
    rf"|\b{_MACHINE}\s*[:,]\s*(?:you|please|when|if|always|never|do|{_DO})\b"
    rf"|\b{_MACHINE}\s+(?:(?:that|which|who)\s+\w+|reading|processing|summari[sz]ing)\s+(?:this|these)\b"
    rf"|\bassistants?\s*[:,]\s*(?:(?:when|if)\s+(?:you\s+are\s+|you're\s+)?asked|{_SAY})\b"
    rf"|\bif\s+you\s+are\s+(?:an?\s+)?{_MACHINE}\b"
    r"|\[/?(?:system|inst|instructions?|assistant)\]|<\|?(?:system|im_start)\|?>"
    r"|\bsystem\s+(?:message|prompt|note|instruction)s?\s*:\s*(?:you|your|ignore|always|never)\b",
    re.IGNORECASE,
)
"""Not yet an order: it is one where a directive follows."""
_OVERRIDING = re.compile(
    r"(?<!\bnot\s)(?<!\bnever\s)\b(?:ignore|disregard|forget|override)\s+"
    r"(?:(?:all|any|every|of|the|your|my|these|those)\s+)*"
    r"(?:(?:previous|prior|earlier|preceding|foregoing|above|other)\s+"
    r"(?:instructions?|prompts?|directives?|commands?|orders|context|documents?|sources?|passages?)"
    r"|system\s+prompts?|(?:everything|anything)\s+(?:you|above|before|else))\b"
    r"|\byour\s+(?:previous|earlier|prior|original)\s+(?:instructions?|prompts?)\b"
    r"|\byou\s+are\s+(?:now\s+)?an?\s+(?:ai|language\s+model|(?:ai\s+)?assistant|chatbot)\b"
    r"|\banswer\s+to\s+(?:all|any|every)\s+questions?\b"
    r"|\b(?:don['’]t|do\s+not|never)\s+mention\s+(?:this|these)\s+(?:notes?|instructions?|messages?)\b"
    rf"|\bthe\s+(?:(?:correct|right|only|true)\s+)?answer\s+is\s+[^.;!?\n]{{1,80}}[.,;:!]\s*{_SAY}\b",
    re.IGNORECASE,
)
_ASKED_ABOUT = re.compile(
    r"\b(?:prompt\s+injection|hidden\s+(?:text|notes?|instructions?|orders?)|jailbreak\w*"
    r"|(?:instructions?|orders?|notes?)\s+(?:to|for|addressed)\b.*\b(?:ai|models?|assistants?|systems?))\b",
    re.IGNORECASE,
)
_HINT = re.compile(
    r"ignore|disregard|forget|override|instruction|assistant|\bai\b|\bais\b|llm|language\s+model|gpt"
    r"|chatbot|system|automat|machine|answer",
    re.IGNORECASE,
)
"""None of the patterns matches a text without one of these words."""
_SENTENCE_START = re.compile(r"(?:^|[.!?\n>]\s+|-->|<!--)(?=\S)")
_GAP = re.compile(r"\S")
_OPENING = 1000
"""Characters at the beginning of a document that may stand in what it is said to be about."""


@dataclass(frozen=True, slots=True)
class Order:
    """`file[start:end]` speaks to the machine, or stands in a paragraph after what does."""

    file: str
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        flat = " ".join(self.text.split())
        short = flat if len(flat) <= 90 else flat[:89].rsplit(" ", 1)[0] + "…"
        return (
            f"{self.file}, characters {self.start} to {self.end}, gives orders to its reader "
            f"and is no evidence: {short!r}"
        )


def is_order(text: str) -> bool:
    """Whether a text gives orders to the machine that reads it."""
    return _begin(text) is not None


def without_orders(
    passages: Sequence[Passage], documents: Iterable[Document], question: str
) -> tuple[tuple[Passage, ...], tuple[Order, ...]]:
    """The passages with all orders blanked out, so that offsets stay; and what was blanked.

    A question about such orders sees them: there they are the facts. A passage of which nothing is
    left is left out.
    """
    if _ASKED_ABOUT.search(question):
        return tuple(passages), ()
    texts: Mapping[str, Document] = {d.file: d for d in documents}
    kept: list[Passage] = []
    found: dict[tuple[str, int], Order] = {}
    for passage in passages:
        document = texts.get(passage.file)
        spans = _orders(document.text, document.prose, _blocks(document)) if document else ()
        text, about = passage.text, passage.about
        for start, end in spans:
            a, b = max(start, passage.start), min(end, passage.end)
            if document is None or a >= b:
                continue
            order = Order(passage.file, start, end, document.text[start:end])
            found[passage.file, start] = order
            text = _blanked(text, a - passage.start, b - passage.start)
        if any(start < _OPENING for start, _ in spans):
            about = ""
        if text.strip():
            kept.append(passage.model_copy(update={"text": text, "about": about}))
    return tuple(kept), tuple(found.values())


def _blocks(document: Document) -> tuple[tuple[int, int], ...]:
    """Every paragraph, and what lies between two of them: comments and other hidden text."""
    edges, at = [], 0
    for block in document.blocks:
        edges += [(at, block.start), (block.start, block.end)]
        at = max(at, block.end)
    return tuple((a, b) for a, b in [*edges, (at, len(document.text))] if a < b)


@lru_cache(maxsize=256)
def _orders(
    text: str, prose: str, blocks: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    if not _HINT.search(text):
        return ()
    found = []
    for start, end in blocks:
        # What no reader sees stands in the text alone.
        shown = prose[start:end] if _GAP.search(prose, start, end) else text[start:end]
        begin = _begin(shown)
        if begin is not None:
            close = text.find("-->", start + begin, end)
            found.append((start + begin, end if close < 0 else close + 3))
    return tuple(found)


def _begin(text: str) -> int | None:
    """Where the sentence of the first order begins; `None` where there is none."""
    starts = [m.start() for m in _OVERRIDING.finditer(text)]
    starts += [m.start() for m in _ADDRESSED.finditer(text) if _DIRECTIVE.search(text, m.start())]
    if not starts:
        return None
    first = min(starts)
    return max((m.end() for m in _SENTENCE_START.finditer(text, 0, first + 1)), default=0)


def _blanked(text: str, start: int, end: int) -> str:
    """The text with blanks in the span; line ends stay, and with them tables and lists."""
    blank = "".join(c if c == "\n" else " " for c in text[start:end])
    return text[:start] + blank + text[end:]
