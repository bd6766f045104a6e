"""Which task a text asks for: the words it asks with, then what it resembles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

# Each pattern is how people ask for the task, in English and a little in other languages. The
# number is how sure it makes us where it opens the request.
_ASKS: tuple[tuple[str, float, str], ...] = (
    ("sql", 0.95, r"\bsql\b|\bselect\b.{1,80}\bfrom\b.{0,40}\b(?:table|database)\b"),
    ("sql", 0.85, r"\b(?:query|join|update)\b.{0,50}\b(?:database|tables?|postgres\w*|mysql)\b"),
    ("sql", 0.85, r"\b(?:group by|(?:inner|left|right|outer) join|subquery|foreign key)\b"),
    ("sql", 0.8, r"\b(?:from|in|into|to) the [\w ]{1,30}\btables?\b|\brows?\b.{0,40}\btable\b"),
    ("code", 0.9, r"```|\b(?:python|javascript|typescript|java|rust|golang|c\+\+|bash|regex)\b"),
    ("code", 0.9, r"\b(?:refactor|debug|implement|unit tests?|stack ?trace|traceback)\b"),
    (
        "code",
        0.85,
        r"\b(?:(?:key|type|value|name|index|syntax|import|runtime|attribute)error|function|script"
        r"|\w+exception|compile|docker\w*)\b",
    ),
    ("cite", 0.9, r"\b(?:cite|citations? for|add (?:references|citations|footnotes))\b"),
    ("cite", 0.85, r"\bwhere in the\b.{0,60}\b(?:says?|written|stated|mentioned)\b"),
    ("cite", 0.85, r"\b(?:which|what) (?:passage|page|paragraph|source|section)\b.{0,30}\bsays?\b"),
    ("cite", 0.85, r"\b(?:on|in) (?:which|what) (?:page|clause|section|chapter|paragraph)\b"),
    ("cite", 0.8, r"\bsources? (?:of|for) (?:this|the|each|every)\b|\bfootnotes?\b"),
    ("cite", 0.8, r"\bquote the (?:passage|sentence|paragraph|section)\b"),
    ("summarize", 0.95, r"\b(?:summar[iy]\w*|tl;?dr|recap|condense|synopsis)\b"),
    (
        "summarize",
        0.85,
        r"\b(?:key|main) (?:points?|takeaways?|findings|ideas)\b|\bin a nutshell\b",
    ),
    ("summarize", 0.85, r"\b(?:the gist|shorten|sum (?:it|this|that)? ?up)\b"),
    (
        "summarize",
        0.9,
        r"\bfass\w*\b.{0,80}\bzusammen\b|\b(?:zusammenfass\w+|résum\w+|riassum\w+)\b",
    ),
    ("classify", 0.95, r"\b(?:classif\w+|categori[sz]e|triage|klassifizier\w*)\b"),
    ("classify", 0.85, r"\bis (?:this|it|the following)\b.{0,30}\b(?:spam|positive|negative)\b"),
    ("classify", 0.85, r"\b(?:which|what) (?:category|class|label|department|topic|priority)\b"),
    (
        "classify",
        0.85,
        r"\b(?:sort|group|put|divide|bucket)\b.{0,60}\binto\b.{3,40} (?:and|or) \w+",
    ),
    ("classify", 0.8, r"\b(?:positive|negative)\b.{0,20} or \w+|\b(?:yes or no|true or false)\b"),
    ("classify", 0.8, r"\b(?:label|tag|assign)\b.{0,40}\b(?:as|with|to)\b|\bsentiment\b"),
    ("extract", 0.95, r"\b(?:extract|extrahier\w*|extrai\w*)\b"),
    ("extract", 0.85, r"\b(?:list|find|identify|name) (?:all|every|each|the names)\b"),
    ("extract", 0.85, r"\bpull\b.{0,80}\b(?:from|out)\b|\bmentioned in\b"),
    # Nothing but a formula: no likeness to other questions counts against it.
    (
        "math",
        3.0,
        r"^(?:what(?:'s| is)|how much is)?\s*\(*\d[\d\s.,()%]*"
        r"(?:[-+*/^×÷]\s*\(*\d[\d\s.,()%]*)+[=?.\s]*$",
    ),
    ("math", 0.95, r"\b(?:calculat\w+|comput(?:e|ing)|berechne\w*|calcul\w+)\b"),
    ("math", 0.9, r"\d\s*(?:[+*/×÷^]|-\s)\s*\d|\bsolve\b.{0,40}(?:=|\bequation\b|\bfor [xyz]\b)"),
    ("math", 0.9, r"\d\s?(?:%|percent) of\b|\b(?:square root|integral|derivative) of\b"),
    ("math", 0.8, r"^[^?\n]{0,150}\d[^?\n]{1,80}\d[^?\n]{0,80}\?"),
    ("math", 0.8, r"\bhow (?:much|many)\b(?=[^?]*\d)|\bconvert\b.{0,30}\d"),
    ("aggregate", 0.9, r"\b(?:merge|consolidate|aggregate|reconcile|deduplicate)\b"),
    ("aggregate", 0.85, r"\b(?:combine|put)\b.{0,60}\b(?:into (?:one|a)|together)\b"),
    ("check", 0.95, r"\b(?:verify|fact-?check|proofread|überprüf\w*|vérifi\w*)\b"),
    ("check", 0.9, r"\bcheck (?:whether|that|if|the|this|these|for)\b|\bis it (?:true|correct)\b"),
    ("check", 0.85, r"\b(?:double-?check|mistakes? in|errors? in|add up|inaccura\w+)\b"),
    ("check", 0.85, r"\b(?:contradict\w*|supported by|consistent with|validate)\b"),
    ("plan", 0.9, r"\b(?:roadmap|itinerary|milestones|break\b.{0,60}\bdown into|project plan)\b"),
    ("plan", 0.9, r"^(?:please )?(?:plan|schedule|organi[sz]e|plane)\b|\bmake a plan\b"),
    ("plan", 0.85, r"\b(?:next steps|action plan|timeline|timetable|checklist|in what order)\b"),
    ("plan", 0.8, r"\b(?:which|what) steps\b|\bsteps (?:to|for)\b"),
    (
        "draft",
        0.9,
        r"\b(?:draft|compose|rewrite|rephrase|reword|paraphrase|translate|übersetze?)\b",
    ),
    ("draft", 0.85, r"\b(?:write|prepare|create|schreibe?|écris|escribe|rédige\w*|entwirf)\b"),
    ("draft", 0.8, r"\bi need (?:a|an|some)\b.{0,40}\b(?:text|description|letter|email|post)\b"),
    ("chat", 0.9, r"^(?:hi|hello|hey|thanks?|thank you|good (?:morning|evening)|hallo|bonjour)\b"),
    ("chat", 0.25, r"^(?:who|what|when|where|why|how|which|is|are|does|do|did|can|could)\b.*\?"),
    ("chat", 0.25, r"^(?:wer|was|wann|wo|warum|wie|qui|que|quand|comment|qué|cómo)\b.*\?"),
)
_PATTERNS = tuple((t, w, re.compile(p, re.DOTALL)) for t, w, p in _ASKS)
_WORD_START = re.compile(r"\b\w")


def _alternatives(pattern: str) -> list[str]:
    """What stands between the bars outside of all groups."""
    found, depth = [""], 0
    for part in re.findall(r"\\.|\[[^]]*\]|.", pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and not depth:
            found.append("")
        else:
            found[-1] += part
    return found


def _beginnings(pattern: str) -> set[str] | None:
    """The first two letters of every word that it may begin with; `None`: of any, or of no word."""
    found = set[str]()
    for alternative in _alternatives(pattern):
        group = re.fullmatch(r"\(\?:((?:[^()]|\(\?:[^()]*\))*)\)(?![?*]).*", alternative)
        if group:
            own = _beginnings(group[1])
            if own is None:
                return None
            found |= own
        elif re.match(r"[^\W\d_]{2}(?![?*{])", alternative):
            found.add(alternative[:2])
        else:
            return None
    return found


def _words_of(pattern: str) -> set[str] | None:
    """As `_beginnings`, of a pattern whose every alternative begins where a word does."""
    own = _alternatives(pattern)
    if not all(a.startswith(r"\b") for a in own):
        return None
    return _beginnings("|".join(a.removeprefix(r"\b") for a in own))


_WORDS_OF = tuple(_words_of(pattern) for _, _, pattern in _ASKS)
_ANYWHERE = tuple(p for p, words in zip(_PATTERNS, _WORDS_OF, strict=True) if words is None)
_BY_BEGINNING = {
    two: tuple(n for n, own in enumerate(_WORDS_OF) if own and two in own)
    for two in set().union(*filter(None, _WORDS_OF))
}
_WORDS = 0.3  # weight of the words that ask against the classifier, by cross-validation
_RIDGE = 0.5
_LONG = 600  # characters
_FIRST = 5  # words
# (lead over the second, share that was right): ten-fold, three shufflings, 342 prototypes.
_CALIBRATION = ((0.0, 0.3), (0.075, 0.55), (0.15, 0.7), (0.25, 0.8), (0.35, 0.9), (0.5, 0.97))
_FADE = 300.0  # characters after which a word that asks is half as likely to be the request


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, how sure we are of it in 0..1, and what it rests on."""

    value: str
    confidence: float
    origin: str


