"""Words that speak for a category, and words of those who prevent, treat, tell or study it.

Of a sentence they are features beside its vector: no word alone decides, for each of them stands in
reports, in laws and in the words of those who help.
"""

from __future__ import annotations

import re
from functools import cache

CATEGORIES = (
    "violence",
    "self-harm",
    "sexual",
    "sexual-minors",
    "hate",
    "weapons",
    "crime",
    "malware",
)
"""What the filter tells apart; how severe each is: `SEVERITY`."""
SEVERITY = {
    "violence": 2,
    "self-harm": 3,
    "sexual": 1,
    "sexual-minors": 3,
    "hate": 2,
    "weapons": 3,
    "crime": 1,
    "malware": 2,
}
"""From 1, not for every house, to 3, in none: life, and children."""
_MINOR = (
    r"child(?:ren)?|kids?|minors?|under-?age|pre-?teens?|teen(?:ager)?s?|school(?:girl|boy)s?"
    r"|(?:little|young) (?:girl|boy)s?|(?:ten|eleven|twelve|thirteen|fourteen|fifteen)"
    r"(?:-year-olds?)?"
)
_SEX = (
    r"sex(?:ual(?:ly)?)?|porn\w*|erotic\w*|nudes?|naked|arous\w+|seduc\w+|explicit|undress\w*"
    r"|touch one|groom"
)
_WORDS = {
    "violence": r"kill|murder|stab|strangle|torture|behead\w*|beat(?:en)? .{0,20}(?:up|to death)"
    r"|poison|hurt (?:him|her|them|my|some)|massacre|victims as possible|shoot(?:er|ing)? .{0,12}"
    r"(?:people|school|crowd)|blood\w*",
    "self-harm": r"suicide|kill (?:my|your)self|end my life|hang myself|overdose|cut(?:ting)? my"
    r"|want to die|to be dead|to die\b|starve myself|not want to live",
    "sexual": r"porn\w*|erotic\w*|nudes?|naked|orgasm|sex scene|dirty|explicit|obscene"
    r"|kinky|genitals|orgy|arous\w+",
    "sexual-minors": rf"(?:{_MINOR})\b.{{0,80}}?\b(?:{_SEX})|(?:{_SEX})\b.{{0,80}}?\b(?:{_MINOR})",
    "hate": r"inferior|vermin|subhuman|filth\w*|slurs?|parasites?|white supremacy"
    r"|(?:all|those|these) (?:immigrants|jews|muslims|foreigners)|by blood"
    r"|driven out|exterminate",
    "weapons": r"bombs?|explosives?|nerve gas|ricin|detonator|grenades?|gun"
    r"|silencer|molotov|landmine|uranium|pistol|rifle|weapon",
    "crime": r"launder|phishing|forge|counterfeit|cocaine|meth\w*|steal|stolen"
    r"|blackmail|bribe|burgl\w+|smuggle|rob(?:bery)?|fake",
    "malware": r"ransomware|keylogger|trojan|botnet|hack|exploit|backdoor|malware|spyware|worm"
    r"|virus"
    r"|ddos|steals? .{0,12}(?:passwords|cookies)|take over",
}
_HELP = (
    r"prevent\w*|protect\w*|treat(?:ed|ment|s)?|therap\w+|support(?:s|ed)?|help ?line|law|legal"
    r"|policy"
    r"|polic(?:e|ies)|report(?:s|ed)?|court|statistics|histor\w+|museum|seminar|curriculum|class\b"
    r"|detect|recogni[sz]e|avoid|victims? of|first aid|remove|recover|explain what|warning signs"
    r"|audit\w*|compliance|rules?|rights|against|safely?|permit|penalty|doctors?|hospitals?"
)
_ASKS = r"how (?:do|can|could) i|tell me|give me|teach me|show me|write|help me|make|i want|let us"


FEATURES = (*CATEGORIES, "helps", "asks", "helps and asks")
"""What `marks` tells of a text, in this order, each 0 or 1."""


def marks(text: str) -> tuple[float, ...]:
    """Which of `FEATURES` the words of a sentence have."""
    lower = text.lower()
    said = [bool(_form(_WORDS[name]).search(lower)) for name in CATEGORIES]
    helps, asks = bool(_form(_HELP).search(lower)), bool(_form(_ASKS).search(lower))
    return tuple(map(float, (*said, helps, asks and any(said), helps and any(said))))


@cache
def _form(written: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{written})\b")
