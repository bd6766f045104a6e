"""What kind of value a question asks for: money, a length, a number of lifts, a time of day, …"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.numbers import MONEY, TIME_UNITS, quantities

WantedKind = Literal[
    "", "money", "count", "measure", "share", "number", "duration", "rate", "age", "date", "year",
    "clock", "who", "where", "sort", "why", "how", "whether",
]  # fmt: skip
NUMERIC: frozenset[WantedKind] = frozenset(
    ("money", "count", "measure", "share", "number", "duration", "rate", "age")
)
"""Kinds whose value is a number and no point in time."""

LENGTH = frozenset({"metre", "mile", "foot", "inch", "yard"})
_AREA = frozenset({"square metre", "square foot", "square mile", "hectare", "acre"})
_WEIGHT = frozenset({"gram", "ounce"})
_VOLUME = frozenset({"litre", "gallon", "pint", "cubic metre"})
_WARMTH = frozenset({"celsius", "fahrenheit", "degree", "kelvin"})
_SPEED = frozenset({"km/h", "mile/h", "m/s", "knot"})
_BYTES = frozenset({"byte", "bit"})
_CLOCK = frozenset({"clock"})
_FAMILIES = (TIME_UNITS, LENGTH, _AREA, _WEIGHT, _VOLUME, _WARMTH, _SPEED, _BYTES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kind of a value, and what it must be of.

    `units` are the units that such a value has as far as they are known: none where any may do.
    `noun` is what is counted (`lifts` in "how many lifts") or which sort of thing it is (`floor`
    in "which floor"), in lower case.
    """

    kind: WantedKind
    units: frozenset[str] = frozenset()
    noun: str = ""
    named: frozenset[str] = frozenset()
    """The units that the question names itself: `in square metres`."""


NOTHING = Wanted("")


@lru_cache(maxsize=1024)
def wanted(question: str) -> Wanted:
    """What a question asks for, by its form; `NOTHING` where it asks for no kind of value.

    The last sentence that asks counts, and in it the first word that does. A few words without
    such a word ("price of a day ticket") are asked by their head.
    """
    core = _core(question)
    if _WHO_IS_NAMED.search(question):
        return NOTHING
    found = [
        (match.start(), rank, match)
        for rank, (pattern, _) in enumerate(_FORMS)
        if (match := pattern.search(core))
    ]
    if not found:
        return _asked_by_noun(core) or NOTHING
    _, rank, match = min(found, key=lambda f: f[:2])
    value = _FORMS[rank][1](core, match)
    if value.kind in NUMERIC:
        named = (q for m in _IN_UNIT.finditer(core) for q in quantities(f"2 {m[1]}"))
        return replace(value, named=frozenset(q.unit for q in named if q.unit))
    return value


def _core(question: str) -> str:
    """The sentence that asks, in lower case, without what only introduces it."""
    parts = [p for p in re.split(r"(?<=[.!?])\s+", question.strip()) if p]
    asking = (
        [p for p in parts if p.endswith("?")]
        or [p for p in parts if _ASKS.search(p)]
        or parts
        or [""]
    )
    low = " ".join(asking[-1].lower().split()).replace("’", "'")
    core = _INTRODUCED.sub("", _MISTYPED.sub(lambda m: _MEANT[m[0]], low))
    first, comma, rest = core.partition(", ")
    if comma and _SUBORDINATE.match(first) and _ASKS.search(rest):
        return rest
    return core


# ── the forms ────────────────────────────────────────────────────────────────────────────


def _how_many(core: str, match: re.Match[str]) -> Wanted:
    noun = _plural(core[match.end() :])
    if not noun:
        return Wanted("count")
    last = noun.split()[-1]
    if last in ("times", "occasions"):
        return Wanted("rate") if _PER_TIME.search(core) else Wanted("count", noun=noun)
    if last in ("percent", "percentage"):
        return Wanted("share")
    if last in ("euros", "dollars", "pounds", "francs", "cents", "crowns", "pence"):
        return Wanted("money", MONEY)
    units = _units_of(noun)
    if units & TIME_UNITS:
        return Wanted("duration", TIME_UNITS)
    return Wanted("measure", units, noun) if units else Wanted("count", noun=noun)


