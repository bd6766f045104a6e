"""Quantities in a text: numbers with what they count, what they cost, and per what.

`120 employees`, `40 EUR monthly allowance each`, `€1,200 per seat and year`, `5 days a week`.
Only what stands there is read; what stays unclear is left for the units to refuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD",
    "£": "GBP", "gbp": "GBP", "chf": "CHF", "francs": "CHF", "¥": "JPY", "jpy": "JPY", "yen": "JPY",
    "sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN", "inr": "INR", "cny": "CNY",
    "cad": "CAD", "aud": "AUD", "cent": "cent", "cents": "cent",
}  # fmt: skip
PERIODS = ("minute", "hour", "day", "week", "month", "quarter", "year")
ADJECTIVES = {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month",
    "quarterly": "quarter", "yearly": "year", "annual": "year", "annually": "year",
}  # fmt: skip
ANYONE = frozenset({"person", "head", "capita", "individual", "item", "unit", "piece", "one"})
"""Words after `per` that mean whatever is counted."""
PEOPLE = frozenset(
    {
        "person", "employee", "worker", "colleague", "staff", "member", "user", "student",
        "guest", "developer", "engineer", "manager", "participant", "attendee", "people",
    }
)  # fmt: skip
WANTED = r"cost|costs|total|sum|expense|expenses|spend|spending|budget|bill|amount|price|outlay"

_STOP = frozenset(
    re.findall(
        r"[a-z]+",
        """
        of for at in each per a an the and or who that which with to is are was were get gets
        receive receives cost costs from on by over every apiece need needs earn earns pay pays
        paid plus minus times divided into if would will do does than as it what how equally
        evenly among between across must can should have has had
        """,
    )
) | set(ADJECTIVES)
_WORDS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "dozen": "12",
}  # fmt: skip
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_MONEY_WORD = "|".join(sorted((re.escape(c) for c in CURRENCIES if c.isalpha()), key=len)[::-1])
_QUANTITY = re.compile(
    rf"(?<![\w.,/-])(?:(?P<before>[€$£¥]|(?:{_MONEY_WORD})\b)\s*)?(?P<number>{_NUMBER})"
    rf"(?P<scale>\s*(?:thousand|million|billion|k|bn)\b)?"
    rf"(?:\s*-?\s*(?P<after>[€$£¥]|(?:{_MONEY_WORD})\b)|\s*(?P<percent>%|percent\b|per\s?cent\b))?",
    re.IGNORECASE,
)
_SCALES = {"thousand": 10**3, "k": 10**3, "million": 10**6, "billion": 10**9, "bn": 10**9}
_PERIOD = "|".join(PERIODS)
_WORD = re.compile(r"[\s-]*([A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’]*)")
_PER = re.compile(
    rf"/\s*(?P<slash>[a-z]+)|\b(?:per|each|every)\s+(?!(?:{'|'.join(sorted(_STOP))})\b)(?P<per>[a-z]+)"
    rf"|\ban?\s+(?P<a>{_PERIOD}|head)\b|\band\s+(?P<also>{_PERIOD})\b"
    rf"|\b(?P<adjective>{'|'.join(ADJECTIVES)})\b|\b(?P<each>each|apiece)\b",
    re.IGNORECASE,
)
_PER_WORDS = ("slash", "per", "a", "also", "adjective")
_TEAM = re.compile(r"\b(?:staff|team|group|workforce|class|company|office) of\s*$", re.IGNORECASE)
_DOES = re.compile(
    r"\s+(?:is|are|costs?|gets?|receives?|takes?|earns?|pays?|needs?|weighs?|has|have|holds?|"
    r"contains?|works?|makes?|produces?|uses?|buys?|spends?|wants?)\b",
    re.IGNORECASE,
)
_EACH_DOES = re.compile(rf"\beach{_DOES.pattern}\s+(?:[a-z]+\s+){{0,2}}$", re.IGNORECASE)
_ONE_DOES = re.compile(
    rf"\b(?:each|every|an?|one|per)\s+([a-z]+),?{_DOES.pattern}\s+(?:[a-z]+\s+){{0,2}}$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:in|since|by|from|of|until|year)\s+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` of `unit` for each of `per`. `unit` is empty for a bare number, `%` for a share."""

    value: Fraction
    unit: str
    per: tuple[str, ...]
    start: int
    end: int
    word: str = ""
    """The unit as it was written, for a person: `employees`."""
    each: bool = False
    """Said with `each`, before it was found out of what."""

    @property
    def money(self) -> bool:
        return self.unit in CURRENCIES.values()

    @property
    def counts(self) -> bool:
        """True for a number of things: neither money nor time nor a share."""
        return bool(self.unit) and not self.money and self.unit not in (*PERIODS, "%")


