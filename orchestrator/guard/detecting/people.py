"""What is written about people in words: postal addresses, dates of birth, names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.guard.detecting.context import Surroundings
from orchestrator.guard.values import Finding

# ── postal addresses ─────────────────────────────────────────────────────────────────────

_N = r"\d{1,5}(?:[-/]\d{1,4})?[ ]?[A-Za-z]?(?![\w])"
_CITY = r"[A-ZÀ-ÝŁŚŻ][\w'’.-]+(?:[ -][A-ZÀ-Ý][\w'’.-]+){0,3}"
_GAP = r"(?:,?[ ]|,?\\?\n|,?\\n|[ ]?[-–][ ])"
_CODE = (
    rf"(?:{_GAP}{_CITY})?{_GAP}[A-Z]{{2}}[ ]\d{{5}}(?:-\d{{4}})?"  # City, ST 12345
    rf"|(?:{_GAP}{_CITY})?{_GAP}[A-Z]{{1,2}}\d[A-Z\d]?[ ]\d[A-Z]{{2}}"  # City AB1 2CD
    rf"|{_GAP}(?:[A-Z]{{1,2}}-)?\d{{2}}-?\d{{3}}[ ]{_CITY}"  # 12345 City, 00-123 City
    rf"|{_GAP}\d{{3}}[ ]\d{{2}}[ ]{_CITY}"  # 123 45 City
    rf"|{_GAP}\d{{4}}(?:[ ]?[A-Z]{{2}})?[ ]{_CITY}"  # 1234 City, 1234 AB City
)
_STREETS = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Sq|Terrace"
    r"|Close|Crescent|Highway|Hwy|Parkway|Pkwy|Way|Place|Pl|Row|Hill|Gardens|Grove|Mews)\b\.?"
)
_ENDINGS = (
    r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|steig|straat|laan|plein|gracht|kade"
    r"|dijk|singel|gatan|vägen|vej|gade|veien|gata)"
)
_ADDRESS = re.compile(
    rf"(?<![\w/.-])(?:"
    rf"\d{{1,5}}[A-Za-z]?,?[ ](?:[A-Z][\w'’.-]*[ ]){{1,4}}{_STREETS}"
    rf"(?:,?[ ](?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.?[ ]?\w{{1,5}})?"
    rf"|(?:[A-ZÄÖÜ][\wäöüß.-]*[ -])?[A-ZÄÖÜ][a-zäöüßåøé-]*{_ENDINGS}[ ]{_N}"
    rf"|(?:Am|An der|Im|Zum|Zur|Unter den)[ ][A-ZÄÖÜ][a-zäöüß]+[ ]{_N}(?=,?[\s]+\d{{5}}[ ][A-Z])"
    rf"|\d{{1,4}}(?:[ ](?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|allée|impasse|quai"
    rf"|cours|route|passage|square)[ ](?:(?:de[ ]la|de|du|des|la|le|les)[ ]|(?:de[ ])?l['’]|d['’])?"
    rf"[A-ZÀ-Ý][\w'’-]+(?:[ -](?:de|du|la|des|[A-ZÀ-Ý][\w'’-]+)){{0,4}}"
    rf"|(?:[Cc]alle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Rua|Praça|Travessa|Via|Viale|Piazza"
    rf"|Corso|Largo|ul\.|al\.|ulica)[ ][A-ZÀ-ÝŁŚŻ][\w'’.-]+"
    rf"(?:[ ](?:(?:de|di|da|do|del|della|dei|la|las|los|dos|y|e)[ ])*[\w'’.-]+){{0,4}}?"
    rf",?[ ](?:n[ºo°.][ ]?)?{_N}"
    rf")(?P<code>{_CODE})?"
)
_STREET_WORDS = frozenset(
    [
        "street",
        "st",
        "road",
        "rd",
        "avenue",
        "ave",
        "lane",
        "ln",
        "drive",
        "dr",
        "boulevard",
        "blvd",
        "court",
        "ct",
        "square",
        "sq",
        "terrace",
        "close",
        "crescent",
        "highway",
        "hwy",
        "parkway",
        "pkwy",
        "way",
        "place",
        "pl",
        "row",
        "hill",
        "gardens",
        "grove",
        "mews",
        "rue",
        "chemin",
        "allée",
        "impasse",
        "quai",
        "cours",
        "route",
        "passage",
        "calle",
        "c/",
        "avenida",
        "avda",
        "av",
        "plaza",
        "paseo",
        "rua",
        "praça",
        "travessa",
        "via",
        "viale",
        "piazza",
        "corso",
        "largo",
        "ul",
        "al",
        "ulica",
        "am",
        "der",
        "im",
        "zum",
        "zur",
        "den",
    ]
)
_STREET_ENDINGS = (
    "straße", "strasse", "str.", "weg ", "platz ", "allee ", "gasse ", "ring ", "damm ", "ufer ",
    "steig ", "straat ", "laan ", "plein ", "gracht ", "kade ", "dijk ", "singel ", "gatan ",
    "vägen ", "vej ", "gade ", "veien ", "gata ",
)  # fmt: skip
_TO_SPACES = str.maketrans(',.\n"', "    ")
_HOUSE = re.compile(r"\d(?<!\d\d)(?<!\d\.\d)")
_ABOUT = 44
_LOOKS = 40


def may_hold_address(about: Surroundings) -> bool:
    """Whether a word for a street stands near a number."""
    low = about.low
    words = low.translate(_TO_SPACES)
    if not any(e in low for e in _STREET_ENDINGS) and _STREET_WORDS.isdisjoint(words.split()):
        return False
    for seen, match in enumerate(_HOUSE.finditer(low)):
        start, end = max(match.start() - _ABOUT, 0), match.end() + _ABOUT
        near = words[start:end].split()
        if seen > _LOOKS or not _STREET_WORDS.isdisjoint(near):
            return True
        if any(ending in low[start:end] for ending in _STREET_ENDINGS):
            return True
    return False


def addresses(about: Surroundings, text: str) -> Iterator[Finding]:
    """Street and number, and with them the postal code and the town where they follow.

    Without these it is as often the place of an office as somebody's home.
    """
    if may_hold_address(about):
        for match in _ADDRESS.finditer(text):
            yield Finding(match.start(), match.end(), "address", 0.9 if match["code"] else 0.4)


# ── dates of birth ───────────────────────────────────────────────────────────────────────

_BORN = (
    "birth", "born", "dob", "d.o.b", "bday", "geboren", "geb.", "geburt", "né le", "née le",
    "né(e)", "naissance", "nacid", "nacimiento", "nato il", "nata il", "nascita", "nascido",
    "nascida", "nascimento", "geboorte", "urodz", "född", "født",
)  # fmt: skip
_SAYS_BORN = re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, _BORN))})")
_MONTH = (
    r"(?:jan|feb|fév|mar|mär|mrz|apr|avr|abr|may|mai|mei|maj|mayo|mag|jun|juin|giu|jul|juil|lug|aug"
    r"|aoû|ago|sep|set|oct|okt|ott|out|nov|dec|dez|déc|dic)[a-zéûç]*\.?"
)
_DAY = re.compile(
    r"(?<![\d./-])(?:(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}"
    r"|\d{1,2}[./ -]{1,2}\d{1,2}[./ -]{1,2}(?:19|20)?\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|º)?\.?[ ](?:of[ ]|de[ ])?"
    rf"{_MONTH}[ ,]{{1,2}}(?:de[ ]|del[ ])?(?:19|20)\d\d"
    rf"|{_MONTH}[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ](?:19|20)\d\d)(?![\d])"
)
_BORN_BEFORE = 40


def birth_dates(about: Surroundings) -> Iterator[Finding]:
    """Dates that are said to be of a birth."""
    low = about.low
    if _SAYS_BORN.search(low) is None:
        return
    for match in _DAY.finditer(low):
        start = match.start()
        near = f"{about.column(start)}\n{low[max(start - _BORN_BEFORE, 0) : start]}"
        if _SAYS_BORN.search(near):
            yield Finding(start, match.end(), "birth-date", 0.85)


# ── names ────────────────────────────────────────────────────────────────────────────────

_NAME = (
    r"[A-ZÀ-ÝŁŚŻ][a-zà-ÿłśż'’-]+"
    r"(?:[ ](?:(?:van|von|de|der|den|di|da|del|la)[ ])*[A-ZÀ-ÝŁŚŻ][\w'’-]+){0,2}"
)
_TITLE = (
    r"(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Frau|Herrn?|M|Mme|Mlle|Monsieur|Madame|Sr|Sra|Don|Doña"
    r"|Sig|Signor|Signora|Dott|Heer|Mevrouw|Dhr|Mevr|Pan|Pani|Panie)\.?[ ]){1,2}"
)
_CALLED = re.compile(
    rf"(?:Dear|Hi|Hello|Hey|Sehr geehrter?|Liebe[rs]?|Hallo|Guten Tag|Chère?|Bonjour|Estimad[oa]"
    rf"|Hola|Querid[oa]|Gentile|Caro|Cara|Buongiorno|Geachte|Beste|Szanown[aey]|Drog[ia])[ ]"
    rf"{_TITLE}?(?P<to>{_NAME})(?=[,!:\n]|[ ]?\n)"
    rf"|(?:[Rr]egards|[Ss]incerely|[Tt]hanks|[Cc]heers|[Bb]est|Grüßen|Gruß|[Cc]ordialement"
    rf"|[Ss]aludos|[Ss]aluti|[Gg]roeten|[Gg]roet|[Pp]ozdrawiam)"
    rf"[,.!]?[ ]*\n+[ ]*(?P<by>{_NAME})(?=[ ]*(?:\n|\Z|,))"
    rf"|(?:[Mm]y name is|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]e llamo"
    rf"|[Mm]i chiamo|[Ii]k heet)[ ](?P<own>{_NAME})"
    rf"|(?<![\w]){_TITLE}(?P<with>{_NAME})"
)
NAMES = 0.45
"""No name is surer than this: a word that begins with a capital may be anything."""


def names(text: str) -> Iterator[Finding]:
    """Names where people are greeted, sign, say who they are, or are called by a title."""
    for match in _CALLED.finditer(text):
        group = str(match.lastgroup)
        sure = 0.4 if group == "with" else NAMES
        yield Finding(match.start(group), match.end(group), "name", sure)
