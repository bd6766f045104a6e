"""Whether a sentence holds the kind of answer that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from orchestrator.evidence.language.lexicon import synonyms, word_set
from orchestrator.evidence.language.reading import Reading, inner_capitals
from orchestrator.evidence.language.words import Word, stem
from orchestrator.evidence.numbers import MOMENTS, MONEY, Quantity, agrees, quantities
from orchestrator.evidence.passage_index import Located
from orchestrator.evidence.selecting.fits import PAY, fits
from orchestrator.evidence.selecting.question import Question, is_verb


def measured(word: str, reading: Reading) -> bool:
    """Whether the word names what a quantity of the sentence measures: a temperature, a weight."""
    units = _MEASURES.get(word.lower(), ())
    return any(q.unit in units for q in reading.quantities)


def states_price(reading: Reading) -> bool:
    """Whether the sentence holds an amount of money, which says what something costs."""
    return any(q.unit in MONEY for q in reading.quantities)


def answers(question: Question, sentence: Located) -> float:
    """How surely the sentence holds what the question asks for, beyond what the question says.

    1: a value of that very kind; less: something that may serve as one; 0: nothing.
    """
    reading = sentence.reading
    if question.imperative:
        return 1.0
    if fits(question, reading.text, " ".join(w.text for w in sentence.context)).vetoed:
        return 0.0
    if question.kind == "whether":
        rules = not _MAY.match(question.text) or reading.modality or reading.negations
        return 1.0 if rules or _RULES.search(reading.text) else _MAY_SERVE
    if question.kind in ("who", "name"):
        return _tells_who(question, reading)
    if question.kind == "why":
        if _BECAUSE.search(reading.text):
            return 1.0
        return _MAY_SERVE if len(_new(question, reading)) >= _REASON else 0.0
    fresh = _fresh(question, reading)
    if not _of_that_sort(question, reading, fresh):
        return 0.0
    if question.rate and question.kind == "money" and not _at_rate(question.rate, sentence, fresh):
        return 0.0
    kind = "day" if question.kind == "when" and _PAST.search(question.text) else question.kind
    check = _ANSWERS.get(kind)
    if check is None:
        return 1.0 if fresh or _new(question, reading) else 0.0
    if question.counted and question.kind == "amount":
        return float(_counts(question, sentence, fresh))
    return check(fresh, sentence)


def _fresh(question: Question, reading: Reading) -> list[Quantity]:
    """The amounts that the question does not name itself, without the number of a clause."""
    return [
        q
        for q in reading.quantities
        if not any(_same(own, q) for own in question.amounts)
        and not (q.span[0] == 0 and _CLAUSE_NUMBER.match(reading.text))
    ]


def _of_that_sort(question: Question, reading: Reading, fresh: Sequence[Quantity]) -> bool:
    """Whether there is a colour for "what colour", a name for "which firm", a weight for "which is
    heavier"."""
    said = {w.text.lower().removesuffix("s") for w in question.sort}
    if said & _COLOURED:
        return bool(_COLOURS & {w.text.lower() for w in reading.words})
    if said & _NAMED and not question.kind:
        known = {w.stem for w in (*question.subject, *question.beside)}
        return any(w.stem not in known for w in inner_capitals(reading))
    units = [unit for word in said for unit in _COMPARED.get(word, ())]
    return not units or any(q.unit in units for q in fresh)


def _at_rate(rate: str, sentence: Located, fresh: Sequence[Quantity]) -> bool:
    """Whether the sentence speaks of something per that: per day, daily."""
    said = {w.stem for w in (*sentence.reading.words, *sentence.context)}
    same = synonyms()
    return (
        rate in said
        or any(q.per == rate for q in fresh)
        or any((rate, other) in same for other in said)
    )


def _same(asked: Quantity, found: Quantity) -> bool:
    return agrees(asked, found) and asked.of == found.of


def _new(question: Question, reading: Reading) -> set[str]:
    """Stems of the sentence's content words that the question does not hold."""
    known = {w.stem for w in (*question.subject, *question.beside)}
    return {w.stem for w in reading.words if w.is_content} - known


def _counts(question: Question, sentence: Located, fresh: Sequence[Quantity]) -> bool:
    """Whether a number counts what is asked for, and nothing else."""
    wanted = {w.stem for w in question.counted}
    same = synonyms()
    units = {q.unit for w in question.counted for q in quantities(f"2 {w.text}")} - {""}
    around = {w.stem for w in (*sentence.reading.words, *sentence.context)}
    for q in fresh:
        if q.unit in (*MOMENTS, "ordinal", "label"):
            continue
        if q.unit in units or any((o, w) in same or o == w for o in q.of for w in wanted):
            return True
        if not units and q.unit == "" and not q.of and wanted & around:
            return True
    return False


