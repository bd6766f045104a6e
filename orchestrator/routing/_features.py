"""Features that rules read off a text: language, output, lengths, complexity, risk.

Texts come in lower case: patterns that need not ignore it are several times faster.
"""

from __future__ import annotations

import re
from math import log10

from orchestrator.routing._task import Guess
from orchestrator.types import Risk

_STOP_WORDS = {
    "en": "the of and to in is that for with as are this be on by what how which from at or why do "
    "does can you i it my your was were we who not have an",
    "de": "der die das und ist nicht ein eine mit für auf den dem des im zu wie von sich wird",
    "fr": "le la les des et est une dans pour pas que qui sur avec du au ce cette aux sont",
    "es": "el los las y es una en por para con del que no se como cuál qué al este esta son",
    "it": "il lo gli di e è una per con non che sono della nel come questo questa al dei più",
    "nl": "het een van en is niet met voor op de te dat zijn hoe wat aan bij deze wordt naar",
    "pt": "o os as do da e é uma para com não que em por no na dos das ao como são",
}
_LANGUAGE_OF = {w: [k for k, v in _STOP_WORDS.items() if w in v.split()] for w in set(
    " ".join(_STOP_WORDS.values()).split()
)}  # fmt: skip
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_WORD = re.compile(r"[^\W\d_]+")


def language(text: str) -> Guess:
    """ISO 639-1 code: by script, else by the function words of seven languages; else English."""
    if not text.isascii():
        letters = sum(c.isalpha() for c in text) or 1
        for code, script in _SCRIPTS:
            share = len(script.findall(text)) / letters
            if share > 0.2:
                return Guess(code, round(min(0.95, 0.6 + share / 2), 3), "rule")
    votes: dict[str, float] = {}
    for word in _WORD.findall(text):
        owners = _LANGUAGE_OF.get(word, ())
        for code in owners:
            votes[code] = votes.get(code, 0.0) + 1 / len(owners)
    if not votes:
        return Guess("en", 0.5, "default")
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0] != "en", item[0]))
    best, total = ranked[0], sum(votes.values())
    sure = best[1] / total * (1 - 0.5 ** (1 + best[1]))
    return Guess(best[0], round(min(0.98, 0.3 + 0.7 * sure), 3), "rule")


_SHAPES = (
    ("json", 0.95, re.compile(r"\b(?:as|in|valid|return|output|only) (?:a |an )?json\b")),
    ("json", 0.8, re.compile(r"\bjson (?:object|array|list|schema)\b|\{\s*\"\w+\"\s*:")),
    ("table", 0.9, re.compile(r"\b(?:as|in|into|make|create) an? (?:\w+ )?table\b")),
    ("list", 0.85, re.compile(r"\b(?:bullet points?|bulleted|numbered list|as a list)\b")),
    (
        "list",
        0.7,
        re.compile(r"^(?:please )?(?:list|name|give me (?:\d+|a list|five|three|ten))\b"),
    ),
)
_OUTPUT_OF_TASK = {"code": "code", "sql": "code", "math": "number", "plan": "list"}


def output_structure(text: str, task: str) -> Guess:
    """`text`, `json`, `code`, `list`, `number` or `table`: as asked, else as the task has it."""
    for shape, confidence, pattern in _SHAPES:
        if pattern.search(text):
            return Guess(shape, confidence, "rule")
    return Guess(_OUTPUT_OF_TASK.get(task, "text"), 0.7, "rule")


_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_LENGTH = re.compile(
    r"\b(\d{1,5}|" + "|".join(_NUMBERS) + r")[- ](?:\w+[- ])?"
    r"(words?|sentences?|paragraphs?|pages?|bullet points?|bullets?|points?|items?|lines?)\b",
)
_TOKENS_OF_UNIT = {
    "word": 1.35, "sentence": 28, "paragraph": 120, "page": 650, "bullet": 25, "point": 25,
    "item": 20, "line": 18,
}  # fmt: skip
_TOKENS_OF_TASK = {
    "chat": 200, "draft": 700, "extract": 200, "classify": 16, "summarize": 200, "code": 500,
    "sql": 150, "math": 80, "plan": 350, "check": 250, "cite": 150, "aggregate": 600,
}  # fmt: skip
_BRIEF = re.compile(r"\b(?:brief(?:ly)?|short|concise|one word|in a few words)\b")
_LONG = re.compile(r"\b(?:detailed|in detail|comprehensive|thorough(?:ly)?|in-depth)\b")