def asked_tasks(text: str) -> dict[str, float]:
    """For each task whose words occur, how strongly; less so far from both ends."""
    found: dict[str, float] = {}
    for task, weight, match in _matches(text):
        strength = weight / (1 + min(match.start(), len(text) - match.end()) / _FADE)
        found[task] = max(found.get(task, 0.0), strength)
    return found


def _matches(text: str) -> Iterator[tuple[str, float, re.Match[str]]]:
    """The first match of each pattern, as `search` finds it.

    Nearly all begin with a word: they are tried where a word begins as theirs do, which takes a
    third of the time.
    """
    for task, weight, pattern in _ANYWHERE:
        if match := pattern.search(text):
            yield task, weight, match
    seen = set[int]()
    for start in _WORD_START.finditer(text):
        at = start.start()
        for number in _BY_BEGINNING.get(text[at : at + 2], ()):
            task, weight, pattern = _PATTERNS[number]
            if number not in seen and (match := pattern.match(text, at)):
                seen.add(number)
                yield task, weight, match


class TaskGuesser:
    """Scores each task: a linear classifier over vectors, plus the words that ask for it.

    The classifier is ridge regression onto the tasks of the prototypes, in its dual form
    (Hastie, Tibshirani and Friedman 2009, section 3.4.1). A text is seen twice: whole, and by its
    first words, where people say what they want done.
    """

    def __init__(self, embedder: Embedder, prototypes: Mapping[str, Sequence[str]]) -> None:
        import numpy as np

        self._embedder = embedder
        self._tasks = tuple(prototypes)
        texts = [text for group in prototypes.values() for text in group]
        owner = [i for i, group in enumerate(prototypes.values()) for _ in group]
        seen = self._see(texts)
        self._mean = seen.mean(axis=0)
        centred = seen - self._mean
        targets = np.eye(len(self._tasks), dtype=np.float32)[owner] - 1 / len(self._tasks)
        kernel = centred @ centred.T + _RIDGE * np.eye(len(texts), dtype=np.float32)
        self._weights = centred.T @ np.linalg.solve(kernel, targets)

    def guess(self, text: str) -> Guess:
        """The task of a request in lower case; of a long text, by its clearer end."""
        return max((self._guess(part) for part in _parts(text)), key=lambda g: g.confidence)

    def _guess(self, text: str) -> Guess:
        asked = asked_tasks(text)
        likeness = ((self._see([text])[0] - self._mean) @ self._weights).tolist()
        scores = {
            task: like + _WORDS * asked.get(task, 0.0)
            for task, like in zip(self._tasks, likeness, strict=True)
        }
        best, second = sorted(scores, key=lambda task: (-scores[task], task))[:2]
        origin = "rule" if asked and best == max(asked, key=lambda t: asked[t]) else "embedding"
        return Guess(best, _confidence(scores[best] - scores[second]), origin)

    def _see(self, texts: Sequence[str]) -> np.ndarray:
        import numpy as np

        whole = self._embedder.embed(texts)
        first = self._embedder.embed(
            [" ".join(text.split(None, _FIRST)[:_FIRST]) for text in texts]
        )
        return np.hstack([whole, first]) / np.float32(sqrt(2))


def _parts(text: str) -> tuple[str, ...]:
    """A short text; of a long one its first and last lines, for a request stands at either end."""
    if len(text) <= _LONG:
        return (text,)
    half = _LONG // 2
    return text[:half], text[-half:].rpartition("\n")[2]


def _confidence(margin: float) -> float:
    """How often a guess with this lead was right when the prototypes were cross-validated."""
    for (low, below), (high, above) in pairwise(_CALIBRATION):
        if margin < high:
            return round(below + (above - below) * (margin - low) / (high - low), 3)
    return _CALIBRATION[-1][1]