def _tells_who(question: Question, reading: Reading) -> float:
    """A name, or where none is insisted on a role, that the question does not hold itself."""
    asked = {word.stem for word in (*question.subject, *question.beside)}
    named = [name for name in reading.names if {word.stem for word in name} - asked]
    if question.kind == "name":
        return float(any(_identifies(name, asked, reading) for name in named))
    doing = {w.stem for w in question.subject if is_verb(question, w)}
    done = [w for w in reading.words if w.stem in doing]
    if done and all(_describes(w, reading) for w in done):
        return 0.0
    if named:
        return 1.0
    roles = [r for r in _ROLE.finditer(reading.text) if stem(r[0].lower()) not in asked]
    return _MAY_SERVE if any(_acts(question, reading, r.span()) for r in roles) else 0.0


def _acts(question: Question, reading: Reading, role: tuple[int, int]) -> bool:
    """Whether a role is said to do what is asked about, as far as the order of words shows."""
    doing = {w.stem for w in question.subject if is_verb(question, w)}
    places = [w for w in reading.words if w.stem in doing and not _describes(w, reading)]
    if doing and not places:
        return False
    if not doing or re.search(r"\bby (?:\w+ ){0,3}$", reading.text[: role[0]]):
        return True
    between = [reading.text[role[1] : w.start] for w in places if w.start >= role[1]]
    return any(len(text.split()) <= _NEAR for text in between)


def _describes(word: Word, reading: Reading) -> bool:
    """Whether a participle says which thing is meant, and not what is done: audited accounts."""
    if not word.text.lower().endswith("ed"):
        return False
    before = [w.text.lower() for w in reading.words if w.end <= word.start][-1:]
    after = next((w for w in reading.words if w.start > word.end), None)
    joined = after is not None and reading.text[word.end : after.start] == " "
    return joined and after.is_content and not set(before) & _HELPS if after else False


def _identifies(name: Sequence[Word], asked: Collection[str], reading: Reading) -> bool:
    """`Director: Amina Haddad`, `The director of the museum is Amina Haddad`.

    What lies between the name and what it is the name of is no content word, or a form of "be".
    """
    held = [w for w in reading.words if w.is_content and w.stem in asked]
    gaps = [(w.end, name[0].start) for w in held if w.end <= name[0].start][-1:]
    gaps += [(name[-1].end, w.start) for w in held if w.start >= name[-1].end][:1]
    return any(
        _IS.search(reading.text, start, end)
        or not any(w.is_content for w in reading.words if start <= w.start < end)
        for start, end in gaps
    )


