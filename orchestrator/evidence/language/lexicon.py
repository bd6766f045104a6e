"""Word lists of general English. None of them is tuned to a subject or to a corpus."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


STOP_WORDS = word_set(
    """
a about above across after again against all almost along already also although always am among an
and another any anybody anyone anything are aren't around as at away be became because become been
before behind being below between both but by came can can't cannot come comes could couldn't did
didn't do does doesn't doing don't done down due during each either else enough etc even ever
every everybody everyone everything few fewer for from further get gets getting give gives got had
hadn't has hasn't have haven't having he hence her here hers herself him himself his how however i
if in indeed instead into is isn't it it's its itself just last least less let like made make
makes many may maybe me might more most much must mustn't my myself near need neither never no
nobody none nor not nothing now of off often on once one only onto or other others otherwise ought
our ours out over own per perhaps please quite rather really same shall shan't she should
shouldn't since so some somebody someone something soon still such than that the their theirs them
themselves then there there's therefore these they this those though through throughout thus to
together too toward towards under unless until up upon us very via was wasn't we well were weren't
what whatever when whenever where whereas wherever whether which whichever while who whoever whole
whom whose why will with within without won't would wouldn't yes yet you your yours yourself
"""
)

NUMBER_VALUES = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "one": 1, "hundred": 100, "thousand": 1_000, "million": 1_000_000,
    "billion": 1_000_000_000, "trillion": 1_000_000_000_000, "dozen": 12,
}  # fmt: skip
SCALES = frozenset({"hundred", "thousand", "million", "billion", "trillion", "dozen"})
ORDINAL_VALUES = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "hundredth": 100,
}  # fmt: skip
NUMBER_WORDS = frozenset(NUMBER_VALUES) | frozenset(ORDINAL_VALUES) | {"twice", "half", "hundreds"}

IRREGULAR = {
    "children": "child", "people": "person", "men": "man", "women": "woman", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "paid": "pay", "held": "hold", "given": "give",
    "gave": "give", "taken": "take", "took": "take", "written": "write", "wrote": "write",
    "sent": "send", "kept": "keep", "bought": "buy", "built": "build", "began": "begin",
    "begun": "begin", "chosen": "choose", "chose": "choose", "spent": "spend", "met": "meet",
    "lost": "lose", "found": "find", "sold": "sell", "told": "tell", "said": "say", "ran": "run",
    "grew": "grow", "grown": "grow", "fell": "fall", "fallen": "fall", "rose": "rise",
    "risen": "rise", "won": "win", "led": "lead", "brought": "bring", "shown": "show",
    "taught": "teach", "worn": "wear", "drawn": "draw", "forgotten": "forget", "known": "know",
    "seen": "see", "eaten": "eat", "hidden": "hide", "stolen": "steal", "spoken": "speak",
    "driven": "drive", "broken": "break", "application": "apply", "applies": "apply",
    "applied": "apply", "application's": "apply", "applications": "apply", "payment": "pay",
    "payments": "pay", "arrival": "arrive", "approval": "approve", "approvals": "approve",
    "renewal": "renew", "removal": "remove", "refusal": "refuse", "entry": "enter",
    "entrance": "enter", "analyses": "analysis", "criteria": "criterion", "indices": "index",
    "lying": "lie", "dying": "die", "died": "die", "lies": "lie", "dies": "die", "ties": "tie",
    "wives": "wife", "lives": "life", "knives": "knife", "halves": "half", "leaves": "leave",
    "maintenance": "maintain", "explanation": "explain", "length": "long", "height": "high",
    "storage": "store", "permission": "permit", "permitted": "permit", "permits": "permit",
    "prohibition": "prohibit", "subscription": "subscribe", "description": "describe",
    "weight": "weigh", "division": "divide", "decision": "decide", "provision": "provide",
    "extension": "extend",
    "reception": "receive", "receipt": "receive", "death": "die", "birth": "born",
    "growth": "grow", "loss": "lose", "choice": "choose", "proof": "prove", "sale": "sell",
    "sales": "sell", "analyse": "analyze", "delivery": "deliver", "deliveries": "deliver",
    "notification": "notify", "notifications": "notify", "verification": "verify",
    "used": "use", "using": "use", "uses": "use", "pregnancy": "pregnant", "deletion": "delete",
}  # fmt: skip
KEPT_WHOLE = word_set(
    """