def _how_much(core: str, match: re.Match[str]) -> Wanted:
    rest = core[match.end() :]
    if _WEIGHS.search(rest):
        return Wanted("measure", _WEIGHT)
    if re.match(r" time\b| longer\b", rest):
        return Wanted("duration", TIME_UNITS)
    if _PRICED.search(rest) and not re.match(r" of (?!it\b)", rest):
        return Wanted("money", MONEY)
    if re.match(r" (?:is|are|was|were|for)\b", rest) and not _PARTICIPLE.search(rest):
        return Wanted("money", MONEY)
    noun = re.match(r" ([a-z]+)", rest)
    return Wanted("number", _MASS.get(noun[1], frozenset()) if noun else frozenset())


def _how_long(core: str, match: re.Match[str]) -> Wanted:
    rest = core[match.end() :]
    if re.match(r" (?:ago|before)\b", rest) or _LASTS.search(rest):
        return Wanted("duration", TIME_UNITS)
    if match[0] == "how long" and _OF_THING.match(rest):
        return Wanted("number", TIME_UNITS | LENGTH)  # a journey, or a bridge
    return Wanted("duration", TIME_UNITS)


def _how_far(core: str, match: re.Match[str]) -> Wanted:
    if re.match(r" (?:ahead|in advance|back)\b", core[match.end() :]):
        return Wanted("duration", TIME_UNITS)
    return Wanted("measure", LENGTH | TIME_UNITS)


def _how_adjective(core: str, match: re.Match[str]) -> Wanted:
    rest = core[match.end() :]
    if match[1] in ("high", "low", "large", "big") and _PRICED.search(rest):
        return Wanted("money", MONEY | {"percent"})
    units = _ADJECTIVES[match[1]]
    return Wanted("measure", units) if units else Wanted("number")


def _which(core: str, match: re.Match[str]) -> Wanted:
    """`which floor`, `what percentage of`, `what is the weight of`, `what does it cost`."""
    rest = core[match.end() :]
    doing = _DOES.match(rest)
    if doing:
        if re.search(r"\b(?:costs?|earn|charge|pay(?! for))\b", doing[1]):
            return Wanted("money", MONEY)
        return Wanted("measure", _WEIGHT) if _WEIGHS.search(doing[1]) else NOTHING
    being = _IS_THE.match(rest)
    if being:
        return _by_noun(_phrase(rest[being.end() :]), defined=True) or NOTHING
    found = _by_noun(_phrase(rest)) or NOTHING
    return NOTHING if match[0] == "which" and found.kind == "money" else found  # which of the fees


def _who(core: str, match: re.Match[str]) -> Wanted:
    rest = core[match.end() :]
    return NOTHING if re.match(r" (?:is|was|are|were) [a-z]+\W*$", rest) else Wanted("who")


def _asked_by_noun(core: str) -> Wanted | None:
    """Of a few words without a form of asking, what their head asks for: `opening time`."""
    if len(core.split()) > _TERSE:
        return None
    start = _TOLD.match(core)
    return _by_noun(_phrase(core[start.end() :] if start else core), defined=True)


def _by_noun(phrase: list[str], *, defined: bool = False) -> Wanted | None:
    """What the head of a noun phrase asks for, by itself or by the word before it.

    Args:
        defined: whether what is asked for is the thing's value (`what is the price`), and not
            which thing it is (`which prices`).
    """
    for place, word in enumerate(phrase):
        last = place == len(phrase) - 1
        if not last and (defined or word not in _STRONG or phrase[place + 1] in _COMPOUND):
            continue
        for kind, units, names in _NOUNS:
            if word == "number" and place and phrase[place - 1] not in _OF_NUMBER:
                return Wanted("sort", noun=word)  # of a telephone, a room, an account
            if word in names and (defined or word not in _LOOSE):
                return Wanted(kind, units, word)
    if defined:
        head = phrase[-1] if phrase else ""
        return Wanted("sort", noun=head) if head in _IDENTIFIERS else None
    named = [w for w in phrase if w in _PEOPLE or w in _PLACES or w in _SORTS]
    if not named:
        return None
    if named[-1] in _PEOPLE:
        return Wanted("who", noun=named[-1])
    return Wanted("sort", noun=named[-1])


