"""Words of general English that may stand for each other in a request, and what is said in passing.

None of them is tuned to a subject. A group holds what may be exchanged in nearly every request; a
word may stand in several groups, and groups do not chain.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from orchestrator.evidence.language.lexicon import exclusive, synonyms, word_set
from orchestrator.evidence.language.words import stem

_GROUPS = """
delete remove erase
change update modify edit alter
cancel terminate end
end finish stop
begin start commence
buy purchase
book reserve
book reservation
get receive obtain
create make
choose select pick
answer reply respond
explain describe
show display
fix repair
help assist
happen occur
try attempt
use utilise
send mail
call phone telephone
enable activate
disable deactivate
setup configure
depart leave
deliver ship
ship send
keep store retain
build construct
founded establish
undo revert
gather collect
contain include
decline reject refuse
accept approve
inform notify
search look
merge combine
split divide
calculate compute
employee staff worker
firm company business
parcel package
child kid
bike bicycle
car automobile
picture photo image
movie film
flight plane
doctor physician
lawyer attorney
film movie
website site
app application
mail email
phone telephone mobile
vacation holiday
money cash
author writer
advantage benefit
disadvantage drawback
reason cause
kind type
information info
configuration config
database db
repository repo
directory folder
dictionary dict
memory ram
maximum max
minimum min
limit cap
error fault
mistake error
illness disease
colour color
dollar usd
euro eur
pound gbp
kilometre kilometer km
metre meter
litre liter
centre center
cheap inexpensive
expensive costly
fast quick rapid
big large
small little
high tall
highest tallest
latest newest recent
mandatory compulsory obligatory
free gratis
often frequently
correct right
wrong incorrect
difficult hard
easy simple
whole entire
current present
pregnancy pregnant
safe safely
simple simply
able possible
term word
person people human
bring take carry
serve offer
look seem
area surface
serviette napkin
flat apartment
lift elevator
petrol gasoline
autumn fall
rubbish garbage trash
queue line
cv resume
mum mother
dad father
tv television
exam test
"""

PHRASES: tuple[tuple[str, str], ...] = (
    (r"set(?:ting)? up", "setup"),
    (r"sign(?:ing)? up(?: for)?", "register"),
    (r"(?:log|sign)(?:ging|ing)? (?:in|on)(?:to)?", "login"),
    (r"(?:log|sign)(?:ging|ing)? (?:out|off)(?: of)?", "logout"),
    (r"(?:turn|switch)(?:ing)? on", "enable"),
    (r"(?:turn|switch)(?:ing)? off", "disable"),
    (r"get(?:ting)? rid of", "remove"),
    (r"find(?:ing)? out", "learn"),
    (r"hand(?:ing)? in", "provide"),
    (r"carry over", "carry"),
    (r"carry (.{1,40}?) over", r"carry \1"),
    (r"regular expressions?", "regex"),
    (r"free of charge|for free|at no cost", "free"),
    (r"(?:get|have) (?:my|our|the|your) money back", "get a refund"),
    (r"most recent", "latest"),
    (r"less expensive", "cheaper"),
    (r"sufficient", "enough"),
    (r"nearby|close to me|around here", "near me"),
    (r"prior to", "before"),
    (r"(?:am|is|are) going to(?= [a-z])", "will"),
    (r"going to be", "be"),
    (r"till|up until", "until"),
    (r"whenever|every time|each time", "when"),
    (r"while", "during"),
    (r"apart from|other than|with the exception of|excluding", "except"),
    (r"united states(?: of america)?|u\.s\.a?\.?", "usa"),
    (r"united kingdom|u\.k\.", "uk"),
    (r"european union", "eu"),
    (r"us dollars?", "dollars"),
    (r"per ?cent", "percent"),
    (r"e-mail", "email"),
    (r"free of(?= \w)", "without"),
    (r"is unable to|am unable to|are unable to", "can not"),
    (r"no longer", "not anymore"),
    (r"hold(?:ing)? off", "postpone"),
)
"""What a few words together mean; the first that fits."""

SAID_IN_PASSING = word_set(
    """
please kindly exactly actually really just simply currently still also maybe perhaps possibly
question answer thing something somebody someone way
"""
)
"""Content words that change nothing where they are added or left out."""

LIGHT = word_set(
    """
get take give make put need want like provide apply possible able allowed available given certain
various own mine yours
"""
)
"""Words that say little: one more of them in one of two texts changes nothing."""

_SPELLING = (
    (re.compile(r"(?<=\w{3})i[sz](e|es|ed|ing|ation|er)\b"), r"is\1"),
    (re.compile(r"(?<=\w{3})(?<!h)our(s|ed|ing)?\b"), r"or\1"),
    (re.compile(r"(?<=\w{2})yz(e|es|ed|ing)\b"), r"ys\1"),
)


def one_spelling(text: str) -> str:
    """British and American spellings as one, in lower case."""
    for pattern, written in _SPELLING:
        text = pattern.sub(written, text)
    return text


@lru_cache(maxsize=1)
def _shared() -> dict[str, frozenset[str]]:
    """The stems that each stem may be exchanged with."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in _GROUPS.strip().splitlines():
        stems = {stem(one_spelling(word)) for word in line.split()}
        for one in stems:
            found[one] |= stems - {one}
    for left, right in synonyms():
        found[left].add(right)
    return {one: frozenset(others) for one, others in found.items()}


@lru_cache(maxsize=1)
def _apart() -> frozenset[tuple[str, str]]:
    return exclusive()


def exchangeable(left: str, right: str) -> bool:
    """Whether one stem may stand for the other in a request."""
    return right in _shared().get(left, ()) and (left, right) not in _apart()
