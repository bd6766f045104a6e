"""What a trace keeps of texts: the `LogRule` of a hop, applied before anything is written.

Three things are done to a text, the first of them always:

- secrets of known shapes (keys, tokens, private keys) are masked at every level;
- `redacted` also masks e-mail addresses, telephone numbers, IBANs and card numbers;
- `hashed` keeps only the SHA-256 of the text, `none` keeps nothing.

What only *talks about* a text (an error, a remark, a validator's finding) may quote it, so it
follows the strictest level of the hop's rule.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import operator
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from orchestrator.guard.detecting.secrets import SHAPES, may_hold_secret
from orchestrator.guard.values import Finding
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.types import LOG_LEVELS, Caller, Decision, LogLevel, LogRule, TaskProfile

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")
WITHHELD = "[not stored: log rule]"
Find = Callable[[str], Sequence[Finding]]
_HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PLACEHOLDER = re.compile(r"<[\w-]+-\d+>")


class _Shape(NamedTuple):
    name: str
    pattern: re.Pattern[str]
    part: Callable[[str], int] = len
    """How many characters of what the pattern found are it, after a second look; 0 for none."""


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _card(text: str) -> int:
    """Holds where the check digit is right (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in reversed(_digits(text))]
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[1::2])
    return len(text) if (sum(digits[::2]) + sum(doubled)) % 10 == 0 else 0


def _iban(text: str) -> int:
    """The longest beginning with right check digits (ISO 13616: modulo 97 leaves 1)."""
    for size in range(len(text), 14, -1):
        plain = re.sub(r"[ -]", "", text[:size]).upper()
        if not 15 <= len(plain) <= 34 or not text[size - 1].isalnum():
            continue
        if int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1:
            return size
    return 0


def _telephone(text: str) -> int:
    """Holds where it has as many digits as a telephone number and is not a date."""
    if re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}", text):
        return 0
    return len(text) if 8 <= len(_digits(text)) <= 15 else 0


_PERSONAL: tuple[_Shape, ...] = (
    _Shape("email", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")),
    _Shape("iban", re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}\b"), _iban),
    _Shape("card", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d.,]?\d)"), _card),
    _Shape(
        "phone",
        re.compile(
            r"(?<![\w.,/-])(?:(?:\+|00)\d{1,3}[ ./-]?(?:\(0?\d{0,4}\)[ ./-]?)?"
            r"|\(\d{2,5}\)[ ./-]?|0\d{1,4}[ ./-]|\d{3}[ .-](?=\d{3}[ .-]\d{4}\b))"
            r"\d{2,12}(?:[ ./-]\d{2,8}){0,5}(?!\w)"
        ),
        _telephone,
    ),
)
_DIGIT = re.compile(r"\d")
_SHORTEST = 7
"""Characters of the shortest secret, `://a:b@`."""


class Mask:
    """Puts placeholders in the place of what must not be stored: `<email-1>`, `<key-2>`, …

    The same value gets the same placeholder for as long as the mask lives (one trace), so a
    reader still sees that two hops spoke of the same address.

    Args:
        find: what the project looks for besides; see `guard.detecting`.
    """

    def __init__(self, find: Find | None = None) -> None:
        self._find = find
        self._names: dict[str, dict[str, str]] = {}

    def secrets(self, text: str) -> str:
        """`text` without secrets of known shapes."""
        if len(text) < _SHORTEST or not may_hold_secret(text.encode("utf-8", "surrogatepass")):
            return text
        low = text.lower()  # of another length it is no matter: hints are looked for, not places
        for shape in SHAPES:
            if shape.may_stand_in(low):
                text = self._replaced(text, tuple(shape.find(text)))
        return text

    def personal(self, text: str) -> str:
        """`text` without secrets, e-mail addresses, telephone, account and card numbers, and
        without what the project looks for."""
        text = self.secrets(text)
        if "@" in text or _DIGIT.search(text):
            text = self._apply(text, _PERSONAL)
        return self._without_found(text) if self._find else text

    def _without_found(self, text: str) -> str:
        assert self._find is not None
        return self._replaced(text, self._find(text))

    def _replaced(self, text: str, findings: Sequence[Finding]) -> str:
        pieces, end = [], 0
        for found in findings:
            value = found.of(text)
            if not _PLACEHOLDER.fullmatch(value):
                pieces += [text[end : found.start], self._placeholder(found.kind, value)]
                end = found.end
        return "".join([*pieces, text[end:]])

    def _placeholder(self, kind: str, value: str) -> str:
        names = self._names.setdefault(kind, {})
        return names.setdefault(value, f"<{kind}-{len(names) + 1}>")

    def _apply(self, text: str, shapes: Iterable[_Shape]) -> str:
        for shape in shapes:
            text = shape.pattern.sub(functools.partial(self._name, shape), text)
        return text

    def _name(self, shape: _Shape, found: re.Match[str]) -> str:
        value = found[0]
        size = shape.part(value)
        if not size:
            return value
        return self._placeholder(shape.name, value[:size]) + value[size:]