def singular(noun: str) -> str:
    """The singular of an English noun, good enough to compare two mentions of it."""
    word = noun.lower().replace("’", "'").removesuffix("'s")
    irregular = {"people": "person", "men": "man", "women": "woman", "children": "child"}
    if word in irregular:
        return irregular[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def find(text: str) -> list[Quantity]:
    """The quantities of a text, in order, with what they are said per.

    Raises:
        ValueError: an amount of money that may be read in two ways (`1.200 EUR`).
    """
    plain = _digits(text)
    found = [q for m in _QUANTITY.finditer(plain) if (q := _quantity(m, plain)) is not None]
    found = [
        _with_per(q, plain, found[i + 1].start if i + 1 < len(found) else len(plain))
        for i, q in enumerate(found)
    ]
    found = [_with_before(q, plain, found[i - 1] if i else None) for i, q in enumerate(found)]
    return [_resolved(q, i, found) for i, q in enumerate(found)]


def _digits(text: str) -> str:
    """Small number words as digits."""
    words = "|".join(_WORDS)
    text = re.sub(r"\ba dozen\b", "12", text, flags=re.IGNORECASE)
    return re.sub(
        rf"\b(?:{words})\b(?=\s+[a-z])", lambda m: _WORDS[m[0].lower()], text, flags=re.IGNORECASE
    )


def _quantity(match: re.Match[str], text: str) -> Quantity | None:
    number = match["number"]
    value = Fraction(number.replace(",", ""))
    if match["scale"]:
        value *= _SCALES[match["scale"].strip().lower()]
    currency = match["before"] or match["after"]
    if currency:
        if re.fullmatch(r"\d{1,3}\.\d{3}", number):
            raise ValueError(f"{match[0].strip()!r} may be read in two ways; write it with a comma")
        unit = CURRENCIES[currency.lower()]
        return Quantity(value, unit, (), match.start(), match.end(), unit)
    if match["percent"]:
        return Quantity(value, "%", (), match.start(), match.end(), "%")
    before = text[: match.start()]
    if re.fullmatch(r"(19|20)\d\d", number) and _YEAR.search(before):
        return None
    if _TEAM.search(before):
        return Quantity(value, "person", (), match.start(), match.end(), "people")
    unit, word, end = _noun(text, match.end())
    return Quantity(value, unit, (), match.start(), end, word)


def _noun(text: str, start: int) -> tuple[str, str, int]:
    """What is counted: the first plural of the next three words, else the first word."""
    words: list[tuple[str, int]] = []
    at = start
    while len(words) < 3 and (match := _WORD.match(text, at)):
        if match[1].lower() in _STOP or _is_operator(match[1]):
            break
        if not words and _period(match[1]):
            return _period(match[1]), match[1], match.end()
        words.append((match[1], match.end()))
        at = match.end()
    if not words:
        return "", "", start
    plurals = [w for w in words if singular(w[0]) != w[0].lower()]
    word, end = plurals[0] if plurals else words[0]
    return singular(word), word, end


def _is_operator(word: str) -> bool:
    return len(word) == 1


def _period(word: str) -> str:
    base = singular(word)
    return base if base in PERIODS else ""


def _with_per(quantity: Quantity, text: str, limit: int) -> Quantity:
    """With what the words after it say it is for: the first period, and each or per whom."""
    region = re.split(r"[;?!]|\.(?:\s|$)", text[quantity.end : limit])[0]
    per: list[str] = []
    each, end = False, quantity.end
    for match in _PER.finditer(region):
        between = region[: match.start()]
        if re.search(rf"\b(?:{WANTED}|what|how|calculate|compute)\b", between, re.IGNORECASE):
            break
        word = next((w for n in _PER_WORDS if (w := match[n])), "")
        period = ADJECTIVES.get(word.lower(), "") or _period(word)
        if quantity.counts and (
            (period and quantity.unit in PEOPLE) or len(between.split()) > 2 or match["adjective"]
        ):
            break  # `120 employees … monthly`: it says something of what follows
        if period and any(p in PERIODS for p in per):
            break
        if match["also"] and not per:
            break
        if match["each"] and quantity.counts and _DOES.match(region, match.end()):
            break  # `12 people each pay …`: it is the next quantity that each of them has
        if match["each"]:
            each = True
        else:
            per.append(period or singular(word))
        end = quantity.end + match.end()
    return replace(quantity, per=tuple(per), each=each, end=end)


def _with_before(quantity: Quantity, text: str, previous: Quantity | None) -> Quantity:
    """With what the words before it say: `a monthly fee of Q`, `each employee gets Q`."""
    since = previous.end if previous else 0
    before = re.split(r"[;?!]|\.(?:\s|$)", text[since : quantity.start])[-1]
    per, each = list(quantity.per), quantity.each
    if not any(p in PERIODS for p in per):
        found = re.search(
            rf"\b({'|'.join(ADJECTIVES)})\s+((?:[a-z-]+\s+){{0,4}})$", before, re.IGNORECASE
        )
        if found and not re.search(rf"\b(?:{WANTED})\b", found[2], re.IGNORECASE):
            per.append(ADJECTIVES[found[1].lower()])
    if not each and not any(p not in PERIODS for p in per):
        each = bool(_EACH_DOES.search(before))
        found = None if each else _ONE_DOES.search(before)
        if found and not _period(found[1]) and not re.fullmatch(WANTED, found[1], re.IGNORECASE):
            per.append(singular(found[1]))
        elif previous and previous.counts and re.fullmatch(r"\s+of\s+", before):
            per.append(previous.unit)
    return replace(quantity, per=tuple(per), each=each)


def _resolved(quantity: Quantity, at: int, among: list[Quantity]) -> Quantity:
    """`each` and `per person` as the thing that is counted nearby."""
    others = [(i, q) for i, q in enumerate(among) if q.counts and i != at]
    nearest = [q for i, q in reversed(others) if i < at] or [q for i, q in others if i > at]
    known = {q.unit for _, q in others}
    per = [
        nearest[0].unit if p in ANYONE and p not in known and nearest else p for p in quantity.per
    ]
    if quantity.each and nearest and nearest[0].unit not in per:
        per.append(nearest[0].unit)
    elif quantity.each and not nearest and not any(p not in PERIODS for p in per):
        per.append("one")
    return replace(quantity, per=tuple(per))