evening during morning building department apartment spring string king thing bring ring wing
ceiling hundred need seed feed speed breed news series species always perhaps gas bus yes bias
alias atlas christmas pass less need exceed proceed embed red bed sing moment mention
"""
)

_SYNONYMS = """
price cost fee charge tariff
child kid
holiday vacation
employee staff worker personnel workforce
begin start commence
finish end conclude
buy purchase
allow permit authorise authorize
prohibit forbid ban disallow
doctor physician
medicine drug medication
tablet pill
car vehicle automobile
picture photo photograph image
photography photograph photo
stipend allowance
salary wage pay
firm company employer
home house
abroad overseas foreign
abroad country
remote telework teleworking telecommute home wfh
shut close
big large
small little
receive get obtain
reimburse refund repay
require oblige compel
mandatory compulsory obligatory required
optional voluntary
teach instruct
director head
manager supervisor boss
delete remove erase
error fault failure
quick fast rapid
illness sickness sick ill disease
baby infant
senior elderly
student pupil
visitor guest
internet broadband
computer laptop pc
toilet restroom lavatory
lift elevator
mobile phone smartphone
email mail e-mail
password passphrase
backup back-up
folder directory
setting option configuration
rise increase grow climb
fall decrease decline drop shrink
reduce cut lower
raise increase lift
yearly annual annually
monthly month
weekly week
daily day
hourly hour
found establish
create make
help assist assistance support
show display
ask request
answer reply respond response
choose select pick
maximum max
minimum min
approximately about roughly
area region zone
law legislation statute
rule regulation
contract agreement
shop store
meal food
drink beverage
wheelchair accessible
bag backpack rucksack luggage
disk disc drive
default preset
average mean
restart reboot
crash hang
deadline due
notice notification notify
breastfeed lactate nurse
overdose overdosage
dose dosage
"""

_ANTONYMS = """
allow permit authorise / prohibit forbid ban disallow
accept approve grant / reject deny refuse decline
include / exclude omit
increase rise grow raise climb gain / decrease fall drop decline reduce shrink cut
minimum / maximum
enable activate / disable deactivate
mandatory compulsory obligatory required / optional voluntary
open / close shut
encourage recommend / discourage
possible / impossible
valid / invalid
legal lawful / illegal unlawful
safe / unsafe dangerous
before / after
early / later
above / below
always / never
more / fewer less
succeed success / fail failure
true / false
start begin / stop end finish
improve / worsen
accelerate / slow
"""

_EXCLUSIVE = """
monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december
spring summer autumn winter
north south east west
red green blue yellow black white orange purple brown grey pink
morning afternoon evening night noon midnight
first second third fourth fifth
daily weekly monthly quarterly yearly hourly
daily weekly monthly quarterly annual hourly
sick annual parental maternity paternity unpaid study bereavement
adult child student senior
breakfast lunch dinner
primary secondary tertiary
linux windows macos android ios
english french german spanish portuguese italian
employer employee
lender borrower
landlord tenant
buy sell
win lose
import export
upload download
lock unlock
connect disconnect
install uninstall
encrypt decrypt
inside outside
indoor outdoor
indoors outdoors
public private confidential
internal external
paid unpaid free
hot cold
warm cold
high low
long short
arrive depart
temporary permanent
fixed variable
automatic manual
automatically manually
front back
old new
male female
man woman
boy girl
mother father
full empty
full part
best worst
online offline
domestic international
single double
large small
big small
"""

LIGHT_WORDS = word_set(
    """