def holds_secret(text: str) -> bool:
    """Whether a secret of a known shape stands in it."""
    return Mask().secrets(text) != text


def strictest(*rules: LogRule) -> LogRule:
    """The rule that keeps least, for each kind of text apart."""
    return LogRule(
        prompts=_strictest(r.prompts for r in rules),
        outputs=_strictest(r.outputs for r in rules),
        tool_args=_strictest(r.tool_args for r in rules),
    )


def _strictest(levels: Iterable[LogLevel]) -> LogLevel:
    return max(levels, key=LOG_LEVELS.index, default="full")


def apply_level(level: LogLevel, text: str | None, mask: Mask | None = None) -> str | None:
    """`text` as it may be stored at that level; a hash that stands already is left alone."""
    if text is None or level == "none":
        return None
    if level == "hashed":
        return text if _HASH.match(text) else _hashed(text)
    mask = mask or Mask()
    return mask.personal(text) if level == "redacted" else mask.secrets(text)


def _hashed(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def redact_trace(trace: Trace, rule: LogRule, mask: Mask) -> Trace:
    """The trace as it may be stored."""
    texts = (trace.question, trace.answer)
    return replace(
        trace,
        tags=kept_tags(trace.tags, rule, mask, texts),
        caller=kept_caller(trace.caller, rule, mask),
        question=apply_level(rule.prompts, trace.question, mask),
        answer=apply_level(rule.outputs, trace.answer, mask),
        error=_remark(trace.error, _talk(rule), mask),
        request=_whole(trace.request, rule, mask),
    )


def redact_hop(hop: Hop, rule: LogRule, mask: Mask, shared: Shared | None = None) -> Hop:
    """The hop as it may be stored; its decision is the same object where it may stay as it is.

    What a tool is given counts as its arguments as well as its prompt: the stricter level wins.

    Args:
        shared: what is known of the hop's decision from others that were decided alike.
    """
    called = hop.decision is not None or bool(hop.attempts)
    prompts = rule.prompts if called else _strictest((rule.prompts, rule.tool_args))
    level = _talk(rule)
    hidden = _Hidden((hop.prompt, hop.output), level, mask)
    decision = hop.decision
    if decision is not None and not (shared is not None and shared.may_stay(hidden)):
        decision = _decision(decision, hidden)
    return replace(
        hop,
        prompt=apply_level(prompts, hop.prompt, mask),
        output=apply_level(rule.outputs, hop.output, mask),
        validation=_remark(hop.validation, level, mask) or "",
        error=_remark(hop.error, level, mask),
        notes=tuple(_remark(note, level, mask) or "" for note in hop.notes),
        replay=_whole(hop.replay, rule, mask),
        attempts=_attempts(hop.attempts, level, mask),
        profile=None if hop.profile is None else _profile(hop.profile, hidden),
        decision=decision,
    )


def kept_tags(
    tags: tuple[str, ...],
    rule: LogRule,
    mask: Mask,
    texts: Iterable[str | None] = (),
    known: Container[str] = (),
) -> tuple[str, ...]:
    """Tags as they may be stored. They are names, but who asks may write into them what he likes.

    Args:
        texts: a tag that quotes one of these is withheld where they are not stored.
        known: the policy names these, so that they stay what they are.
    """
    hidden = _Hidden(texts, _talk(rule), mask)
    return tuple(tag if tag in known else hidden.clean(tag) for tag in tags)


def kept_caller(caller: Caller, rule: LogRule, mask: Mask) -> Caller:
    """On whose behalf, as it may be stored: who that is stays, since accounts go by it."""
    secret = _Hidden((), "full", mask)
    caller = secret.fields(caller, "workspace", "user", "key")
    return _Hidden((), _talk(rule), mask).fields(caller, "tier", "feature")


def _talk(rule: LogRule) -> LogLevel:
    """The level for what may quote any text of the hop."""
    return _strictest((rule.prompts, rule.outputs, rule.tool_args))


def _whole(value: Mapping[str, Any] | None, rule: LogRule, mask: Mask) -> Mapping[str, Any] | None:
    """What is of use only as it is: stored where every text is, without secrets even there."""
    if value is None or not rule.keeps_all:
        return None
    cleaned: Mapping[str, Any] = _Hidden((), "full", mask).clean(value)
    return cleaned


def _remark(text: str | None, level: LogLevel, mask: Mask) -> str | None:
    """A text about a text. That there was one stays visible; the typed outcome says the rest."""
    if not text or level in ("full", "redacted"):
        return apply_level(level, text, mask)
    return WITHHELD


def _attempts(attempts: tuple[Attempt, ...], level: LogLevel, mask: Mask) -> tuple[Attempt, ...]:
    return tuple(
        replace(a, error=_remark(a.error, level, mask)) if a.error else a for a in attempts
    )


class _Hidden:
    """Cleans values that should hold no text of the hop, in case that one does.

    Names and numbers of the fleet and the policy must stay readable (they are why a model was
    chosen), so below `redacted` only what shares a run of words with the hidden texts goes.
    """

    RUN = 8
    """Characters in a row, from a word's start to a word's end, that count as quoting."""

    def __init__(self, texts: Iterable[str | None], level: LogLevel, mask: Mask) -> None:
        self.level = level
        self.mask = mask
        self.texts = tuple(_folded(t) for t in texts if t) if level in ("hashed", "none") else ()

    def clean(self, value: Any) -> Any:
        """`value` with every string in it cleaned; the same object where nothing is changed."""
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, (float, int)) or value is None:
            return value
        if isinstance(value, Mapping):
            cleaned = {self._string(str(k)): self.clean(v) for k, v in value.items()}
            return value if _same(cleaned, value) else cleaned
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [self.clean(v) for v in value]
            return value if all(map(operator.is_, items, value)) else type(value)(items)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.fields(value, *value.__dataclass_fields__)
        return value

    def fields(self, value: D, *names: str) -> D:
        """`value`, a dataclass, with these of its fields cleaned."""
        before = {name: getattr(value, name) for name in names}
        after = {name: self.clean(found) for name, found in before.items()}
        return value if _same(after, before) else replace(value, **after)

    def _string(self, text: str) -> str:
        if self.level == "full":
            return self.mask.secrets(text)
        return WITHHELD if self._quotes(text) else self.mask.personal(text)

    def _quotes(self, text: str) -> bool:
        return bool(self.texts) and self.quotes(_folded(text), _runs(text))

    def quotes(self, folded: str, runs: Iterable[str]) -> bool:
        """Whether something that reads so shares a run of words with the hidden texts."""
        if any(hidden in folded for hidden in self.texts if len(hidden) >= 5):
            return True
        return any(run in hidden for run in runs for hidden in self.texts)


