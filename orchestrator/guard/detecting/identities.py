"""Numbers that states give to people: their form, their checksum, and what they are called.

The checks are those of python-stdnum. What is as sure as one in ten of random numbers counts only
where the number is called by its name.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from orchestrator.guard.detecting.context import Surroundings
from orchestrator.guard.values import Finding

_CALLED = re.compile(
    r"\b(?:national[ _-]?(?:id|identity|identification|number|insurance)"
    r"|identity[ _-]?(?:number|card)"
    r"|id[ _-](?:number|card|no)|personal[ _-]?(?:number|id|code)|citizen[ _-]?(?:id|number)"
    r"|tax[ _-]?(?:id|number|identification)|social[ _-]?security|government[ _-]?id"
    r"|ausweis\w*|personen\w*nummer|num[eé]ro d'identit[eé])\b"
)
_SURE, _SOMEWHERE, _IN_GENERAL = 0.97, 0.7, 0.8


@dataclass(frozen=True)
class Identity:
    """The number of one state."""

    country: str
    module: str
    """Of python-stdnum; empty: there is no checksum, its form is all."""
    shaped: float
    """How sure it is with the signs that it is written with."""
    bare: float
    """How sure it is as digits alone, where nothing says what it is."""
    words: str
    """What it is called, as a pattern."""

    @cached_property
    def called(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![a-z0-9])(?:{self.words})(?![a-z0-9])")


def _rows(*rows: tuple[str, str, float, float, str]) -> dict[str, Identity]:
    return {row[1] or row[0]: Identity(*row) for row in rows}


_IDENTITIES = _rows(
    ("US", "us.ssn", 0.75, 0.1, r"ssn|social[ _-]security(?:[ _-](?:number|no))?"),
    ("GB", "gb.nhs", 0.2, 0.1, r"nhs(?:[ _-]?(?:number|no))?"),
    ("GB-NINO", "", 0.85, 0.6, r"nino|ni[ _-]?(?:number|no)|national[ _-]insurance"),
    ("ES", "es.dni", 0.85, 0.75, r"dni|nif|documento"),
    ("ES", "es.nie", 0.9, 0.85, r"nie|extranjero"),
    ("IT", "it.codicefiscale", 0.97, 0.97, r"codice[ _]fiscale|c\.?f\."),
    ("NL", "nl.bsn", 0.25, 0.2, r"bsn|burgerservice\w*|sofi\w*"),
    ("BE", "be.nn", 0.95, 0.7, r"rijksregister\w*|registre national|insz|niss|nn|national number"),
    ("PL", "pl.pesel", 0.6, 0.6, r"pesel"),
    ("SE", "se.personnummer", 0.85, 0.4, r"person(?:nummer|nr)|pnr"),
    ("DE", "de.idnr", 0.85, 0.45, r"steuer\w*|steuer-?id\w*|idnr|id-?nr\.?|tin"),
    ("FR", "fr.nir", 0.97, 0.95, r"nir|s[eé]cu\w*|s[eé]curit[eé] sociale|n[º°] ss|insee"),
    ("BR", "br.cpf", 0.97, 0.6, r"cpf"),
    ("IN", "in_.aadhaar", 0.65, 0.3, r"aadh?aar|aadhar|uidai"),
    ("CH", "ch.ssn", 0.97, 0.6, r"ahv\w*|avs|oasi|sozialversicherung\w*"),
    ("NO", "no.fodselsnummer", 0.85, 0.85, r"f[øo]dselsnummer|personnummer"),
    ("FI", "fi.hetu", 0.95, 0.95, r"hetu|henkil[öo]tunnus"),
    ("DK", "dk.cpr", 0.6, 0.15, r"cpr(?:-?nummer|-?nr)?"),
    ("CZ", "cz.rc", 0.8, 0.2, r"rodn[eé] [cč][ií]slo|r\.?[cč]\."),
    ("RO", "ro.cnp", 0.85, 0.85, r"cnp"),
    ("HR", "hr.oib", 0.15, 0.15, r"oib"),
    ("TR", "tr.tckimlik", 0.5, 0.5, r"t\.?c\.? ?kimlik\w*|tckn|kimlik"),
    ("EE", "ee.ik", 0.45, 0.45, r"isikukood"),
    ("LT", "lt.asmens", 0.45, 0.45, r"asmens kodas"),
    ("GR", "gr.amka", 0.45, 0.45, r"amka|αμκα"),
    ("PT", "pt.nif", 0.2, 0.15, r"nif|contribuinte"),
    ("CA", "ca.sin", 0.55, 0.1, r"sin|social insurance"),
    ("AU", "au.tfn", 0.25, 0.1, r"tfn|tax file"),
    ("IE", "ie.pps", 0.75, 0.75, r"pps[n]?"),
    ("ZA", "za.idnr", 0.7, 0.7, r"said|sa id"),
    ("KR", "kr.rrn", 0.8, 0.4, r"rrn|resident registration"),
    ("MX", "mx.curp", 0.97, 0.97, r"curp"),
    ("CL", "cl.rut", 0.9, 0.5, r"rut|run"),
    ("CN", "cn.ric", 0.95, 0.95, r"ric|resident identity|身份证\w*"),
    ("AT", "at.vnr", 0.3, 0.1, r"svnr|sv-nummer|versicherungsnummer|sozialversicherung\w*"),
)

# Each way of writing, and whose numbers are written so; the first that fits a place is asked.
_FORMS: tuple[tuple[str, bool, str], ...] = (
    (
        r"[A-Za-z]{6}[\dA-Za-z]{2}[A-Za-z][\dA-Za-z]{2}[A-Za-z][\dA-Za-z]{3}[A-Za-z]",
        True,
        "it.codicefiscale",
    ),
    (r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", True, "mx.curp"),
    (r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3}[ -]?\d\d", True, "fr.nir"),
    (r"\d{17}[\dXx]", True, "cn.ric"),
    (r"756\.\d{4}\.\d{4}\.\d\d", True, "ch.ssn"),
    (r"\d{6}-\d{7}", True, "kr.rrn"),
    (r"\d{6} \d{4} \d{3}", True, "za.idnr"),
    (r"\d{13}", False, "ch.ssn ro.cnp za.idnr kr.rrn"),
    (r"\d{8}[-+]\d{4}", True, "se.personnummer"),
    (r"\d{4}[ -]\d{4}[ -]\d{4}", True, "in_.aadhaar"),
    (r"\d{12}", False, "in_.aadhaar se.personnummer"),
    (r"\d\d\.\d\d\.\d\d[ -]\d{3}[.-]\d\d", True, "be.nn"),
    (r"\d{6}[ -]\d{3}[ -]\d\d", True, "be.nn"),
    (r"\d{3}\.\d{3}\.\d{3}-\d\d", True, "br.cpf"),
    (r"\d\d \d{3} \d{3} \d{3}", True, "de.idnr"),
    (r"\d{6} \d{5}", True, "no.fodselsnummer"),
    (
        r"\d{11}",
        False,
        "be.nn no.fodselsnummer br.cpf pl.pesel de.idnr tr.tckimlik ee.ik lt.asmens gr.amka hr.oib",
    ),
    (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", True, "fi.hetu se.personnummer dk.cpr"),
    (r"\d{6}/\d{3,4}", True, "cz.rc"),
    (r"\d{3}[ -]\d{3}[ -]\d{4}", True, "gb.nhs"),
    (r"\d{4} \d{6}", True, "at.vnr"),
    (r"\d{10}", False, "gb.nhs se.personnummer dk.cpr cz.rc at.vnr"),
    (r"\d{3}-\d\d-\d{4}", True, "us.ssn"),
    (r"\d{3} \d\d \d{4}", False, "us.ssn"),
    (r"\d{3}[ -]\d{3}[ -]\d{3}", True, "ca.sin au.tfn pt.nif"),
    (r"\d{4}[. ]\d\d[. ]\d{3}", True, "nl.bsn"),
    (r"\d{9}", False, "nl.bsn us.ssn pt.nif ca.sin au.tfn"),
    (r"\d\d\.\d{3}\.\d{3}-[A-Za-z]", True, "es.dni"),
    (r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", True, "cl.rut"),
    (r"\d{8}-[A-Za-z]", True, "es.dni"),
    (r"\d{8}[A-Za-z]", False, "es.dni"),
    (r"[XYZxyz]-?\d{7}-?[A-Za-z]", True, "es.nie"),
    (r"\d{7}[A-Wa-w][A-IWa-iw]?", False, "ie.pps"),
    (r"[A-Za-z]{2} \d\d \d\d \d\d [A-Da-d]", True, "GB-NINO"),
    (r"[A-Za-z]{2}\d{6}[A-Da-d]", False, "GB-NINO"),
)  # fmt: skip
_END = r"(?![A-Za-z0-9_])(?![./-]\d)"
_NINO = re.compile(
    # https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
    r"(?!BG|GB|NK|KN|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]\Z"
)


_RUN = re.compile(r"\d+")
_BEFORE = re.compile(r"(?:[A-Za-z]{1,6}|(?<![A-Za-z0-9])[A-Za-z]{1,2}[ -])\Z")
"""Letters that a number begins with."""
_LEFT = r"(?:(?<![A-Za-z0-9_+])|(?<=\\[nrt]))(?<!\d[./-])"


@functools.cache
def _candidates() -> re.Pattern[str]:
    ways = (f"(?P<f{n}>{form}){_END}" for n, (form, _, _) in enumerate(_FORMS))
    return re.compile(f"{_LEFT}(?:{'|'.join(ways)})")


def _places(text: str) -> Iterator[re.Match[str]]:
    """Where something stands that has the form of one, each place once."""
    form, end = _candidates(), 0
    for run in _RUN.finditer(text):
        start = run.start()
        if start < end:
            continue
        letters = _BEFORE.search(text, max(start - 6, end), start)
        match = (letters and form.match(text, letters.start())) or form.match(text, start)
        if match is not None:
            end = match.end()
            yield match


@functools.cache
def _valid(module: str) -> Callable[[str], bool]:
    if not module:
        return lambda value: _NINO.match(value) is not None
    found: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return found


def identities(about: Surroundings, text: str) -> Iterator[Finding]:
    """National ids that pass the check of their state."""
    for match in _places(text):
        _, shaped, names = _FORMS[int(str(match.lastgroup)[1:])]
        best: tuple[float, str] = (0.0, "")
        for name in names.split():
            identity = _IDENTITIES[name]
            sure = _sure(identity, match[0], shaped=shaped, about=about, start=match.start())
            best = max(best, (sure, identity.country[:2]))
        if best[0]:
            yield Finding(match.start(), match.end(), "national-id", *best)


def _sure(
    identity: Identity, value: str, *, shaped: bool, about: Surroundings, start: int
) -> float:
    bare = re.sub(r"[ ./]", "", value).upper()
    if identity.module != "fi.hetu" and identity.module != "se.personnummer":
        bare = bare.replace("-", "")
    if not _valid(identity.module)(bare):
        return 0.0
    near = about.near(start, start + len(value))
    if identity.called.search(near):
        return _SURE
    alone = identity.shaped if shaped else identity.bare
    if _CALLED.search(near):
        return max(alone, _IN_GENERAL)
    if about.is_other_number(start) or about.is_of_account(start):
        return min(alone, 0.4)
    if about.label(start) is not None:
        return alone
    return max(alone, _SOMEWHERE) if identity.called.search(about.low) else alone
