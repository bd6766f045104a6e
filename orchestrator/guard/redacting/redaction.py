"""One request on its way: what each model gets of it, and what its caller gets of the answer.

A model that the rule covers is given placeholders, any other the request as it is. What comes back
is read in two ways: whole, with every value, for validators, votes and the steps of a run; and as
the caller may see it, where a value that is not his to see has its placeholder, whoever wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from orchestrator.call_types import CallRequest, Product, ToolCall
from orchestrator.guard.redacting.placeholders import Key, spelt_in
from orchestrator.guard.redacting.redactor import Known, Place, Redactor, form_of, joined
from orchestrator.guard.redacting.requests import changed, in_call, in_json, restored_in
from orchestrator.guard.redacting.restoring import (
    AROUND,
    Hiding,
    Met,
    Restoring,
    Stage,
    Through,
    whole,
)
from orchestrator.guard.redacting.vault import LITERAL, Entry, Form, Vault
from orchestrator.types import Deployment, GiveBack, GuardRule


@dataclass(slots=True)
class Tally:
    """What was done, for the trace and the audit log: counts and names, never a value."""

    asked: dict[str, None] = field(default_factory=dict)
    """The deployments that were given placeholders, in order."""
    restored: Counter[str] = field(default_factory=Counter)
    strange: int = 0
    """Placeholders in the answer that nobody had given."""
    hidden: int = 0
    """Values in the answer that its caller may not see."""


class Redaction:
    """One request with its placeholders. Values are numbered in the order in which they are sent.

    Args:
        rule: of the decision; `redact` is not `none`.
        vault: of the conversation or the run.
    """

    def __init__(
        self, request: CallRequest, rule: GuardRule, redactor: Redactor, vault: Vault
    ) -> None:
        self.request, self.rule = request, rule
        self._redactor, self._vault = redactor, vault
        self._places: dict[str, list[Place]] = {}
        self.table: dict[Key, Met] = {}
        self.tally = Tally()
        vault.follow(rule.give_back)
        self._look()
        self._keep_literals()

    # ── what is sent ─────────────────────────────────────────────────────────────────────

    def covers(self, deployment: Deployment) -> bool:
        """Whether it is given placeholders.

        Code of this process is not, also where the policy says all: it learns nothing, and answers
        with places in the very text that it was given.
        """
        if deployment.hosting != "self":
            return True
        return self.rule.redact == "all" and not deployment.deterministic

    def asked(self, deployment: Deployment) -> CallRequest:
        """The request as this deployment is to be asked."""
        if not self.covers(deployment):
            return self.request
        if self.table:
            self.tally.asked.setdefault(deployment.id)
        return self._redacted

    def told(self, text: str, deployment: Deployment) -> str:
        """What was said in this call, in the words of this deployment."""
        if self.covers(deployment):
            return self._retold(text, own=True)
        return whole(Restoring(self.table), text) if self._hidden else text

    def told_calls(
        self, calls: tuple[ToolCall, ...], deployment: Deployment
    ) -> tuple[ToolCall, ...]:
        """Tool calls that were made in this call, in the words of this deployment."""
        if not self.covers(deployment):
            return calls
        return tuple(
            replace(call, arguments=in_json(call.arguments, self._retold, own=True))
            for call in calls
        )

    # ── what comes back ──────────────────────────────────────────────────────────────────

    def whole(self, text: str, deployment: Deployment) -> str:
        """The model's words with every value."""
        return whole(Restoring(self.table), text) if self.covers(deployment) else text

    def whole_calls(
        self, calls: tuple[ToolCall, ...], deployment: Deployment
    ) -> tuple[ToolCall, ...]:
        """The model's tool calls with every value."""
        if not self.covers(deployment):
            return calls
        return tuple(in_call(call, self._leaf(frozenset())) for call in calls)

    def shown(self, text: str) -> str:
        """A text with every value, as the caller may see it."""
        return whole(self._hiding(), text) if self._hidden else text

    def seen(
        self, deployment: Deployment, text: str, value: Any, calls: tuple[ToolCall, ...]
    ) -> tuple[str, Any, tuple[ToolCall, ...]]:
        """An answer as its caller gets it.

        Args:
            text: as the model wrote it, as are the calls.
            value: what a check has made of the whole text.
        """
        restoring, hiding = Restoring(self.table, self._hidden_keys), self._hiding()
        stages: list[Stage] = [hiding]
        if self.covers(deployment):
            stages = [restoring, hiding]
            leaf = self._leaf(self._hidden_keys, restoring)
            calls = tuple(in_call(call, leaf) for call in calls)
        text = whole(Through(stages), text)
        if self._hidden:
            calls = tuple(in_call(call, self.shown) for call in calls)
            if not isinstance(value, Product):
                value = restored_in(value, self.shown) if _is_json(value) else text
        self.tally.restored += restoring.restored
        self.tally.strange += len(restoring.strange)
        self.tally.hidden += hiding.count
        return text, value, calls

    def stages(self, deployment: Deployment) -> Through:
        """What the text of an attempt passes on its way to the caller."""
        stages: list[Stage] = []
        if self.covers(deployment):
            stages.append(Restoring(self.table, self._hidden_keys))
            if self._hidden:
                stages.append(self._hiding())
        else:
            hidden = self._hidden_keys
            seen = [met.entry for key, met in self.table.items() if key not in hidden]
            stages.append(Hiding(self._hidden, together=seen))
        return Through(stages)

    # ── in words ─────────────────────────────────────────────────────────────────────────

    @property
    def found(self) -> Counter[str]:
        """How many values are replaced, by kind."""
        return Counter(m.entry.kind for m in self.table.values() if m.entry.kind != LITERAL)

    @property
    def words(self) -> str:
        """What is replaced before whom: `1 value replaced before hosted models (email 1)`."""
        whom = "hosted models" if self.rule.redact == "hosted" else "every model"
        values, _, kinds = counted(self.found).partition(" (")
        return f"{values} replaced before {whom} ({kinds}"

    @property
    def notes(self) -> tuple[str, ...]:
        """For the hop, after the call."""
        said = []
        if self.tally.asked and self.found:
            said.append(self.words)
        if self.tally.strange:
            said.append(
                f"{_count(self.tally.strange, 'placeholder')} that nobody had given was left"
            )
        if self.tally.hidden:
            said.append(f"{_count(self.tally.hidden, 'value')} hidden from the caller")
        return tuple(said)

    # ── inside ───────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Find all values first, so that each is replaced everywhere; then number them in order."""
        texts: dict[str, bool] = {}
        numbers: set[str] = set()

        def note(text: str, *, own: bool, number: bool = False) -> str:
            texts[text] = own or texts.get(text, False)
            if number:
                numbers.add(text)
            return text

        changed(self.request, note)
        found = {text: self._redactor.found(text) for text in texts}
        fresh = Vault()
        for text, places in found.items():
            for place in places:
                fresh.entry(place.kind, form_of(text, place))
        self._known = Known((*self._vault.entries, *fresh.entries))
        for text, own in texts.items():
            for place in self._look_at(text):
                form = self._form(text, place, number=text in numbers)
                self._meet(self._vault.entry(place.kind, form), own=own)

    def _look_at(self, text: str) -> list[Place]:
        if text not in self._places:
            self._places[text] = joined((*self._redactor.found(text), *self._known.places(text)))
        return self._places[text]

    def _meet(self, entry: Entry, *, own: bool = False) -> Met:
        entry.own |= own and not self._vault.within
        return self.table.setdefault(entry.key, Met(entry))

    def _keep_literals(self) -> None:
        """What reads like a placeholder that is put back gets one of its own.

        One that would not be put back may stay: most likely it is what an earlier answer left.
        """
        spelt = [(text, s) for text in list(self._places) for s in spelt_in(text)]
        if not spelt:
            return
        for _, one in spelt:
            if one.key[0] == LITERAL.upper():
                self._vault.take(one.key)
        taken = self.table.keys() - self._hidden_keys
        for text, one in spelt:
            if one.key in taken:
                place = Place(one.start, one.end, LITERAL)
                self._meet(self._vault.entry(LITERAL, form_of(text, place)))
                self._places[text] = joined((*self._places[text], place))

    @cached_property
    def _redacted(self) -> CallRequest:
        return changed(self.request, self._replaced)

    def _retold(self, text: str, *, own: bool, number: bool = False) -> str:
        """As `_replaced`, for a text that was written after the request."""
        for place in self._look_at(text):
            entry = self._vault.entry(place.kind, self._form(text, place, number=number))
            if entry.key not in self.table:  # what tools brought stays theirs
                self._meet(entry, own=own)
        return self._replaced(text, own=False, number=number)

    def _replaced(self, text: str, *, own: bool, number: bool = False) -> str:
        places = self._places.get(text, ())
        parts: list[str] = []
        end, before = 0, ""
        for place in places:
            form = self._form(text, place, number=number)
            entry = self._vault.entry(place.kind, form)
            if number:
                return entry.placeholder
            before = (before + text[end : place.start])[-AROUND:]
            self._meet(entry, own=own).before.append((before, form))
            parts += [text[end : place.start], entry.placeholder]
            before += entry.placeholder
            end = place.end
        return "".join((*parts, text[end:]))

    @staticmethod
    def _form(text: str, place: Place, *, number: bool) -> Form:
        """A number is replaced as a whole."""
        return Form(text, number=True) if number else form_of(text, place)

    @property
    def _hidden(self) -> list[Entry]:
        """What the caller may not see."""
        if self._vault.within:
            return []
        return hidden_of(self._vault, self.rule.give_back)

    @property
    def _hidden_keys(self) -> frozenset[Key]:
        return frozenset(entry.key for entry in self._hidden)

    def _hiding(self) -> Hiding:
        return Hiding(self._hidden)

    def _leaf(
        self, hidden: frozenset[Key], counted: Restoring | None = None
    ) -> Callable[[str], Any]:
        """Restores a string of JSON content: no escapes, and a number where it was one."""

        def leaf(text: str) -> Any:
            spelt = spelt_in(text)
            if not spelt:
                return text
            restoring = Restoring(self.table, hidden, decoded=True)
            made: Any = whole(restoring, text)
            if counted is not None:
                counted.restored += restoring.restored
                counted.strange += restoring.strange
            met = self.table.get(spelt[0].key)
            alone = len(spelt) == 1 and (spelt[0].start, spelt[0].end) == (0, len(text))
            if alone and met is not None and spelt[0].key not in hidden and _is_number(met):
                return _number(made)
            return made

        return leaf


def hidden_of(vault: Vault, give_back: GiveBack) -> list[Entry]:
    """The values that a caller may not see under such a rule."""
    if give_back == "all":
        return []
    return [e for e in vault.entries if e.kind != LITERAL and not (give_back == "own" and e.own)]


def counted(found: Mapping[str, int]) -> str:
    """`3 values (email 2, iban 1)`."""
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(found.items()))
    return f"{_count(sum(found.values()), 'value')} ({kinds})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, Mapping, list, tuple))


def _is_number(met: Met) -> bool:
    return met.entry.first.number


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return float(text)


def claim(vault: Vault, redactor: Redactor, texts: Iterable[str]) -> None:
    """What stands in these texts the caller has sent himself."""
    known = Known(vault.entries)
    for text in texts:
        for place in joined((*redactor.found(text), *known.places(text))):
            vault.entry(place.kind, form_of(text, place)).own = True
