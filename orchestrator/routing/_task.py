"""Which task a text asks for: the words it asks with, then what it resembles."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Each pattern is how people ask for the task, in English and a little in other languages. The
# number is how sure it makes us where it opens the request.
_ASKS: tuple[tuple[str, float, str], ...] = (
    ("sql", 0.95, r"\bsql\b|\bselect\b.{1,80}\bfrom\b.{0,40}\b(?:table|database)\b"),
    ("sql", 0.85, r"\b(?:query|join|update)\b.{0,50}\b(?:database|tables?|postgres\w*|mysql)\b"),
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
    ("classify", 0.8, r"\b(?:label|tag|assign)\b.{0,40}\b(?:as|with|to)\b|\bsentiment\b"),
    ("extract", 0.95, r"\b(?:extract|extrahier\w*|extrai\w*)\b"),
    ("extract", 0.85, r"\b(?:list|find|identify|name) (?:all|every|each|the names)\b"),
    ("extract", 0.85, r"\bpull\b.{0,80}\b(?:from|out)\b|\bmentioned in\b"),
    ("math", 0.95, r"\b(?:calculat\w+|comput(?:e|ing)|berechne\w*|calcul\w+)\b"),
    ("math", 0.9, r"\d\s*(?:[+*/×÷^]|-\s)\s*\d|\bsolve\b.{0,40}(?:=|\bequation\b|\bfor [xyz]\b)"),
    ("math", 0.9, r"\d\s?(?:%|percent) of\b|\b(?:square root|integral|derivative) of\b"),
    ("math", 0.8, r"\bhow (?:much|many)\b(?=[^?]*\d)|\bconvert\b.{0,30}\d"),
    ("aggregate", 0.9, r"\b(?:merge|consolidate|aggregate|reconcile|deduplicate)\b"),
    ("aggregate", 0.85, r"\b(?:combine|put)\b.{0,60}\b(?:into (?:one|a)|together)\b"),
    ("check", 0.95, r"\b(?:verify|fact-?check|proofread|überprüf\w*|vérifi\w*)\b"),
    ("check", 0.9, r"\bcheck (?:whether|that|if|the|this|these|for)\b|\bis it (?:true|correct)\b"),
    ("check", 0.85, r"\b(?:contradict\w*|supported by|consistent with|validate)\b"),
    ("plan", 0.9, r"\b(?:roadmap|itinerary|milestones|break\b.{0,60}\bdown into|project plan)\b"),
    ("plan", 0.9, r"^(?:please )?(?:plan|schedule|organi[sz]e|plane)\b|\bmake a plan\b"),
    ("plan", 0.8, r"\b(?:which|what) steps\b|\bsteps (?:to|for)\b"),
    (
        "draft",
        0.9,
        r"\b(?:draft|compose|rewrite|rephrase|reword|paraphrase|translate|übersetze?)\b",
    ),
    ("draft", 0.85, r"\b(?:write|prepare|create|schreibe?|écris|escribe|rédige\w*|entwirf)\b"),
    ("draft", 0.8, r"\bi need (?:a|an|some)\b.{0,40}\b(?:text|description|letter|email|post)\b"),
    ("chat", 0.9, r"^(?:hi|hello|hey|thanks?|thank you|good (?:morning|evening)|hallo|bonjour)\b"),
    ("chat", 0.6, r"^(?:who|what|when|where|why|how|which|is|are|does|do|did|can|could)\b.*\?"),
    ("chat", 0.6, r"^(?:wer|was|wann|wo|warum|wie|qui|que|quand|comment|qué|cómo)\b.*\?"),
)
_PATTERNS = tuple((t, w, re.compile(p, re.DOTALL)) for t, w, p in _ASKS)
_RESEMBLANCE = 0.8  # weight of likeness to prototypes against the words that ask
_FADE = 300.0  # characters after which a word that asks is half as likely to be the request


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, how sure we are of it in 0..1, and what it rests on."""

    value: str
    confidence: float
    origin: str


def asked_tasks(text: str) -> dict[str, float]:
    """For each task whose words occur, how strongly; a word counts less the later it stands."""
    found: dict[str, float] = {}
    for task, weight, pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            strength = weight / (1 + match.start() / _FADE)
            found[task] = max(found.get(task, 0.0), strength)
    return found


def guess_task(text: str, similarity: dict[str, float]) -> Guess:
    """The task of a text.

    Args:
        text: the request in lower case, which is several times faster to search.
        similarity: cosine to each task's prototypes.
    """
    asked = asked_tasks(text)
    ranked = sorted(similarity, key=lambda t: -similarity[t])
    nearest = ranked[0]
    combined = {t: asked.get(t, 0.0) + _RESEMBLANCE * max(similarity[t], 0.0) for t in similarity}
    order = sorted(combined, key=lambda t: (-combined[t], t))
    best, second = order[0], order[1]
    margin = min(1.0, max(0.0, (combined[best] - combined[second]) / 0.4))
    if best in asked:
        agreed = 0.1 if best == nearest else 0.0
        return Guess(best, _bounded(0.55 + 0.3 * margin + agreed), "rule")
    return Guess(best, _bounded(0.3 + 0.4 * margin), "embedding")


def _bounded(value: float) -> float:
    return round(min(0.97, max(0.05, value)), 3)