def _same(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(one[key] is other[key] for key in one)


def _runs(text: str) -> Iterator[str]:
    """The runs of words of `text` that count as quoting; see `_Hidden.RUN`."""
    words = _folded(text).split(" ")
    for first in range(len(words)):
        run = ""
        for word in words[first:]:
            run = f"{run} {word}" if run else word
            if len(run) >= _Hidden.RUN:
                # A shorter value (`eu`, `hosted`) is a name, whatever the question talks about.
                yield run
                break


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


class Shared:
    """What is known of one decision, of which thousands of hops may have been given the same.

    Answers from memory whether it may be stored as it is, which looking at every string of it
    again would say as well, a hundred times slower.
    """

    def __init__(self, decision: Decision) -> None:
        self._strings = tuple(_strings(decision))

    def may_stay(self, hidden: _Hidden) -> bool:
        """Whether cleaning would leave it alone. False where that is not sure."""
        if hidden.level == "full":
            return not self.secret
        if self._personal or hidden.level == "redacted":
            return not self._personal
        return not hidden.quotes(*self._quotable)

    # All strings at once: none of the patterns finds less because another one follows.

    @functools.cached_property
    def secret(self) -> bool:
        """Whether a secret stands in it."""
        text = "\n".join(self._strings)
        return Mask().secrets(text) != text

    @functools.cached_property
    def _personal(self) -> bool:
        text = "\n".join(self._strings)
        return Mask().personal(text) != text

    @functools.cached_property
    def _quotable(self) -> tuple[str, tuple[str, ...]]:
        folded = "\n".join(map(_folded, self._strings))
        return folded, tuple({run for text in self._strings for run in _runs(text)})


def _profile(profile: TaskProfile, hidden: _Hidden) -> TaskProfile:
    return hidden.fields(profile, "domain", "tags", "features")


_OF_DECISIONS = ("settings", "degraded", "notes")
_OF_CANDIDATES = ("rule", "found", "required")


def _decision(decision: Decision, hidden: _Hidden) -> Decision:
    candidates = tuple(hidden.fields(c, *_OF_CANDIDATES) for c in decision.candidates)
    cleaned = hidden.fields(decision, *_OF_DECISIONS)
    context = decision.context and hidden.fields(decision.context, "settings")
    if context is not decision.context:
        cleaned = replace(cleaned, context=context)
    if all(map(operator.is_, candidates, decision.candidates)):
        return cleaned
    return replace(cleaned, candidates=candidates)


def _strings(decision: Decision) -> Iterator[str]:
    """All that cleaning looks at."""
    found = [getattr(decision, name) for name in _OF_DECISIONS]
    found += [decision.context.settings] if decision.context else []
    found += [getattr(c, name) for c in decision.candidates for name in _OF_CANDIDATES]
    while found:
        value = found.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            found += [*map(str, value), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            found += value
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            found += [getattr(value, f.name) for f in dataclasses.fields(value)]
