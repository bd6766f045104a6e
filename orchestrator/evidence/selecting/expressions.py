"""Expressions that may serve as a value without a number that can be read: `free`, `every day`.

Each pattern is wide on purpose: where it finds nothing, a span surely holds no such value.
"""

from __future__ import annotations

import re

from orchestrator.evidence.language.lexicon import word_set


def _any(*expressions: str, more: str = "") -> re.Pattern[str]:
    """Any of the expressions, which commas part, also with the s of a plural.

    Args:
        more: a regular expression that serves as well.
    """
    listed = [e.strip() for line in expressions for e in line.split(",") if e.strip()]
    pattern = rf"\b(?:{'|'.join(listed)})s?\b"
    return re.compile(f"{pattern}|{more}" if more else pattern, re.IGNORECASE)


FREE = _any(
    "free, no (?:extra )?(?:charge|cost|fee), without (?:charge|cost), nothing, included, waived",
    "half, double, twice, dime, cent, fortune, unpaid, gratis, in full, full",
    "million, billion, thousand, hundred",
)
RANKED = _any("room, outside, ambient, body, sea, freezing, boiling, zero, half, knee, waist")
SOME = _any(
    "one, once, twice, thrice, no, none, nobody, nothing, both, several, few, single, sole, only",
    "pair, couple, trio, duo, quartet, quintet, dozen, hundred, thousand, million, billion, half",
    r"double, triple, unlimited, \w+fold, neither, either, never, zero, not any, in full, as many",
    more=r"\b[IVX]{2,}\b",
)
"""What tells how many or how much without a number."""
ORDINAL = _any(
    "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, twentieth",
    r"\w+teenth",
)
PARTS = _any("majority, minority, most, all, third, quarter, fifth, tenth, whole, entire")
LASTING = _any(
    "second, minute, hour, day, night, week, month, season, year, decade, century, centuries",
    "term, lifetime, life, semester, quarter, morning, afternoon, evening, overnight, forever",
    "indefinitely, permanent, permanently, until, till, since, always, never, immediately",
    "at once, instantly, promptly, straight away, right away, long, short, brief, briefly, daily",
    "weekly, monthly, yearly, annual, annually, generation, millennia, age, when, while, within",
    "as soon as, before, after, during, unlimited, no limit",
)
OFTEN = _any(
    "every, each, per, daily, nightly, weekly, fortnightly, monthly, quarterly, yearly, hourly",
    "annual, annually, biennial, biennially, biannual, biannually, once, twice, thrice, time",
    "always, never, regularly, often, usually, seldom, rarely, frequent, frequently, sometimes",
    "occasionally, continuously, constantly, when, whenever, if, as needed, after, before",
    "an? (?:day|week|month|year|hour|night), (?:mon|tues|wednes|thurs|fri|satur|sun)day",
)
AGED = _any(
    "age, aged, born, birth, old, older, young, younger, teen, twenties, thirties, forties, adult",
    "minor, infant, birthday, turn, turned, turning, under, over, from, at, by, until, up to",
    "reach, reaches, reached, date, built, made, founded, established, since, after, child",
    r"children, \w+th",
    more=r"\d-(?:year|month|week|day)",
)
TIMELY = _any(
    "before, after, when, whenever, while, during, until, till, since, once, as soon as, upon",
    "following, prior to, immediately, at once, now, today, tomorrow, yesterday, tonight, soon",
    "later, earlier, early, late, ago, never, always, then, daily, nightly, weekly, monthly",
    "quarterly, yearly, annual, annually, spring, summer, autumn, winter, dawn, dusk, sunrise",
    "sunset, morning, noon, afternoon, evening, night, midnight, weekend, weekday, second, minute",
    "hour, day, week, month, season, year, decade, century, centuries, era, age, period, time",
    "holiday, christmas, easter, ramadan, birthday, eve, anniversary, war, renaissance, dynasty",
    "reign, childhood, birth, death, beginning, end, start, semester, term",
)
YEARLY = _any("year, century, centuries, decade", more=r"\b\d{4}\b|['’]\d\d\b")
IN_YEAR = re.compile(r"\b(?:in|by|since|until|from|around|about) $", re.IGNORECASE)
DAYTIME = _any(
    "morning, noon, midday, afternoon, evening, night, midnight, dawn, dusk, sunrise, sunset",
    "daybreak, nightfall, dark, daylight, o['’]?clock, 24 hour, round the clock, all day, always",
    "breakfast, lunch, dinner, hour, before, after, closed, shut",
    more=r"24/7",
)
PERSON = _any(
    "anyone, anybody, everyone, everybody, nobody, somebody, someone, people, person, man, men",
    "woman, women, child, children, adult, kid, girl, boy, guy, staff, board, committee, council",
    "team, police, government, public, army, navy, company, companies, court, king, queen, wife",
    "wives, husband, spouse, friend, family, families, boss, bosses, head, lead, chief, guest",
    "host, neighbour, landlord, pilot, chef, cook, clerk, guide, judge, coach, nurse, pupil, chair",
    "thief, monk, captain, crew, department, office, association, group, party, parties, god, pope",
    "fan, crowd, couple, household, town, city, cities, state, county, parish, firm, bank, school",
    "library, libraries, museum, club, trust, fund, foundation, hotel, shop, union, society",
    "agency, agencies, authority, authorities, ministry, insurer, university, hospital, church",
    "you, hr, it",
    r"\w+'s, \w\w+(?:er|or|ist|ant|ent|ee|ian|cs|ves|al|mate|folk|men|ices|ives)",
)
PLACED = _any(
    "at, in, on, near, beside, behind, below, above, opposite, under, from, to, into, via, inside",
    "outside, within, between, along, across, around, here, there, abroad, home, upstairs, online",
    "downstairs, indoor, outdoor, nowhere, everywhere, anywhere, north, south, east, west",
    "throughout",
)
_COLOUR = _any(
    "(?:red|green|blue|yellow|black|white|orange|purple|brown|grey|gray|pink)(?:d?ish)?, amber",
    "violet, silver, gold, golden, beige, turquoise, cream, crimson, scarlet, maroon, navy, teal",
    "magenta, indigo, ivory, tan, lilac, ochre, transparent, dark, light, pale, bright",
    r"colou?r\w*",
)
_NUMBERED = _any(
    "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, ground, top, one",
    "basement, cellar, attic, upper, lower, last, two, three, four, five, six, seven, eight, nine",
    "ten, next, mezzanine",
    more=r"\d|(?-i:(?<=\s)[A-Z]\b)",
)
SORTED: tuple[tuple[frozenset[str], re.Pattern[str], str], ...] = (
    (word_set("colour color colours colors"), _COLOUR, "no colour"),
    (word_set("email e-mail"), re.compile("@"), "no address of e-mail"),
    (
        word_set("floor page chapter section storey extension"),
        _NUMBERED,
        "no such number",
    ),
    (word_set("week number"), _NUMBERED, "no number"),
)
"""By the sort of thing that is asked for: what a span has that names one, and why one has not."""

EVENTS: tuple[tuple[frozenset[str], ...], ...] = tuple(
    tuple(map(word_set, group))
    for group in (
        (
            "open opens opened opening start starts started begin begins began",
            "close closes closed closing shut shuts end ends ended finish finishes finished",
        ),
        ("arrive arrives arrived arrival", "leave leaves left depart departs departed departure"),
        ("born birth", "die dies died death", "marry marries married marriage wedding"),
        ("buy buys bought", "sell sells sold"),
        ("lend lends lent", "return returns returned"),
    )
)
"""Events that are told apart: of the moment of one the other's does not follow."""
ATTRIBUTES: tuple[tuple[frozenset[str], ...], ...] = tuple(
    tuple(map(word_set, group))
    for group in (
        (
            "freeze freezes froze freezing frozen solidify solidifies",
            "boil boils boiled boiling",
            "melt melts melted melting",
            "ignite ignites ignition burn burns flash",
            "store stored storage keep kept bake baked",
        ),
        (
            "high height tall",
            "wide width broad breadth",
            "deep depth",
            "thick thickness",
            "length",
            "weigh weighs weighed weight heavy",
        ),
    )
)
"""What a thing has of one unit: of its width its height does not follow."""