def _phrase(text: str) -> list[str]:
    """The words of the noun phrase that a text begins with, as far as the forms show."""
    run: list[str] = []
    for match in re.finditer(r"([a-z'-]+)(\W*)", text):
        if match[1] in _ENDS or (run and match[1].endswith("ed")):
            break
        run.append(match[1])
        if re.search(r"[,;?.!]", match[2]):
            break
    return run[:_PHRASE]


def _plural(text: str) -> str:
    """The noun phrase up to its first plural: what follows `how many`."""
    text = re.sub(r"^ (?:(?:hundred|thousand|million|billion)s?(?: of)? )", " ", text)
    text = re.sub(r"^ (?:more |other |different |additional |total )+", " ", text)
    text = re.sub(r"^ of (?:the |these |those |its |their |our )?(?:\d+ |other )?", " ", text)
    run: list[str] = []
    for word in re.findall(r"[\w'-]+", text)[:_PHRASE]:
        if word in _ENDS:
            break
        run.append(word)
        if word in _PLURALS or (word.endswith("s") and not word.endswith(("ss", "'s", "us"))):
            return " ".join(run)
    return run[0] if run else ""


def _units_of(noun: str) -> frozenset[str]:
    """The units of what the unit measures that a noun phrase names: all lengths for `metres`."""
    found = {q.unit for q in quantities(f"2 {noun}")} - {"", "ordinal", "label"}
    family = next((f for f in _FAMILIES if found & f), frozenset[str]())
    return frozenset(found) | family


Form = Callable[[str, re.Match[str]], Wanted]


def _constant(value: Wanted) -> Form:
    return lambda _core, _match: value


# ── word lists ───────────────────────────────────────────────────────────────────────────

