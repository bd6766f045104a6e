"""What a request is, apart from what it is about: its kind of answer, and the words around it.

`How can I …`, `What are the steps to …` and `Show me how to …` ask for the same kind of answer, and
none of their words says what about.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.caching.verifying.wording import PHRASES

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
_SHORT = (
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"\bshan't\b", "shall not"),
    (r"(\w)n't\b", r"\1 not"),
    (r"\b(what|where|when|who|how|why|that|it|there|here)'s\b", r"\1 is"),
    (r"\b(what|where|when|who|how|why)'re\b", r"\1 are"),
    (r"\bi'm\b", "i am"),
    (r"\b(i|you|we|they)'d like\b", r"\1 would like"),
    (r"\b(i|you|we|they)'ve\b", r"\1 have"),
    (r"\b(i|you|we|they)'ll\b", r"\1 will"),
)
_CONTRACTED = tuple((re.compile(pattern), written) for pattern, written in _SHORT)
_SET_PHRASES = tuple((re.compile(rf"\b(?:{p})(?!\w)"), written) for p, written in PHRASES)
_ANY_PHRASE = re.compile("|".join(rf"\b(?:{p})(?!\w)" for p, _ in PHRASES))
_FRAMES = (
    r"^(?:hi|hello|hey|dear all|good (?:morning|day|evening))(?: there)?[,!.]? +",
    r"^(?:and|so|ok|okay|well)[, ]+",
    r"^please[, ]+",
    r"^kindly +",
    r"[,.!]? *(?:please|thanks|thank you|many thanks)(?: in advance)?[.!?]*$",
    r"^(?:can|could|would|will) you (?:please |kindly )?(?=\w)",
    r"^(?:i|we) (?:want|need|would like|wish) to (?:know|find out|learn|understand)[, ]+",
    r"^(?:do you know|i wonder|i am wondering|i was wondering|can i ask(?: you)?|any idea)[, ]+",
    r"^(?:tell|inform|remind) (?:me|us) +"
    r"(?=(?:how|what|when|where|who|whose|whom|why|which|if|whether)\b)",
    r"^i (?:have a )?question[:,] *",
)
_FRAME_PATTERNS = tuple(re.compile(pattern) for pattern in _FRAMES)
_FRONTED = re.compile(
    r"^((?:in|on|at|for|after|before|during|since|until|under|from|with|by|yesterday|today|tomorrow"
    r"|next|last)\b[^,?!.]{0,60}), +(?=\w)(.+?)([.?!]*)$"
)
_LOOSE = re.compile(
    r"^i (?:want|need|would like) to (.+?)[,.;]+ (?:but )?"
    r"(?:how (?:do|can|should) i(?: do)? (?:that|it|this)|how(?: to)?)\W*$"
)

_REWORDED = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"^convert (.+?) (?:in)?to (.+)$", r"what is \1 in \2"),
        (r"^how many ([a-z]+) (?:are|is) (?=\d)(.+?)([.?!]*)$", r"what is \2 in \1\3"),
        (r"^what (?:does|do) (.+?) mean\b", r"what is \1"),
        (r"^what (?:is|are) the meanings? of ", "what is "),
        (r"^(.+?) (?:was|were|is|are) (\w+) by who(?:m)?(?=\W*$)", r"who \2 \1"),
        (r"(\d[- ][a-z]+)[- ]old\b", r"\1"),
        (
            r"^(what (?:is|was|are|were)) ([\w ]+?)'s (\w+)(?=\W*$| (?:in|on|at|per|for)\b)",
            r"\1 the \3 of \2",
        ),
    )
)
"""Requests that are worded from the other end."""

_HOW = (
    r"(?:show|teach|explain to|explain) (?:me |us )?how (?:to|i can|one can|i|do i) "
    r"|how (?:do|can|should|could|would|might|does|shall) (?:i|we|you|one|somebody|someone) "
    r"(?:go about )?"
    r"|how to |how do i have to "
    r"|what (?:are|is) the (?:(?:best|right|correct|proper|easiest) )?"
    r"(?:steps?|way|process|procedure|instructions?|method)(?: i (?:have|need) to take)? "
    r"(?:to|for|of) "
    r"|what (?:do|must|should|can) (?:i|we|you) (?:have to |need to )?do (?:in order )?to "
    r"|(?:give me |list )?(?:the )?(?:steps|instructions|a guide) (?:to|for|on) "
)
_TIME_UNIT = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_BE = r"(?:is|are|was|were)"
_AUX = (
    r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|has|have|had|am|would|shall)\b"
)
_THE = r"(?:the |my |our |your |its |their |a )?"

_KINDS: tuple[tuple[str, str], ...] = (
    ("how", _HOW),
    ("how come", r"how come |why |what (?:is|was) the (?:reason|cause) (?:that|for|of|why) "
     r"|for what reason |what makes (?=\w)|what causes "),
    ("often", r"how (?:often|frequently) |how many times "),
    ("price", rf"how much (?:does|do|did|will|would|is|are|was|were) (?=.*\b(?:cost|costs)\b)"
     rf"|what (?:does|do|did|will|would) (?:it )?(?=.*\bcost\b)"
     rf"|(?:what {_BE}|what|which) {_THE}(?:price|cost)(?: of| for)? |how expensive {_BE} "),
    ("duration", rf"(?:for )?how long "
     rf"|how many {_TIME_UNIT} (?:does|do|will|did|would|is|are) (?!i\b|we\b)"),
    ("distance", rf"how far (?:away )?|what {_BE} the distance "),
    ("age", rf"how old |what {_BE} the age of "),
    ("speed", rf"how fast |(?:at )?what {_BE} the speed of |at what speed "),
    ("temperature", r"(?:at )?(?:what|which) temperature "),
    ("count", rf"how many |what {_BE} the number of "),
    ("amount", r"how much |(?:what|which) amount of "),
    ("size", r"how (?:tall|high|big|large|deep|wide|heavy|hot|cold|strong) "),
    ("clock", r"(?:at )?what time |at which time "),
    ("when", rf"(?:by )?when (?={_AUX})|what {_BE} (?=the (?:date|deadline|due date) )"
     r"|at what point "),
    ("year", r"(?:in )?(?:what|which) year "),
    ("day", r"(?:on )?(?:what|which) (?:date|day) "),
    ("who", r"whom? |by whom |what is the name of "),
    ("where", r"where |in (?:what|which) (?:place|city|country) "),
    ("whether", r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|has|have|had|am"
     r"|would|shall) "),
    ("what", rf"what (?:{_BE}|does|do|did|will|would|can|could|has|have)? ?(?:{_THE})|which "),
    ("give", r"(?:tell|give|show|find|provide|suggest|get)(?: me| us)? "
     r"|(?:i|we) (?:need|want|would like|am looking for|are looking for) (?!to )"),
    ("list", r"(?:list|name)(?: me| us)? "),
    ("explain", r"(?:explain|describe|define)(?: to)?(?: me| us)? "),
    ("calculate", r"(?:calculate|compute|determine|work out) "),
    ("write", r"(?:write|draft|compose|create|generate|produce|prepare)(?: me| us)? "),
    ("how about", r"how "),
)  # fmt: skip
_COMPILED = tuple((name, re.compile(rf"^(?:{pattern})")) for name, pattern in _KINDS)

_MODALS: tuple[tuple[str, str], ...] = (
    ("may", r"\b(?:can|may|could|might|(?:allowed|permitted|able|free) to"
     r"|(?:is|are) it (?:possible|allowed|okay|ok)(?: for)?(?: to)?|is it possible|possible to"
     r"|(?:is|are) (?=.*\b(?:allowed|permitted|possible)\b))"),
    ("must", r"\b(?:must|(?:have|has|had|need|needs) to|(?:am|is|are|be) (?:required|obliged) to"
     r"|do (?:i|we|you) need|mandatory|compulsory|obligatory"
     r"|(?:is|are) (?=.*\brequired\b))"),
    ("should", r"\b(?:should|ought to|supposed to|advisable|recommended)\b"),
)  # fmt: skip
_MODAL = tuple((name, re.compile(pattern)) for name, pattern in _MODALS)
_MODAL_WORDS = re.compile(
    r"\b(?:can|may|could|might|must|should|ought to|supposed to|allowed to|permitted to|able to"
    r"|free to|required to|obliged to|have to|has to|needs? to|is it (?:possible|allowed)"
    r"|possible|allowed|permitted|required|mandatory|compulsory|obligatory)\b"
)
_TENSE = re.compile(r"\b(?:do|does|did|am|is|are|was|were|has|have|had|will)\b")


@dataclass(frozen=True, slots=True)
class Framed:
    """A request without its frame.

    `kind` is what kind of answer it wants, empty for a statement or an order; `modal` is `may`,
    `must`, `should` or empty; `tense` is `past`, `now` or empty where no auxiliary says it; `core`
    is the rest, in lower case with contractions written out.
    """

    kind: str
    modal: str
    tense: str
    core: str


@lru_cache(maxsize=4096)
def framed(text: str) -> Framed:
    """Take the frame off a request."""
    low = written_out(text)
    loose = _LOOSE.match(low)
    if loose:
        low = f"how do i {loose[1]}"
    low = _unframed(low)
    fronted = _FRONTED.match(low)
    if fronted:
        low = _unframed(f"{fronted[2]} {fronted[1]}{fronted[3]}")
    for reworded, written in _REWORDED:
        low = reworded.sub(written, low)
    kind, rest = "", low
    for name, pattern in _COMPILED:
        if found := pattern.match(low):
            kind, rest = name, low[found.end() :]
            break
    modal = ""
    if kind not in ("how", ""):
        modal = next((name for name, pattern in _MODAL if pattern.search(low)), "")
        rest = _MODAL_WORDS.sub(" ", rest)
    return Framed(kind, modal, _tense(low), " ".join(rest.split()))


def written_out(text: str) -> str:
    """In lower case, on one line, contractions and set phrases written in one way."""
    low = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    low = " ".join(low.split())
    if "'" in low or "cannot" in low:
        for pattern, written in _CONTRACTED:
            low = pattern.sub(written, low)
    if _ANY_PHRASE.search(low):
        for pattern, written in _SET_PHRASES:
            low = pattern.sub(written, low)
    return low


def _tense(low: str) -> str:
    """Of the first auxiliary."""
    found = _TENSE.search(low)
    if found is None:
        return ""
    return "past" if found[0] in ("was", "were", "did", "had") else "now"


def _unframed(low: str) -> str:
    before = None
    while before != low:
        before = low
        for pattern in _FRAME_PATTERNS:
            low = pattern.sub("", low)
    return low.strip()