receive pay get give provide offer apply take make use have say state mention describe note
concern relate regard total amount number include contain cost set new current currently available
able granted entitled following according accord general per certain different various also main
"""
)
"""Words that seldom say which thing a sentence is about; they weigh a third."""


def _stems(line: str) -> list[str]:
    from orchestrator.evidence.language.words import stem  # words reads this module's lists

    return [stem(word) for word in line.split()]


@lru_cache(maxsize=1)
def synonyms() -> frozenset[tuple[str, str]]:
    """Pairs of stems that may stand for each other, both ways round."""
    pairs = {
        pair
        for line in _SYNONYMS.strip().splitlines()
        for pair in combinations(dict.fromkeys(_stems(line)), 2)
    }
    return frozenset(pairs | {(b, a) for a, b in pairs}) - exclusive()


@lru_cache(maxsize=1)
def antonyms() -> frozenset[tuple[str, str]]:
    """Pairs of stems that mean the opposite of each other, both ways round."""
    return _paired(_ANTONYMS)


@lru_cache(maxsize=1)
def exclusive() -> frozenset[tuple[str, str]]:
    """Pairs of stems that are alike in meaning and yet name different things."""
    pairs = {
        pair
        for line in _EXCLUSIVE.strip().splitlines()
        for pair in combinations(dict.fromkeys(_stems(line)), 2)
    }
    return frozenset(pairs | {(b, a) for a, b in pairs}) | antonyms()


_CONTRARY = """
good great excellent positive favourable / bad poor terrible awful negative unfavourable
big large huge great vast / small little tiny
high tall / low short
strong powerful / weak feeble
easy simple / difficult hard complex complicated
rich wealthy affluent / poor
common frequent usual / rare uncommon unusual
often frequently usually / rarely seldom
popular liked / unpopular disliked
friendly welcoming kind / unfriendly hostile rude
clean / dirty filthy
quick fast rapid / slow
quickly rapidly / slowly
cheap affordable inexpensive / expensive costly pricey
new modern recent / old ancient former
young / old elderly
early / late
first / last final
top upper / bottom lower
highest / lowest
largest biggest / smallest
most / least fewest
best / worst
longest / shortest
oldest / youngest newest
include / exclude
including / excluding
support favour endorse back / oppose reject
love like enjoy praise / hate dislike criticise criticize
agree / disagree
win victory / lose defeat
gain profit / loss
benefit advantage / harm drawback disadvantage
cause trigger / prevent stop
healthy well / sick ill unhealthy
alive living / dead
guilty / innocent
legal / illegal
natural / artificial synthetic
fresh / stale frozen
raw / cooked
dry / wet moist
hot warm / cold cool
light / heavy dark
deep / shallow
wide broad / narrow
thick / thin
hard solid / soft
full / empty
open / closed shut
active / inactive passive
present available / absent unavailable missing
able / unable
likely / unlikely
possible / impossible
permanent / temporary
public / private
local domestic / foreign international
urban city / rural countryside
inside indoor / outside outdoor
internal / external
direct / indirect
formal / informal casual
major / minor
senior / junior
primary main / secondary
north northern / south southern
east eastern / west western
left / right
male man men / female woman women
boy / girl
father / mother
son / daughter
brother / sister
husband / wife
king / queen
day daytime / night nighttime
morning / evening
summer / winter
arrive / depart leave
buy / sell
borrow / lend
import / export
remember / forget
expand widen extend / contract narrow shrink
strengthen / weaken
majority / minority
correct right accurate / wrong incorrect inaccurate
quiet calm / noisy loud
bright / dark dim
limited / unlimited
limited / extensive
optional / mandatory
satisfied happy pleased / dissatisfied unhappy disappointed
generous / mean stingy
famous / unknown obscure
visible / invisible hidden
above / below
over / under
rise / fall
up / down
"""
"""Words that say contrary things in most contexts; too loose to contradict by themselves."""


@lru_cache(maxsize=1)
def contraries() -> frozenset[tuple[str, str]]:
    """Pairs of stems of which mostly only one holds, both ways round."""
    return _paired(_CONTRARY)


def _paired(text: str) -> frozenset[tuple[str, str]]:
    """Pairs over the slash of each line, both ways round."""
    pairs = set()
    for line in text.strip().splitlines():
        left, right = line.split("/")
        pairs |= {(a, b) for a in _stems(left) for b in _stems(right) if a != b}
    return frozenset(pairs | {(b, a) for a, b in pairs})


GENERAL_NOUNS = word_set(
    "employee staff worker user customer person company organisation organization firm individual"
)
"""Whoever a text speaks to or about in general; they weigh half."""


@lru_cache(maxsize=1)
def general_stems() -> frozenset[str]:
    """The stems of `GENERAL_NOUNS`."""
    return frozenset(_stems(" ".join(GENERAL_NOUNS)))


@lru_cache(maxsize=1)
def light_stems() -> frozenset[str]:
    """The stems of `LIGHT_WORDS`."""
    return frozenset(_stems(" ".join(LIGHT_WORDS)))


_NEGATIVE_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")


def negative_prefix(left: str, right: str) -> bool:
    """Whether one stem is the other with a negative prefix (`registered`, `unregistered`)."""
    if left[-4:] != right[-4:]:
        return False
    short, long = sorted((left, right), key=len)
    return len(short) >= 4 and any(long == prefix + short for prefix in _NEGATIVE_PREFIXES)


@lru_cache(maxsize=8192)
def prefixed(stem: str) -> tuple[str, ...]:
    """The stems that `negative_prefix` knows as the negative of this one, or its positive."""
    found = [prefix + stem for prefix in _NEGATIVE_PREFIXES] if len(stem) >= 4 else []
    if stem.startswith(_NEGATIVE_PREFIXES):
        rests = (stem.removeprefix(prefix) for prefix in _NEGATIVE_PREFIXES)
        found += [rest for rest in rests if 4 <= len(rest) < len(stem)]
    return tuple(found)