_TERSE = 9
_PHRASE = 5
_ASKS = re.compile(r"\b(?:how|what|which|who|whom|whose|when|where|why)\b", re.IGNORECASE)
_MEANT = {
    **dict.fromkeys(("waht", "wat", "wht", "whta", "hwat"), "what"), "whats": "what is",
    **dict.fromkeys(("wehn", "whn", "hwen", "whne"), "when"), "whens": "when is",
    **dict.fromkeys(("wher", "whre", "wehre", "hwere"), "where"), "wheres": "where is",
    **dict.fromkeys(("wich", "whcih", "whch", "wihch"), "which"), "whos": "who is",
    **dict.fromkeys(("hwo", "hoow"), "how"), **dict.fromkeys(("mcuh", "muhc", "mutch"), "much"),
    **dict.fromkeys(("mnay", "mayn", "manny"), "many"), "tiem": "time", "hows": "how is",
}  # fmt: skip
"""The words that ask, as they are mistyped."""
_MISTYPED = re.compile(rf"\b(?:{'|'.join(_MEANT)})\b")
_SUBORDINATE = re.compile(r"(?:when|if|where|while|after|before|once|as|because|since|although)\b")
_INTRODUCED = re.compile(
    r"^(?:(?:hi|hello|hey|please|excuse me|so|and|but|also|well|ok|okay|thanks|sorry)\b[,!.]? *)*"
    r"(?:(?:can|could|would|will) (?:you|anyone|somebody|someone) (?:please )?(?:tell|say|explain"
    r"|inform)(?: to)?(?: me| us)? "
    r"|(?:do|does) (?:you|anyone|anybody) (?:happen to )?know |any idea |please tell me "
    r"|i(?:'d| would| want| need|'m| am| was)? (?:like |want |need |trying |wondering )?(?:to )?"
    r"(?:know|learn|find out|wondering) |wondering |tell me |let me know )?"
)
_TOLD = re.compile(
    r"(?:(?:give|tell|state|find|name|show|quote)(?: me| us)? )?(?:the |an? |your |our |its |my )?"
)
_IN_UNIT = re.compile(r"\b(?:in|how many) ((?:square |cubic )?[a-z°]+(?: [a-z]+)?)")
_WEIGHS = re.compile(r"\b(?:weigh(?:s|ed|t)?|heavy)\b")
_PRICED = re.compile(
    r"\b(?:costs?|pay|pays|paid|paying|price[sd]?|charge[sd]?|worth|earn(?:s|ed)?|fees?|fares?|fines?"
    r"|money|spend|spent|rents?|salary|wages?|deposit|owe[sd]?|budget|sell|sold|sells|raise[sd]?"
    r"|donate[sd]?|gross(?:ed)?|refund(?:ed)?|reimbursed?|allowance|rental|tolls?|postage|tax(?:es)?"
    r"|compensation|funding|funds?|grants?|prize|bonus|revenue|profits?|loan|debt|invest(?:ed)?)\b"
)
_PARTICIPLE = re.compile(
    r"\b(?:allowed|permitted|needed|required|left|used|kept|put|drunk|eaten|lost|produced|contained"
    r"|covered|taken|stored|added|in (?:it|there|the|an?)|to (?!the\b|an?\b)[a-z]+|known)\b"
)
_WHO_IS_NAMED = re.compile(r"\b[Ww]ho (?:is|was|are|were) (?:[A-Z][\w.-]*\s?)+\W*$")
"""Asks for what somebody is, and not for a name."""
_OF_THING = re.compile(
    r" (?:is|are|was|were|must|should|can|may) (?:an?|the|my|your|its|our|this|that)\b"
)
_LASTS = re.compile(
    r"\b(?:last|take|takes|took|taken|stay|wait|keep|live[ds]?|remain|valid|open|until|before|after"
    r"|run|runs|work|worked|been|have|has|had|did|do|does|held?|serve[ds]?|rul\w+|reign\w*)\b"
)
_PER_TIME = re.compile(
    r"\b(?:an?|per|each|every) (?:day|night|week|month|year|hour|season|quarter)"
)
_DOES = re.compile(r" (?:do|does|did|will|would|can|must|should|shall)\b(.*)")
_IS_THE = re.compile(
    r" ?(?:(?:is|are|was|were|will be|would be|'s)|(?:should|must|may|can) be)"
    r" (?:(?:the|an?|its|their|his|her|your|our|my|this|that|[a-z]+'s?) )?"
)
_ENDS = word_set(
    """
of in on at for to from by with per inside outside is are was were be been do does did has have
had can could may might must should shall will would that which who whose when where while if as
than and or not it they he she you we i there the a an about during within before after under over
between into out get gets make made take takes took use used uses go goes went come comes came say
said give gave given see seen become became win won write wrote written appear call called
"""
)
_PLURALS = word_set(
    "people children men women feet teeth mice geese police staff sheep fish percent media data"
)
_NUMBER_NOUNS = word_set(
    """
number amount quantity total size limit maximum minimum capacity rate range level score count sum
population attendance turnout rank ranking dose dosage magnitude ratio frequency voltage pressure
power torque reading mileage concentration density salinity population circulation
"""
)
_NOUNS: tuple[tuple[WantedKind, frozenset[str], frozenset[str]], ...] = (
    ("money", MONEY | {"percent"}, word_set(
        "price prices cost costs fee fees fare fares salary budget rent wage wages fine premium"
        " charge charges tariff revenue turnover profit income bonus pension deposit surcharge toll"
        " postage excess deductible allowance stipend rental")),
    ("share", frozenset({"percent"}), word_set(
        "percentage percent share proportion fraction discount vat commission interest")),
    ("measure", _WARMTH, word_set("temperature temperatures warmth")),
    ("measure", _WEIGHT, word_set("weight")),
    ("measure", LENGTH, word_set("height depth width altitude elevation diameter radius")),
    ("number", LENGTH | TIME_UNITS, word_set("length distance")),
    ("measure", _SPEED, word_set("speed")),
    ("measure", _AREA, word_set("area acreage")),
    ("duration", TIME_UNITS, word_set("duration period lifespan")),
    ("age", frozenset({"year", "month"}), word_set("age ages")),
    ("year", frozenset(), word_set("year years decade century")),
    ("date", frozenset(), word_set(
        "date dates deadline day days month months birthday weekday season era")),
    ("clock", frozenset({"clock"}), word_set("time times hour hours")),
    ("number", frozenset(), _NUMBER_NOUNS),
)  # fmt: skip
"""Nouns that say by themselves which kind of value they ask for."""
_LOOSE = word_set(
    """
area period interest costs charge charges range level power count score dose reading pressure
premium excess limit size rate capacity total volume fine
"""
)
"""Of these, the ones that after `what` and `which` are more often a sort of thing: what area."""
_OF_NUMBER = word_set("total average maximum minimum exact approximate largest highest")
_STRONG = word_set(
    "percentage percent proportion fraction temperature year date price speed height weight month"
)
_COMPOUND = word_set(
    "group range limit frame plan plant tag zone level period span point class list"
)
"""After those, the head of another noun."""
_PEOPLE = word_set(
    """
person people man woman author actor actress singer rapper musician composer artist painter poet
writer novelist journalist critic director producer president minister king queen emperor prince
princess pope bishop saint general scientist physicist chemist astronomer mathematician philosopher
historian architect engineer inventor explorer player athlete coach judge lawyer politician senator
governor mayor leader founder chairman chairwoman manager officer doctor nurse teacher professor
student colleague employee wife husband brother sister mother father daughter son friend character
designer photographer reporter biographer dj rival
"""
)
_PLACES = word_set(
    """
city cities town village country countries state states county borough island continent river
mountain lake capital province district neighborhood neighbourhood nation nations
"""
)
_NAMED = word_set(
    """
company companies organization organisation band album song film movie magazine newspaper
university college school museum bank firm airline club league airport station language
"""
)
_IDENTIFIERS = word_set("email e-mail website url postcode isbn")
_NUMBERED = word_set(
    "floor room page gate platform chapter section line version storey extension week"
)
_COLOURED = word_set("colour color colours colors")
NAMED = _PLACES | _NAMED
"""Sorts of things that have names."""
_SORTS = NAMED | _IDENTIFIERS | _NUMBERED | _COLOURED
_MASS = {
    "memory": _BYTES, "storage": _BYTES, "ram": _BYTES, "power": frozenset({"watt", "kwh"}),
    "energy": frozenset({"watt", "kwh", "joule", "calorie"}),
}  # fmt: skip
_ADJECTIVES: dict[str, frozenset[str]] = {
    "tall": LENGTH, "wide": LENGTH, "deep": LENGTH, "thick": LENGTH, "heavy": _WEIGHT,
    "hot": _WARMTH, "cold": _WARMTH, "warm": _WARMTH, "high": frozenset(), "low": frozenset(),
    "large": frozenset(), "big": frozenset(), "fast": frozenset(), "strong": frozenset(),
    "loud": frozenset(), "small": frozenset(), "broad": LENGTH, "steep": frozenset(),
    "tight": frozenset(), "full": frozenset(),
}  # fmt: skip
"""Only where what is measured cannot be but in these units; else any number may be meant."""