def output_tokens(text: str, task: str, given: int) -> Guess:
    """Tokens of the answer: the length that is asked for, else what the task usually takes.

    Args:
        given: tokens of the input, which a summary grows with.
    """
    asked = _LENGTH.search(text)
    if asked:
        count = _NUMBERS.get(asked.group(1).lower()) or int(asked.group(1))
        unit = asked.group(2).lower().split()[0].rstrip("s")
        tokens = max(8, min(32_000, round(count * _TOKENS_OF_UNIT[unit])))
        return Guess(str(tokens), 0.85, "rule")
    usual = _TOKENS_OF_TASK.get(task, 256)
    if task in ("summarize", "extract", "aggregate"):
        usual = max(usual // 2, min(usual * 4, given // 4))
    if _BRIEF.search(text):
        usual //= 2
    elif _LONG.search(text):
        usual *= 2
    return Guess(str(usual), 0.6, "rule" if task in _TOKENS_OF_TASK else "default")


_BASE = {
    "chat": 0.15, "classify": 0.12, "extract": 0.22, "cite": 0.28, "summarize": 0.28, "math": 0.3,
    "draft": 0.35, "aggregate": 0.4, "check": 0.42, "sql": 0.42, "plan": 0.48, "code": 0.5,
}  # fmt: skip
_REASONING = re.compile(
    r"\b(?:why|prove|proof|derive|compar\w+|contrast|trade-?offs?|analy[sz]\w+|evaluat\w+|justif\w+"
    r"|step by step|reason\w*|implications?|strateg\w+|optimi[sz]\w+|architect\w+|edge cases?"
    r"|concurren\w+|distributed|thread-safe|pros and cons|root cause|hypothes\w+|recommend\w*"
    r"|warum|vergleich\w*|begründe\w*|pourquoi|compare[rz]?|por qué)\b",
)
_CONSTRAINT = re.compile(
    r"\b(?:must|should|only|except|without|at least|at most|no more than|exactly|unless|ensure"
    r"|never|always|avoid|include|between \d+ and|under \d+|muss|nur|ohne|mindestens)\b",
)
_CLAUSE = re.compile(r"[;:\n]|,|\band\b|\bthen\b|\bund\b|\bet\b|[.?!]\s")


def complexity(text: str, task: str, length: int) -> Guess:
    """0..1, a weighted sum: the task, its length, clauses, constraints, words of reasoning.

    Args:
        length: tokens of the input.
    """
    clauses = min(len(_CLAUSE.findall(text)), 16)
    constraints = min(len(_CONSTRAINT.findall(text)), 6)
    reasoning = min(len(_REASONING.findall(text)), 4)
    value = _BASE.get(task, 0.35)
    value += 0.06 * log10(max(length, 10) / 10) + 0.012 * clauses
    value += 0.03 * constraints + 0.09 * reasoning
    value = round(min(1.0, value), 3)
    # In the middle a little more or less changes what it means, at the ends it does not.
    return Guess(str(value), round(0.55 + 0.6 * abs(value - 0.5), 3), "rule")


_ADVICE = re.compile(
    r"\b(?:should i|should we|can i|can we|may i|am i|do i|is it (?:safe|legal|ok)|my|soll ich"
    r"|darf ich|advice|recommend\w*|what happens if)\b",
)
_STRONG = re.compile(
    r"\b(?:overdose|chest pain|suicid\w*|self-harm|side effects?|dosages?|medical advice"
    r"|legal advice|financial advice|investment advice|(?:dose|mg|milligrams?) of [a-z]{5,}"
    r"|diagnos(?:e|is|ed)|symptoms?|power of attorney|child custody|malpractice|nebenwirkung\w*"
    r"|rechtsberatung|anlageberatung|effets secondaires)\b",
)
_SENSITIVE = re.compile(
    r"\b(?:medications?|medicines?|drugs?|prescri\w+|pregnan\w+|treatments?|ibuprofen|insulin"
    r"|antibiotics?|surgery|allerg\w+|vaccin\w+|lawsuit|sue|sued|court|liable|liability|evict\w*"
    r"|divorce|custody|immigration|visa|criminal|breach of contract"
    r"|terminate the (?:contract|lease)"
    r"|invest|investing|stocks?|shares|bonds|crypto\w*|bitcoin|mortgage|pension|retirement savings"
    r"|tax return|bankrupt\w*|loan)\b",
)
_SMALL_TALK = re.compile(r"\b(?:joke|poem|hello|thanks|birthday|riddle|haiku|limerick)\b")


def risk(text: str, task: str) -> tuple[Risk, float]:
    """How much harm a wrong answer may do, and how sure that is.

    High: it asks for medical, legal or financial advice. Low: small talk.
    """
    if _STRONG.search(text):
        return "high", 0.9
    sensitive = {m.lower() for m in _SENSITIVE.findall(text)}
    if sensitive and _ADVICE.search(text):
        return "high", 0.85 if len(sensitive) > 1 else 0.75
    if task == "chat" and len(text) < 200 and _SMALL_TALK.search(text):
        return "low", 0.8
    return "normal", 0.6 if sensitive else 0.85
