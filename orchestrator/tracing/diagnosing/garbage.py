"""Is the output an answer at all? Empty, looping, cut off, in another language, no words, …"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from orchestrator.tracing.diagnosing.peers import TASK_OF_ROLE, Peers
from orchestrator.tracing.diagnosing.reading import Seen, parsed
from orchestrator.tracing.diagnosing.signs import Kind, Sign
from orchestrator.tracing.diagnosing.wording import (
    content,
    fold,
    foreign,
    letters,
    shown,
    strange_words,
)
from orchestrator.tracing.explain import answered

_KIND: Kind = "garbage_output"
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b"
    r"|\bi(?:'|’)?m (?:sorry|unable|afraid|not able)\b.{0,60}"
    r"\b(?:can(?:no|')?t|cannot|unable|not|help|assist)\b"
    r"|\bi (?:can(?:no|'|’)?t|cannot|am not able to|am unable to|won(?:'|’)t)"
    r" (?:help|assist|do that|comply|fulfil|provide|answer|continue|discuss|process)\b"
    r"|\bi do(?: not|n(?:'|’)t) have (?:access|the ability|enough context)\b"
    r"|\bhow (?:can|may) i (?:help|assist) you\b",
    re.IGNORECASE,
)
_DEBRIS = re.compile(
    r"<\|[a-z_]+\|>|\[/?INST\]|</?s>|\{\{.{1,60}?\}\}|\blorem ipsum\b|<(?:unk|pad|eos|bos)>"
    r"|\[object Object\]|\bTraceback \(most recent|\bNone None\b|\bundefined undefined\b"
    r"|<!DOCTYPE html|<html\b|\b50[234] (?:Bad Gateway|Service|Gateway)",
    re.IGNORECASE,
)
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf]|â€|\ufffd")
_FINISHED = re.compile(r"[.!?…:;。！？)\]}\"'”’*`|>]\s*\Z|\d\s*\Z")
_REPLY_FORM = re.compile(
    r"one JSON (?:object|list|array)[^{\[\n]{0,40}(\{.*?\}|\[.*?\])\s*(?=[,.\n]|\Z)"
)
_KEY = re.compile(r'"(\w+)"\s*:')
_COPIES = re.compile(r"\b(?:repeat|say|echo|copy|spell|correct|proofread|quote|verbatim)\b")
_LEAST = 24
_ENDS = {"length", "max_tokens", "content_filter"}


def garbage_signs(seen: Seen, peers: Peers) -> Iterator[Sign]:
    """Signs that what a hop handed on is no answer, judged by its text alone."""
    hop, text = seen.hop, seen.output
    if hop.status != "ok" or not seen.asked or seen.wordless:
        return
    used = answered(hop)
    if used is not None and used.finish in _ENDS:
        words = "was stopped by its limit of tokens, and its answer was used"
        if used.finish == "content_filter":
            words = "was stopped by a filter, and its answer was used"
        yield Sign(_KIND, 0.6, words)
    if text is None:
        if used is not None and not used.usage.output and used.usage.input:
            yield Sign(_KIND, 0.55, "was given tokens to read and wrote none")
        return
    if not text.strip():
        yield Sign(_KIND, 0.85, "answered with nothing")
        return
    yield from _form(seen, peers)
    if other := peers.said.get(text):
        judges = {other[1], seen.hop.role} & TASK_OF_ROLE.keys()
        if other[0] < seen.at and other[1] != seen.hop.role and judges:
            words = f"hands on word for word what `{other[2]}` had answered"
            yield Sign(_KIND, 0.6, words)
    yield from _hollow(seen)
    said = " ".join(seen.prose) if seen.data is not None else text
    passed_on = _passed_on(seen)
    for sign in _wording(seen, said):
        yield Sign(sign.kind, sign.weight, sign.words, caused=True) if passed_on else sign


def _passed_on(seen: Seen) -> bool:
    """Most of its words stood in its prompt already: if they are garbage, it was handed that."""
    if not seen.given or seen.data is None:
        return False
    known = {fold(sentence) for sentence in seen.given}
    mine = [fold(sentence) for sentence in seen.prose]
    return bool(mine) and 2 * sum(sentence in known for sentence in mine) >= len(mine)


# ── its form ─────────────────────────────────────────────────────────────────────────────


def _form(seen: Seen, peers: Peers) -> Iterator[Sign]:
    """It is not what it was asked to be."""
    text = seen.output or ""
    looks = text.lstrip()[:1] in ("{", "[") and not text.lstrip().startswith(("[p", "[1"))
    profile = seen.hop.profile
    wanted = profile is not None and (profile.output == "json" or "json" in profile.needs)
    asked = "one JSON object" in seen.prompt or "one JSON list" in seen.prompt
    if seen.data is None:
        usual = peers.structured[seen.hop.agent or seen.hop.role]
        if looks:
            yield Sign(_KIND, 0.7, "handed on JSON that is broken")
        elif asked and wanted:
            yield Sign(_KIND, 0.6, "was asked for JSON and wrote something else")
        elif usual[True] > usual[False]:
            yield Sign(_KIND, 0.5, "wrote plain text, where its like write JSON")
        return
    keys = _asked_keys(seen.prompt) if _reads_prompts(seen) else set()
    mine = set(seen.data) if isinstance(seen.data, dict) else set()
    if keys and isinstance(seen.data, dict) and not keys & mine:
        words = f"was asked for {_listed(keys)} and gave {_listed(mine) or 'an empty object'}"
        yield Sign(_KIND, 0.6, words)


def _reads_prompts(seen: Seen) -> bool:
    """Code reads values by name and answers in a form of its own, whatever the prompt says."""
    used = answered(seen.hop)
    return used is not None and used.family is not None


def _asked_keys(prompt: str) -> set[str]:
    """The top-level keys of the reply that its prompt shows as an example."""
    found = _REPLY_FORM.search(prompt)
    if not found:
        return set()
    example = parsed(found[1].replace("…", "x"))
    return set(example) if isinstance(example, dict) else set(_KEY.findall(found[1])[:1])


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3])


def _hollow(seen: Seen) -> Iterator[Sign]:
    """JSON of the right form in which nothing is said."""
    data = seen.data
    if not isinstance(data, dict):
        return
    lists = [value for value in data.values() if isinstance(value, list)]
    words = any(isinstance(v, str) and len(v.split()) > 1 for v in data.values())
    if lists and not any(lists) and not words:
        claims = seen.prompt.count("<claim ") + seen.prompt.count("<citation ")
        if claims:
            words_ = f"was given {claims} to judge and judged none"
            yield Sign(_KIND, 0.6, words_)
        elif seen.passages or seen.given:
            yield Sign(_KIND, 0.5, "answered with an empty form, and gave no reason", caused=True)
    if all(value in (None, "", "…", "string") for value in data.values()) and data:
        yield Sign(_KIND, 0.7, "answered with a form in which nothing is filled in")


# ── its words ────────────────────────────────────────────────────────────────────────────


def _wording(seen: Seen, said: str) -> Iterator[Sign]:
    if looped := _loops(said):
        yield Sign(_KIND, 0.8, f"goes round in circles: {looped}")
    if (found := _DEBRIS.search(seen.output or "")) and found[0] not in seen.prompt:
        yield Sign(_KIND, 0.6, f'holds debris: "{found[0][:30]}"')
    if len(_MOJIBAKE.findall(said)) > 2 and not _MOJIBAKE.search(seen.prompt):
        yield Sign(_KIND, 0.6, "holds characters that were decoded wrongly")
    if _REFUSAL.search(said[:400]) and not _REFUSAL.search(seen.prompt):
        yield Sign(_KIND, 0.75, f'handed on a refusal as its answer: "{shown(said, 60)}"')
    if (language := foreign(said, seen)) is not None:
        yield Sign(_KIND, 0.7, f"answered in another language ({language})")
    if not _code(seen):
        yield from _unreadable(seen, said)
    yield from _cut(seen)
    yield from _echo(seen, said)


def _loops(text: str) -> str:
    """What is said over and over; empty where nothing is."""
    run = re.search(r"([^\s\d=*_#.-])\1{14,}", text)
    if run:
        return f'"{run[0][:12]}…"'
    lines = Counter(fold(line) for line in re.split(r"[\n.!?]+", text) if len(line.split()) > 2)
    line, times = lines.most_common(1)[0] if lines else ("", 0)
    if times >= 4 and 2 * times > sum(lines.values()):
        return f'"{line[:40]}" {times} times'
    words = text.lower().split()
    if len(words) < _LEAST:
        return ""
    for size in (1, 2, 3, 5, 8):
        grams = Counter(zip(*(words[at:] for at in range(size)), strict=False))
        gram, times = grams.most_common(1)[0]
        if times * size >= 0.4 * len(words) and times >= 5:
            return f'"{" ".join(gram)[:40]}" {times} times'
    fours = list(zip(*(words[at:] for at in range(4)), strict=False))
    if len(set(fours)) < 0.5 * len(fours):
        return "the same few phrases"
    return ""


def _unreadable(seen: Seen, said: str) -> Iterator[Sign]:
    """Letters that make no words, words that make no sentences, or words of something else."""
    share, example = strange_words(said, seen.prompt)
    if share > 0.3:
        yield Sign(_KIND, min(0.35 + share, 0.85), f'holds what are no words ("{example}")')
        return
    if len(said) > 40 and (drop := letters(said)) < 0.55:
        yield Sign(_KIND, 0.8 - drop, "consists of signs more than of words")
    if _shuffled(said, seen.prompt):
        yield Sign(_KIND, 0.7, "has the words of its prompt, and they make no sentences")
    mine = content(said)
    wanted = content(" ".join(seen.given) or seen.prompt)
    if len(mine) >= 6 and len(wanted) >= 20:
        known = len(mine & wanted) / len(mine)
        if known < 0.12:
            words = "speaks of something that its prompt does not mention"
            yield Sign(_KIND, 0.55 + (0.15 if known < 0.03 else 0), words)


def _shuffled(said: str, prompt: str) -> bool:
    """Nearly all its words stand in the prompt, and hardly two of them next to each other."""
    words = re.findall(r"[^\W\d_]+", said.lower())
    if len(words) < 15 or not prompt:
        return False
    theirs = re.findall(r"[^\W\d_]+", prompt.lower())
    known = set(theirs)
    pairs = set(pairwise(theirs))
    mine = list(pairwise(words))
    share = sum(word in known for word in words) / len(words)
    return share > 0.85 and sum(pair in pairs for pair in mine) / len(mine) < 0.25


def _cut(seen: Seen) -> Iterator[Sign]:
    """It ends in the middle of a sentence."""
    said = seen.output if seen.data is None else (seen.prose[-1] if seen.prose else "")
    if not said or len(said) < 60 or _code(seen) or _FINISHED.search(said):
        return
    if seen.data is None and said.lstrip()[:1] in ("{", "["):
        return
    own = fold(said[-40:]) not in fold(seen.prompt)
    whole = sum(bool(_FINISHED.search(s)) for s in seen.prose[:-1])
    if own and (seen.data is None or whole):
        yield Sign(_KIND, 0.4 if seen.data is not None else 0.5, "ends in the middle of a sentence")


def _echo(seen: Seen, said: str) -> Iterator[Sign]:
    """It says its instructions, or the question, again."""
    if not seen.prompt or seen.hop.role in ("decomposer", "router"):
        return
    rules = fold(_rules(seen.prompt))
    mine = [fold(s) for s in seen.prose if len(s) > 30]
    copied = sum(s in rules for s in mine)
    given = {fold(s) for s in seen.given}
    if mine and copied and 2 * copied >= len(mine) and not all(s in given for s in mine):
        yield Sign(_KIND, 0.7, "repeats its instructions instead of an answer")
    question = _asked(seen)
    if len(question.split()) > 4 and fold(said) == question and not _COPIES.search(question):
        yield Sign(_KIND, 0.75, "repeats the question instead of an answer")


def _rules(prompt: str) -> str:
    """How to answer: what stands before the data, or else in the first paragraph of several."""
    before, mark, _ = prompt.partition("\n<")
    if mark:
        return before[:4000]
    first, more, _ = prompt.partition("\n\n")
    return first if more else ""


def _asked(seen: Seen) -> str:
    found = re.search(r"<(?:request|task|question)\b[^>]*>\n?(.*?)\n?</", seen.prompt, re.DOTALL)
    if found:
        return fold(found[1])
    return fold(seen.prompt) if len(seen.prompt) < 400 else ""


def _code(seen: Seen) -> bool:
    profile = seen.hop.profile
    return profile is not None and (profile.task in ("code", "sql") or profile.output == "code")