_FORMS: tuple[tuple[re.Pattern[str], Form], ...] = tuple(
    (re.compile(rf"(?<![\w'-])(?:{pattern})(?![\w-])"), form)
    for pattern, form in (
        (r"how many(?: more)?|(?:what|which)(?: is| was| are)? (?:the )?number of", _how_many),
        (r"how much", _how_much),
        (r"how (?:often|frequently|regularly)", _constant(Wanted("rate"))),
        (r"how (?:long|soon|quickly)", _how_long),
        (r"how (?:late|early)|(?:what|which) (?:time|hour)(?! (?:period|span|of"
         r"|frame|zone))|what (?:are|is) the "
         r"(?:\w+ ){0,2}hours|what (?:\w+ )?hours (?:is|are)", _constant(Wanted("clock", _CLOCK))),
        (r"how old", _constant(Wanted("age", frozenset({"year", "month", "week", "day"})))),
        (r"how far", _how_far),
        (r"how expensive", _constant(Wanted("money", MONEY))),
        (rf"how ({'|'.join(_ADJECTIVES)})", _how_adjective),
        (r"how come|why|for (?:what|which) reasons?|what (?:is|was|are|were) the reasons?"
         r"|what (?:makes|made|causes|caused)", _constant(Wanted("why"))),
        (r"how", _constant(Wanted("how"))),
        (r"when(?= (?:is|are|was|were|do|does|did|will|has|have|had|can|may|must|should|shall"
         r"|would|am|could)\b)|^when|(?:since|until|till|by|from) when|when\W*$",
         _constant(Wanted("date"))),
        (r"whose|whom|who(?:'s)?", _who),
        (r"where", _constant(Wanted("where"))),
        (r"^(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had|am)",
         _constant(Wanted("whether"))),
        (r"what size(?= (?:is|are|was|were|has|have|does|do|must|may)\b)",
         _constant(Wanted("number", noun="size"))),
        (r"what|which", _which),
    )
)  # fmt: skip
