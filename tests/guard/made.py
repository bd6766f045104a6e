"""Values that look like what people and providers give out: drawn digits with right checksums.

None belongs to anybody. The forms are written here from what their makers say of them, and not
taken from the detectors, which are measured on them.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterable
from random import Random

Maker = Callable[[Random], str]
LETTERS = string.ascii_uppercase
ALL = string.ascii_letters + string.digits
_URL = ALL + "-_"


def digits(random: Random, count: int) -> str:
    """So many digits, the first of which is not zero."""
    return random.choice("123456789") + "".join(random.choices("0123456789", k=count - 1))


def drawn(random: Random, characters: str, count: int) -> str:
    """So many of these characters."""
    return "".join(random.choices(characters, k=count))


def grouped(value: str, sizes: Iterable[int], sign: str) -> str:
    """In groups of these sizes; the last size counts for all that follow."""
    groups, sizes, place, size = [], iter(sizes), 0, 4
    while place < len(value):
        size = next(sizes, size)
        groups.append(value[place : place + size])
        place += size
    return sign.join(groups)


# ── personal data ────────────────────────────────────────────────────────────────────────

_FIRST = ("mara", "jonas", "ines", "li.wei", "o.keller", "agnieszka", "t.brown", "zoe", "rafael")
_LAST = ("lindqvist", "moreau", "okafor", "van-dijk", "ricci", "nowak", "silva", "haddad", "reyes")
_HOSTS = ("northwind", "blauwerk", "casa-verde", "mail.harbour", "uni-seefeld", "kestrel", "tervo")
_TOPS = ("com", "org", "net", "de", "fr", "co.uk", "it", "nl", "com.br", "se", "pl", "io", "es")


def email(random: Random) -> str:
    first, last = random.choice(_FIRST), random.choice(_LAST)
    local = random.choice(
        (first, f"{first}.{last}", f"{last}{random.randint(1, 99)}", f"{first}+a")
    )
    return f"{local}@{random.choice(_HOSTS)}.{random.choice(_TOPS)}"


def phone(random: Random) -> str:
    """Of several countries, with the sign of the country."""
    n = digits
    return random.choice(
        (
            lambda: (
                f"+1 {random.choice(('212', '415', '312', '617'))} {random.randint(220, 989)} "
                f"{random.randint(1000, 9999)}"
            ),
            lambda: f"+44 20 7{n(random, 3)} {n(random, 4)}",
            lambda: f"+44 7400 {n(random, 6)}",
            lambda: f"+49 30 {n(random, 4)} {n(random, 4)}",
            lambda: f"+49 151 {n(random, 8)}",
            lambda: f"+33 6 {random.randint(12, 67)} {' '.join(n(random, 2) for _ in range(3))}",
            lambda: f"+34 6{n(random, 2)} {n(random, 3)} {n(random, 3)}",
            lambda: f"+31 6 {random.randint(1, 5)}{n(random, 7)}",
            lambda: f"+48 60{random.randint(0, 9)} {n(random, 3)} {n(random, 3)}",
            lambda: f"+46 70-{n(random, 3)} {n(random, 2)} {n(random, 2)}",
            lambda: f"+55 11 9{random.randint(6000, 9999)}-{n(random, 4)}",
            lambda: f"0049 30 {n(random, 8)}",
        )
    )()


# Letters, digits and both of a country's account numbers; source: the registry of ISO 13616.
_ACCOUNTS = {
    "DE": "18n", "GB": "4a14n", "FR": "10n11c2n", "ES": "20n", "IT": "1a10n12c", "NL": "4a10n",
    "PL": "24n", "BE": "12n", "CH": "5n12c", "AT": "16n", "SE": "20n", "PT": "21n", "IE": "4a14n",
    "DK": "14n", "FI": "14n", "NO": "11n",
}  # fmt: skip
_SETS = {"n": "0123456789", "a": LETTERS, "c": LETTERS + "0123456789"}


def iban_checked(country: str, account: str) -> str:
    """With the two digits that make the remainder by 97 one (ISO 7064)."""
    number = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02}{account}"


def iban(random: Random) -> str:
    country = random.choice(list(_ACCOUNTS))
    account, count = "", ""
    for sign in _ACCOUNTS[country]:
        if sign.isdigit():
            count += sign
        else:
            account += drawn(random, _SETS[sign], int(count))
            count = ""
    value = iban_checked(country, account)
    return grouped(value, (4,), " ") if random.random() < 0.5 else value


def luhn(body: str) -> str:
    """The digit that completes it (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        number = int(digit) * (2 - place % 2)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


_CARDS = (
    *(("4", 16), ("51", 16), ("55", 16), ("2300", 16), ("6011", 16), ("65", 16), ("3530", 16)),
    *(("34", 15), ("37", 15), ("36", 14)),
)


def card(random: Random) -> str:
    start, size = random.choice(_CARDS)
    body = start + "".join(random.choices("0123456789", k=size - len(start) - 1))
    value = body + luhn(body)
    sizes = {16: (4,), 15: (4, 6, 5), 14: (4, 6, 4)}[size]
    return grouped(value, sizes, random.choice((" ", "-"))) if random.random() < 0.6 else value


def ssn(random: Random) -> str:
    area = random.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def nhs(random: Random) -> str:
    while True:
        body = digits(random, 9)
        check = -sum(int(d) * (10 - n) for n, d in enumerate(body)) % 11
        if check != 10:
            value = f"{body}{check}"
            return grouped(value, (3, 3, 4), " ") if random.random() < 0.5 else value


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def dni(random: Random) -> str:
    number = random.randint(10_000_000, 99_999_999)
    return f"{number}{random.choice(('', '', '-'))}{_DNI[number % 23]}"


def nie(random: Random) -> str:
    first, number = random.randint(0, 2), random.randint(0, 9_999_999)
    return f"{'XYZ'[first]}{number:07}{_DNI[(first * 10_000_000 + number) % 23]}"


_ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_ODD_LETTERS = (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD = dict(
    zip("0123456789" + LETTERS, (*_ODD_DIGITS, *_ODD_DIGITS, *_ODD_LETTERS), strict=True)
)  # at the first, third, … place; source: the decree of 23 December 1976


def codice_fiscale(random: Random) -> str:
    day = random.randint(1, 28) + random.choice((0, 40))
    body = (
        f"{drawn(random, 'BCDFGLMNPRSTVZ', 6)}{random.randint(40, 99)}"
        f"{random.choice('ABCDEHLMPRST')}{day:02}{random.choice('ABCDEFGHIL')}"
        f"{random.randint(100, 999)}"
    )
    total = sum(
        _ODD[c] if n % 2 == 0 else (int(c) if c.isdigit() else LETTERS.index(c))
        for n, c in enumerate(body)
    )
    return body + LETTERS[total % 26]


def bsn(random: Random) -> str:
    while True:
        body = digits(random, 8)
        check = sum(int(d) * (9 - n) for n, d in enumerate(body)) % 11
        if check != 10:
            return f"{body}{check}"


def _born(random: Random, year: int) -> tuple[int, int, int]:
    return year % 100, random.randint(1, 12), random.randint(1, 28)


def pesel(random: Random) -> str:
    year = random.randint(1940, 2009)
    yy, month, day = _born(random, year)
    body = f"{yy:02}{month + (20 if year >= 2000 else 0):02}{day:02}{random.randint(0, 9999):04}"
    check = -sum(int(d) * (1, 3, 7, 9)[n % 4] for n, d in enumerate(body)) % 10
    return f"{body}{check}"


def personnummer(random: Random) -> str:
    year = random.randint(1940, 2009)
    yy, month, day = _born(random, year)
    body = f"{yy:02}{month:02}{day:02}{random.randint(1, 999):03}"
    century = str(year // 100) if random.random() < 0.5 else ""
    return f"{century}{body[:6]}-{body[6:]}{luhn(body)}"


def cpf(random: Random) -> str:
    value = digits(random, 9)
    for first in (10, 11):
        rest = sum(int(d) * (first - n) for n, d in enumerate(value)) * 10 % 11 % 10
        value += str(rest)
    if random.random() < 0.3:
        return value
    return f"{value[:3]}.{value[3:6]}.{value[6:9]}-{value[9:]}"


def nir(random: Random) -> str:
    body = (
        f"{random.randint(1, 2)}{random.randint(40, 99)}{random.randint(1, 12):02}"
        f"{random.randint(1, 95):02}{random.randint(1, 900):03}{random.randint(1, 900):03}"
    )
    value = f"{body}{97 - int(body) % 97:02}"
    return grouped(value, (1, 2, 2, 2, 3, 3, 2), " ") if random.random() < 0.5 else value


# ── secrets ──────────────────────────────────────────────────────────────────────────────


def aws(random: Random) -> str:
    return "AK" + "IA" + drawn(random, LETTERS + "234567", 16)


def github(random: Random) -> str:
    if random.random() < 0.3:
        return "github" + "_pat_" + drawn(random, ALL, 22) + "_" + drawn(random, ALL, 59)
    return "gh" + random.choice("pousr") + "_" + drawn(random, ALL, 36)


def slack(random: Random) -> str:
    parts = (digits(random, 12), digits(random, 13), drawn(random, ALL, 24))
    return "xo" + "x" + random.choice("bp") + "-" + "-".join(parts)


def stripe(random: Random) -> str:
    if random.random() < 0.2:
        return "wh" + "sec_" + drawn(random, ALL, 32)
    return (
        random.choice("sr") + "k_" + random.choice(("live", "test")) + "_" + drawn(random, ALL, 24)
    )


def openai(random: Random) -> str:
    start = random.choice(("s" + "k-proj-", "s" + "k-svcacct-", "s" + "k-"))
    return start + drawn(random, ALL, 48)


def anthropic(random: Random) -> str:
    return "s" + "k-ant-" + "api03-" + drawn(random, _URL, 90) + "AA"


def google(random: Random) -> str:
    return "AI" + "za" + drawn(random, _URL, 34) + random.choice(ALL)


def gitlab(random: Random) -> str:
    return "gl" + "pat-" + drawn(random, ALL, 20)


def _coded(value: object) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def jwt(random: Random) -> str:
    head = {"alg": random.choice(("HS256", "RS256")), "typ": "JWT"}
    body = {"sub": digits(random, 8), "iat": random.randint(1_600_000_000, 1_800_000_000)}
    return f"{_coded(head)}.{_coded(body)}.{drawn(random, ALL, 43)}"


def private_key(random: Random) -> str:
    name = random.choice(("", "RSA ", "EC ", "OPENSSH ")) + "PRIVATE KEY-----"
    lines = "\n".join(drawn(random, ALL + "+/", 64) for _ in range(random.randint(3, 12)))
    return f"{'-' * 5}BEGIN {name}\n{lines}\n{'-' * 5}END {name}"


def user_and_password(random: Random) -> str:
    """What stands in a URL before the host."""
    return random.choice(("app", "admin", "svc_reader")) + ":" + drawn(random, ALL + "-_.", 14)


def password(random: Random) -> str:
    """Letters, digits and a sign."""
    value = [*drawn(random, ALL, 9), random.choice("!$%&*+?^"), random.choice("23456789")]
    random.shuffle(value)
    return (
        random.choice(string.ascii_letters) + "".join(value) + random.choice(string.ascii_letters)
    )