PRICE_STEMS = frozenset(map(stem, ("cost", "price", "fee", "pay", "charge")))
_MAY_SERVE = 0.5
_NEAR = 2  # words between who does something and what is done
_REASON = 3  # words that the question does not have
_CLAUSE_NUMBER = re.compile(r"\d+(?:\.\d+)*[.)]?\s+[A-Z]")
_MEASURES = {
    "temperature": ("celsius", "fahrenheit"), "weight": ("gram",), "weigh": ("gram",),
    "heavy": ("gram",), "distance": ("metre", "mile"), "width": ("metre", "foot", "inch"),
    "tall": ("metre", "foot"), "wide": ("metre", "foot", "inch"), "deep": ("metre", "foot"),
    "depth": ("metre", "foot"), "length": ("metre", "foot", "mile"), "memory": ("byte",),
    "space": ("byte",), "volume": ("litre",), "duration": ("minute", "hour", "day", "week", "month",
    "year"), "age": ("year", "month"), "percentage": ("percent",), "power": ("watt",),
    "frequency": ("hertz",), "voltage": ("volt",), "money": tuple(sorted(MONEY)),
}  # fmt: skip
_PAST = re.compile(
    r"\b(?:when (?:was|were|did|had|has|have)|since when|(?:what|which) (?:year|date))\b", re.I
)
_HELPS = word_set("is are was were be been being has have had who which that he she it they we I")
_COMPARED = {
    "heavier": ("gram",), "lighter": ("gram",), "cheaper": tuple(sorted(MONEY)),
    "dearer": tuple(sorted(MONEY)), "taller": ("metre", "foot"), "wider": ("metre", "foot"),
    "deeper": ("metre", "foot"), "older": ("year", "date"), "younger": ("year", "date"),
    "earlier": ("date", "clock", "year"), "warmer": ("celsius", "fahrenheit"),
    "colder": ("celsius", "fahrenheit"), "hotter": ("celsius", "fahrenheit"),
}  # fmt: skip
_COLOURED = word_set("colour color")
_COLOURS = word_set(
    """red green blue yellow black white orange purple brown grey gray pink amber violet silver gold
    beige turquoise"""
)
_NAMED = word_set(
    """firm company organisation organization institution city country town language brand product
    tool format file author researcher supplier contractor colleague expert"""
)
_TIME = ("second", "minute", "hour", "day", "week", "month", "year")
_OFTEN = re.compile(
    r"\b(?:daily|weekly|monthly|yearly|annually|annual|every|each|(?<!at )once|twice)\b", re.I
)
_IS = re.compile(r"\b(?:is|are|was|were)\b", re.IGNORECASE)
_AT_ONCE = re.compile(
    r"\b(?:at once|immediately|instantly|right away|straight away|without delay)\b", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july"
    r"|august|september|october|november|december|spring|summer|autumn|winter|before|after|when"
    r"|until|during|end of|beginning of|weekends?|weekdays?|immediately|at once|as soon as|within"
    r"|(?:daily|weekly|monthly|yearly|annually)(?! (?!in|on|by|at|with|and|to|for|from)[a-z])"
    r"|(?:every|last|first|second|third|fourth|fifth|same|next|following)"
    r" (?:\w+ ){0,2}(?:day|week|month|quarter|year)s?)\b",
    re.IGNORECASE,
)
_FREE = re.compile(r"\b(?:free|no charge|without charge|included|no extra)\b", re.IGNORECASE)
_BECAUSE = re.compile(
    r"\b(?:because|since|due to|owing to|so that|in order|reason|therefore|as a result|for fear"
    r"|to avoid"
    r"|caused?|prevents?|protects?|otherwise|so as)\b|\bas (?:it|they|the|he|she|this)\b",
    re.IGNORECASE,
)
_MAY = re.compile(
    r"(?:may|must|can|should|need)\b|do(?:es)? .*\b(?:need|have to)\b|(?:am|is|are) .*\b(?:allow"
    r"|permit|requir|oblig|mandat)",
    re.I,
)
_RULES = re.compile(
    r"\b(?:allow|permit|forbid|forbidden|prohibit|requir|possib|only|entitle)", re.IGNORECASE
)
_PLACE = re.compile(
    r"\b(?:at|in|on|near|beside|behind|below|above|opposite|under|from|to|into|via|next to)\b", re.I
)
_ROLE = re.compile(
    r"\b(?!over\b|after|under|number|water|order|letter|power|paper|winter|summer|other|never|ever"
    r"|offer|whether|matter|however|rather|longer|either|neither|per\b|for\b|nor\b|floor|door|motor"
    r"|colour|hour|corner|paper|tower|river|later|earlier|higher|lower|further|filter|cover|quarter"
    r"|computer|printer|container|relevant|important|instant|constant|merchant|plant|meter|monitor)"
    r"(?:\w+ers?|\w+ors?|\w+ants?|\w+ees?|\w+ists?|department|team|office|staff|board|committee"
    r"|parents?|children|adults?|visitors?|women|men|people|patients?|doctor|it|hr)\b",
    re.IGNORECASE,
)
_NO_MONEY = (*MOMENTS, "ordinal", "label", "percent", "", *_TIME)
_PRICED = word_set("price fee cost rate tariff admission fare amount eur usd gbp deposit rent")


def _is_priced(sentence: Located) -> bool:
    """Whether its bare numbers are prices: in a table of them, or beside a word for price."""
    said = {w.text.lower().removesuffix("s") for w in (*sentence.reading.words, *sentence.context)}
    return bool(said & _PRICED) or sentence.kind == "row"


def _is_money(fresh: Iterable[Quantity], sentence: Located) -> float:
    fresh = list(fresh)
    if any(q.unit in MONEY for q in fresh):
        return 1.0
    bare = any(not q.of and not q.unit for q in fresh)
    serves = (
        _FREE.search(sentence.reading.text)
        or any(q.unit == "percent" or q.of & PAY for q in fresh)
        or (bare and _is_priced(sentence))
    )
    return _MAY_SERVE if serves else 0.0


def _either(surely: bool, perhaps: bool) -> float:
    return 1.0 if surely else _MAY_SERVE * perhaps


Check = Callable[[Sequence[Quantity], Located], float]
_ANSWERS: dict[str, Check] = {
    "amount": lambda fresh, _: float(any(q.unit not in (*MOMENTS, "ordinal") for q in fresh)),
    "money": _is_money,
    "duration": lambda fresh, s: _either(
        any(q.unit in _TIME for q in fresh),
        any(q.unit in ("date", "clock") or q.per for q in fresh)
        or bool(_OFTEN.search(s.reading.text) or _AT_ONCE.search(s.reading.text)),
    ),
    "age": lambda fresh, s: _either(
        any(q.unit in ("year", "month") for q in fresh),
        bool(re.search(r"\b(?:aged?|born|old)\b", s.reading.text) and fresh),
    ),
    "clock": lambda fresh, _: float(any(q.unit == "clock" for q in fresh)),
    "day": lambda fresh, _: _either(
        any(q.unit == "date" and not q.is_named_day for q in fresh),
        any(q.unit == "date" for q in fresh),
    ),
    "when": lambda fresh, s: _either(
        any(q.unit in ("date", "clock") for q in fresh),
        any(q.unit in ("weekday", *_TIME) for q in fresh) or bool(_WHEN.search(s.reading.text)),
    ),
    "where": lambda _, s: _either(bool(s.reading.names), bool(_PLACE.search(s.reading.text))),
}
