"""What the caller is handed while the answer comes, so that each word reaches it once.

Of attempts that run side by side one has the word: the first that says something. When it breaks
off, the next attempt either was asked to go on (its text follows what was handed on), or begins
anew: then nothing is handed on until it has written what the caller has already, and where it
writes something else, the attempt ends as `diverged`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome


@dataclass(slots=True)
class Delivery:
    """Everything that was handed on in one call.

    Args:
        on_text: told of each piece of text.
    """

    on_text: Callable[[str], None]
    on_word: Callable[[int, str], None] = lambda _number, _deployment: None
    """Told which attempt got the word, and whom it asks."""
    speaker: int | None = None
    """The attempt that has the word."""
    told: list[str] = field(default_factory=list)
    over: bool = False
    """The call has ended; who is still being stopped has no word any more."""

    @property
    def text(self) -> str:
        return "".join(self.told)

    def voice(self, number: int, deployment: str, *, continued: bool) -> Voice:
        """How an attempt says something."""
        return Voice(self, number, deployment, "" if continued else self.text)

    def tell(self, text: str) -> None:
        self.told.append(text)
        self.on_text(text)

    def may_speak(self, number: int, deployment: str) -> bool:
        if self.speaker is None and not self.over:
            self.speaker = number
            self.on_word(number, deployment)
        return self.speaker == number and not self.over

    def fall_silent(self, number: int) -> None:
        """The attempt is over; another may have the word."""
        if self.speaker == number:
            self.speaker = None


@dataclass(slots=True)
class Voice:
    """The text of one attempt on its way to the caller."""

    delivery: Delivery
    number: int
    deployment: str
    known: str
    """What the caller has and this attempt has yet to write again."""
    blank: str = ""
    """White space at the beginning, which waits for a word: alone it would be no answer."""

    def say(self, text: str) -> None:
        """Hand the text on, or hold it back while it repeats what the caller has.

        Raises:
            AttemptError: `diverged`.
        """
        if not self.delivery.told:
            text = self.blank + text
            self.blank = "" if text.strip() else text
            if self.blank:
                return
        if not self.delivery.may_speak(self.number, self.deployment):
            return  # another has the word; this attempt is about to be stopped
        pairs = zip(text, self.known, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        if same is not None:
            raise self._diverged(same)
        rest = text[len(self.known) :]
        self.known = self.known[len(text) :]
        if rest:
            self.delivery.tell(rest)

    def end(self) -> None:
        """The answer is whole.

        Raises:
            AttemptError: `diverged`, where it is shorter than what the caller has.
        """
        if self.known:
            raise self._diverged(0)

    def _diverged(self, more: int) -> AttemptError:
        same = len(self.delivery.text) - len(self.known) + more
        return AttemptError(
            Outcome.DIVERGED,
            f"begun anew, it wrote the same for {same} characters and then something else",
        )
