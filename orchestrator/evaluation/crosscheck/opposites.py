"""Word lists for mutations: opposites, units, verbs. Not those that the checks read by."""

from __future__ import annotations

from orchestrator.evidence.language.lexicon import word_set

_PAIRS = """
 increase/decrease increases/decreases increased/decreased increasing/decreasing rise/fall
rises/falls rose/fell higher/lower high/low highest/lowest more/fewer larger/smaller large/small
largest/smallest best/worst better/worse good/bad positive/negative positively/negatively
before/after first/last early/late earlier/later earliest/latest old/new older/newer
oldest/youngest always/never often/rarely frequently/rarely usually/rarely common/rare
possible/impossible able/unable likely/unlikely legal/illegal safe/dangerous effective/ineffective
easy/difficult easier/harder easily/hardly simple/complex strong/weak stronger/weaker
strength/weakness success/failure successful/unsuccessful succeeded/failed won/lost win/lose
wins/loses accepted/rejected accept/reject approved/rejected approve/reject allows/forbids
allow/forbid allowed/forbidden permitted/prohibited supports/opposes supported/opposed
support/oppose agreed/refused agree/disagree began/ended begin/end begins/ends start/finish
started/finished opened/closed open/closed opens/closes top/bottom upper/lower above/below
inside/outside indoor/outdoor internal/external public/private local/foreign domestic/foreign
urban/rural male/female men/women man/woman boys/girls father/mother husband/wife son/daughter
brother/sister king/queen north/south northern/southern east/west eastern/western hot/cold
warm/cool wet/dry heavy/light hard/soft fast/slow faster/slower quickly/slowly long/short
longer/shorter deep/shallow wide/narrow thick/thin rich/poor cheap/expensive inexpensive/expensive
full/empty active/inactive alive/dead healthy/sick benefit/harm beneficial/harmful benefits/harms
advantage/disadvantage advantages/disadvantages improve/worsen improves/worsens improved/worsened
gain/loss profit/loss gained/lost maximum/minimum most/least majority/minority includes/excludes
include/exclude including/excluding temporary/permanent voluntary/compulsory optional/mandatory
guilty/innocent true/false correct/wrong correctly/wrongly accurate/inaccurate popular/unpopular
friendly/hostile clean/dirty quiet/noisy bright/dark modern/ancient natural/artificial raw/cooked
fresh/stale sweet/bitter day/night morning/evening summer/winter buy/sell bought/sold
import/export arrive/depart arrived/departed remember/forget love/hate encourage/discourage
encouraged/discouraged prevent/cause prevents/causes reduce/increase reduces/increases
reduced/increased limited/unlimited direct/indirect directly/indirectly formal/informal
senior/junior major/minor primary/secondary absent/present
"""
OPPOSITES: tuple[tuple[str, str], ...] = tuple(
    (left, right) for left, _, right in (pair.partition("/") for pair in _PAIRS.split())
)

UNITS: tuple[tuple[str, str], ...] = (
    ("years", "months"), ("months", "weeks"), ("weeks", "days"), ("days", "weeks"),
    ("hours", "minutes"), ("minutes", "hours"), ("seconds", "minutes"), ("year", "month"),
    ("month", "week"), ("week", "month"), ("day", "week"), ("hour", "day"), ("minute", "hour"),
    ("kilometers", "miles"), ("kilometres", "miles"), ("km", "miles"), ("miles", "kilometers"),
    ("meters", "feet"), ("metres", "feet"), ("feet", "meters"), ("inches", "feet"), ("cm", "mm"),
    ("kg", "grams"), ("pounds", "tons"), ("grams", "kilograms"), ("mg", "g"), ("ml", "liters"),
    ("million", "billion"), ("billion", "million"), ("thousand", "million"),
    ("percent", "per thousand"), ("dollars", "euros"), ("euros", "dollars"), ("$", "€"),
    ("€", "$"), ("£", "$"), ("°F", "°C"), ("°C", "°F"), ("GB", "MB"), ("MB", "GB"),
    ("calories", "kilojoules"), ("acres", "hectares"), ("hectares", "acres"),
)  # fmt: skip

AUXILIARIES = word_set(
    """
is are was were can could will would should may might must has have had does do did
"""
)

TRANSITIVE = word_set(
    """
accepted adopted affects affected approved attacked beat bought brought built caused causes
chased contains controlled controls covers created creates criticized defeated defeats designed
developed discovered employs establishes exceeds feeds followed follows founded funded funds
governs helped helps hired influenced influences includes invented involves joined killed leads
led manages murdered needs outnumbers owned owns paid precedes prevents produced produces
promotes protects provides published pulls pushes recommended reduces regulates rejected
replaced replaces represents requires rescued sued supervises supplied supplies supported
supports surrounds taught teaches told treats triggers uses visited wants warned won wrote
"""
)
"""Verb forms with a subject and an object that do not mean the same with the two exchanged."""
