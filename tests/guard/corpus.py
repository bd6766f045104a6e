"""Texts that hold personal data and secrets, and where; for the measurement of what is found.

Drawn by a seed from templates that are written here: prose in nine languages, e-mail, JSON, CSV,
logs, code and Markdown. Beside what is planted stand things that look like it and are not.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.guard import made


@dataclass(frozen=True)
class Format:
    """What is planted."""

    name: str
    kinds: tuple[str, ...]
    """As what it counts as found."""
    make: made.Maker
    said: tuple[str, ...]
    """What people call it."""
    key: str
    """What programs call it."""
    sure: bool = True
    """Has a checksum, or is a secret of a known shape: nearly every one is to be found."""
    needs_name: bool = False
    """Where nothing says what it is, its digits may be anything; such ones are counted apart."""
    frame: tuple[str, str] = ("", "")
    """What stands about it and is not it."""


_ID, _KEY, _TOKEN = ("national-id",), ("key",), ("token",)
FORMATS: tuple[Format, ...] = (
    Format("email", ("email",), made.email, ("e-mail", "E-Mail", "courriel"), "email", sure=False),
    Format("phone", ("phone",), made.phone, ("phone", "Tel.", "Telefon"), "phone", sure=False),
    Format("iban", ("iban",), made.iban, ("IBAN", "account"), "iban"),
    Format("card", ("card",), made.card, ("card", "Kreditkarte", "carte"), "card_number"),
    Format("us ssn", _ID, made.ssn, ("SSN", "Social Security number"), "ssn", sure=False),
    Format("gb nhs", _ID, made.nhs, ("NHS number", "NHS no"), "nhs_number", needs_name=True),
    Format("es dni", _ID, made.dni, ("DNI", "NIF"), "dni", needs_name=True),
    Format("es nie", _ID, made.nie, ("NIE",), "nie", needs_name=True),
    Format("it codice fiscale", _ID, made.codice_fiscale, ("codice fiscale",), "codice_fiscale"),
    Format("nl bsn", _ID, made.bsn, ("BSN", "burgerservicenummer"), "bsn", needs_name=True),
    Format("pl pesel", _ID, made.pesel, ("PESEL",), "pesel", needs_name=True),
    Format("se personnummer", _ID, made.personnummer, ("personnummer",), "personnummer"),
    Format("br cpf", _ID, made.cpf, ("CPF",), "cpf", needs_name=True),
    Format("fr nir", _ID, made.nir, ("NIR", "n° de sécurité sociale"), "nir"),
    Format("aws key", _KEY, made.aws, ("access key",), "aws_access_key_id"),
    Format("github token", _TOKEN, made.github, ("GitHub token",), "github_token"),
    Format("slack token", _TOKEN, made.slack, ("bot token",), "slack_token"),
    Format("stripe key", _KEY, made.stripe, ("Stripe key",), "stripe_key"),
    Format("openai key", _KEY, made.openai, ("API key",), "openai_api_key"),
    Format("anthropic key", _KEY, made.anthropic, ("API key",), "api_key"),
    Format("google key", _KEY, made.google, ("maps key",), "google_key"),
    Format("gitlab token", _TOKEN, made.gitlab, ("deploy token",), "ci_token"),
    Format("jwt", _TOKEN, made.jwt, ("session", "JWT"), "jwt"),
    Format("private key", ("private-key",), made.private_key, ("server key",), "private_key"),
    Format(
        "password in a url", ("password",), made.user_and_password, ("database",), "database_url",
        frame=("postgres://", "@db.northwind.example:5432/app"),
    ),
    Format(
        "password that is given", ("password",), made.password,
        ("password", "Passwort", "mot de passe", "contraseña"), "password", sure=False,
    ),
)  # fmt: skip
UNNAMED = " (unnamed)"


@dataclass(frozen=True)
class Planted:
    """One value, and where it stands."""

    start: int
    end: int
    format: Format
    name: str
    """As the figures are counted."""


@dataclass(frozen=True)
class Text:
    """One text of the corpus."""

    layout: str
    text: str
    planted: tuple[Planted, ...]


class _Writer:
    """Puts a text together and keeps in mind where what is planted stands."""

    def __init__(self, layout: str) -> None:
        self._layout, self._text = layout, ""
        self._planted: list[Planted] = []

    def add(self, text: str) -> None:
        self._text += text

    def plant(
        self, form: Format, random: Random, *, quoted: bool = False, named: bool = True
    ) -> None:
        """A new value of that format; `quoted`: as JSON has it."""
        value = form.make(random)
        value = json.dumps(value, ensure_ascii=False)[1:-1] if quoted else value
        self._text += form.frame[0]
        start = len(self._text)
        name = form.name if named or not form.needs_name else form.name + UNNAMED
        self._planted.append(Planted(start, start + len(value), form, name))
        self._text += value + form.frame[1]

    def done(self) -> Text:
        return Text(self._layout, self._text, tuple(self._planted))


# ── what looks alike ─────────────────────────────────────────────────────────────────────


def _isbn(random: Random) -> str:
    body = "978" + made.digits(random, 9)
    check = -sum(int(d) * (1, 3)[n % 2] for n, d in enumerate(body)) % 10
    return f"{body[:3]}-{body[3]}-{body[4:8]}-{body[8:]}-{check}"


def _wrong(maker: made.Maker) -> made.Maker:
    """With the last digit but two off by one, so that the checksum is wrong."""

    def wrong(random: Random) -> str:
        value = maker(random)
        place = [n for n, c in enumerate(value) if c.isdigit()][-3]
        return f"{value[:place]}{(int(value[place]) + 1) % 10}{value[place + 1 :]}"

    return wrong


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _hex(count: int) -> made.Maker:
    return lambda random: made.drawn(random, "0123456789abcdef", count)


def _number(least: int, most: int) -> made.Maker:
    return lambda random: made.digits(random, random.randint(least, most))


def _time(random: Random) -> str:
    day = f"20{random.randint(10, 29)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    clock = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}"
    return random.choice(
        (f"{day}T{clock}Z", f"{day} {clock}", f"{day}T{clock}.{random.randint(0, 999):03}")
    )


def _date(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1990, 2029)
    return random.choice((f"{day:02}.{month:02}.{year}", f"{month:02}/{day:02}/{year}"))


def _version(random: Random) -> str:
    return ".".join(str(random.randint(0, 40)) for _ in range(random.randint(3, 4)))


def _address(random: Random) -> str:
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def _amount(random: Random) -> str:
    return f"{random.uniform(1_000_000, 999_000_000):,.2f}"


def _integrity(random: Random) -> str:
    return "sha512-" + made.drawn(random, made.ALL + "+/", 86) + "=="


def _one(*values: str) -> made.Maker:
    return lambda random: random.choice(values)


LOOKALIKES: tuple[tuple[str, made.Maker], ...] = (
    ("isbn", _isbn),
    ("order_number", _number(8, 12)),
    ("invoice", lambda r: f"{r.randint(2019, 2026)}-{r.randint(1, 99999):05}"),
    ("order", lambda r: f"{made.digits(r, 3)}-{made.digits(r, 7)}-{made.digits(r, 7)}"),
    ("request_id", _uuid),
    ("commit", _hex(40)),
    ("rev", _hex(7)),
    ("digest", _hex(64)),
    ("created_at", _time),
    ("due", _date),
    ("timestamp", lambda r: str(r.randint(1_500_000_000, 1_900_000_000))),
    ("version", _version),
    ("host", _address),
    ("amount", _amount),
    ("integrity", _integrity),
    ("tracking", _wrong(made.card)),
    ("mandate", _wrong(made.iban)),
    ("part", lambda r: f"{made.drawn(r, made.LETTERS, 2)}-{made.digits(r, 4)}-{made.digits(r, 2)}"),
    ("position", lambda r: f"{r.uniform(-80, 80):.6f}, {r.uniform(-170, 170):.6f}"),
    ("size", lambda r: f"{r.randint(100, 4000)}x{r.randint(100, 4000)}"),
    ("mac", lambda r: ":".join(_hex(2)(r) for _ in range(6))),
    ("colour", lambda r: "#" + _hex(6)(r)),
    ("rows", _number(4, 9)),
    ("masked", lambda r: f"**** **** **** {r.randint(1000, 9999)}"),
    ("remote", _one("git@code.northwind.example:team/tool.git", "ssh://git@code.example.org/a/b")),
    ("asset", _one("logo@2x.png", "left-pad@1.3.0", "@babel/core@7.24.4", "icons@3x.webp")),
    ("user", _one("root@localhost", "deploy@build-7", "@dataclass", "@mention")),
    ("password", _one("${DB_PASSWORD}", "<yours>", "********", "{{ vault.db }}", "changeme")),
    ("token", _one("os.environ['TOKEN']", "$GITHUB_TOKEN", "<token>", "getToken()", "xxxx-xxxx")),
    ("module", _one("sk-learn-extra", "sk_buff_head", "key-value-store", "hf_hub_download")),
    ("max_tokens", _number(3, 5)),
)  # fmt: skip

# ── layouts ──────────────────────────────────────────────────────────────────────────────

_PROSE: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    # What something is called and what it is; the same without a name; what is said besides.
    (("The {} on file is ", "Please update my {}: ", "Our records show {} "),
     ("On the form it reads ", "Please change it to ", "We still have "),
     ("We talked about the roof last week.", "Nothing else has changed since.")),
    (("Die hinterlegte Angabe {} lautet ", "Bitte ändern Sie {} auf ", "Hier ist {}: "),
     ("Im Formular steht ", "Neu ist jetzt ", "Wir haben noch "),
     ("Letzte Woche sprachen wir über das Dach.", "Sonst bleibt alles beim Alten.")),
    (("Voici mon {} : ", "Le {} du client est ", "Merci de noter le {} "),
     ("Sur le formulaire il y a ", "Nous avons encore "),
     ("Nous avons parlé du toit la semaine dernière.", "Rien d'autre n'a changé.")),
    (("Mi {} es ", "El {} del cliente: ", "Les paso el {} "),
     ("En el formulario pone ", "Todavía tenemos "),
     ("La semana pasada hablamos del tejado.", "Lo demás sigue igual.")),
    (("Il mio {} è ", "Ecco il {} del cliente: "),
     ("Sul modulo c'è scritto ", "Abbiamo ancora "),
     ("La settimana scorsa abbiamo parlato del tetto.", "Il resto non cambia.")),
    (("Mijn {} is ", "Het {} van de klant: "),
     ("Op het formulier staat ", "Wij hebben nog "),
     ("Vorige week spraken we over het dak.", "Verder is er niets veranderd.")),
    (("Mój {} to ", "W umowie podano {}: "),
     ("W formularzu jest ", "Nadal mamy "),
     ("W zeszłym tygodniu rozmawialiśmy o dachu.", "Reszta bez zmian.")),
    (("O meu {} é ", "Segue o {} do cliente: "),
     ("No formulário consta ", "Ainda temos "),
     ("Na semana passada falámos do telhado.", "O resto fica igual.")),
    (("Mitt {} är ", "Kundens {}: "),
     ("På blanketten står ", "Vi har fortfarande "),
     ("Förra veckan talade vi om taket.", "Annars är allt som förut.")),
)  # fmt: skip
_ENDS = (".", ".", ".", ", danke.", ";", "")
Chosen = list[Format]


def _given(form: Format) -> bool:
    return form.key == "password"


def _sentence(out: _Writer, form: Format, language: int, random: Random) -> None:
    named, bare, _ = _PROSE[language]
    if _given(form):  # what gives a password away is that it is called so
        out.add(f"{random.choice(form.said)}: ")
        out.plant(form, random)
    elif random.random() < 0.25:
        out.add(random.choice(bare))
        out.plant(form, random, named=False)
    else:
        out.add(random.choice(named).format(random.choice(form.said)))
        out.plant(form, random)
    out.add("\n" if form.name == "private key" or _given(form) else random.choice(_ENDS))


def _aside(out: _Writer, random: Random) -> None:
    key, make = random.choice(LOOKALIKES)
    out.add(f" {key.replace('_', ' ')} {make(random)}{random.choice(_ENDS[:3])} ")


def _prose(chosen: Chosen, random: Random) -> Text:
    out = _Writer("prose")
    language = random.randrange(len(_PROSE))
    out.add(random.choice(_PROSE[language][2]) + " ")
    for form in chosen:
        # What is of one paragraph says nothing about another's number.
        out.add("\n\n" + random.choice(_PROSE[language][2]) + " ")
        _sentence(out, form, language, random)
        out.add(" " + random.choice(_PROSE[language][2]))
        _aside(out, random)
    return out.done()


def _mail(chosen: Chosen, random: Random) -> Text:
    out = _Writer("e-mail")
    out.add("From: ")
    out.plant(FORMATS[0], random)
    out.add(f"\nDate: {_time(random)}\nSubject: Re: {random.choice(('your order', 'Vertrag'))}\n\n")
    language = random.randrange(len(_PROSE))
    for form in chosen:
        out.add("> " if random.random() < 0.3 else "")
        _sentence(out, form, language, random)
        out.add("\n")
        _aside(out, random)
        out.add("\n")
    return out.done()


def _json(chosen: Chosen, random: Random) -> Text:
    out = _Writer("json")
    gap, sign = random.choice((("\n  ", ": "), ("", ":"), (" ", ": ")))
    out.add("{")
    for form in chosen:
        out.add(f'{gap}"{form.key}"{sign}"')
        out.plant(form, random, quoted=True)
        out.add('",')
        key, make = random.choice(LOOKALIKES)
        out.add(f'{gap}"{key}"{sign}{json.dumps(make(random))},')
    out.add(f'{gap}"ok"{sign}true}}')
    return out.done()


def _csv(chosen: Chosen, random: Random) -> Text:
    out = _Writer("csv")
    forms = [form for form in chosen if form.name != "private key"]
    alike = [random.choice(LOOKALIKES) for _ in range(2)]
    sign = random.choice(",;\t")
    alike = [(key, make) for key, make in alike if key not in ("amount", "position", "password")]
    out.add(sign.join(["row", *(key for key, _ in alike), *(form.key for form in forms)]) + "\n")
    for row in range(random.randint(2, 4)):
        out.add(sign.join([str(row), *(make(random) for _, make in alike)]))
        for form in forms:
            out.add(sign)
            out.plant(form, random)
        out.add("\n")
    return out.done()


def _log(chosen: Chosen, random: Random) -> Text:
    out = _Writer("log")
    for form in chosen:
        key, make = random.choice(LOOKALIKES)
        out.add(f"{_time(random)} INFO api[{random.randint(100, 9999)}] {key}={make(random)} ")
        out.add(f"{form.key}=")
        out.plant(form, random)
        out.add(f" status={random.choice((200, 404))} took={random.randint(1, 999)}ms\n")
    return out.done()


def _code(chosen: Chosen, random: Random) -> Text:
    out = _Writer("code")
    style = random.choice(('{} = "', 'const {} = "', "{}: '", 'export {}="'))
    for form in chosen:
        name = form.key.upper() if "export" in style else form.key
        opening = style.format(name)
        out.add(opening)
        out.plant(form, random, quoted=opening[-1] == '"')
        out.add(opening[-1] + "\n")
        key, make = random.choice(LOOKALIKES)
        value = make(random)
        out.add(f"{style.format(key)}{value.replace(chr(39), '')}{opening[-1]}\n")
    return out.done()


def _markdown(chosen: Chosen, random: Random) -> Text:
    out = _Writer("markdown")
    out.add("# Notes\n\n")
    for form in chosen:
        out.add(f"- **{random.choice(form.said)}**: `")
        out.plant(form, random)
        out.add("`\n")
        key, make = random.choice(LOOKALIKES)
        out.add(f"- {key}: {make(random)}\n")
    return out.done()


def _nothing(chosen: Chosen, random: Random) -> Text:
    """Only what looks alike."""
    out = _Writer("nothing planted")
    language = random.randrange(len(_PROSE))
    for _ in range(random.randint(2, 6)):
        out.add(random.choice(_PROSE[language][2]))
        _aside(out, random)
        out.add("\n" if random.random() < 0.3 else "")
    return out.done()


_LAYOUTS: tuple[Callable[[Chosen, Random], Text], ...]
_LAYOUTS = (_prose, _prose, _mail, _json, _csv, _log, _code, _markdown, _nothing)


def corpus(count: int, seed: int) -> list[Text]:
    """So many texts; the same for the same seed."""
    random = Random(seed)
    texts = []
    for number in range(count):
        chosen = random.sample(FORMATS, random.randint(1, 4))
        texts.append(_LAYOUTS[number % len(_LAYOUTS)](chosen, random))
    return texts
