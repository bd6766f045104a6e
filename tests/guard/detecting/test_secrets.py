"""Each shape of a secret, in a sample that no real one is."""

from __future__ import annotations

from random import Random

import pytest

from orchestrator.guard.detecting.detect import Detectors
from orchestrator.guard.detecting.secrets import SHAPES, may_hold_secret
from orchestrator.guard.detecting.shapes import Shape
from orchestrator.project.guard_schema import Detection
from tests.guard import made

_RANDOM = Random(5)
_LOW = "abcdefghijklmnopqrstuvwxyz0123456789"


def _any(count: int, characters: str = made.ALL) -> str:
    """Drawn, with a digit and a capital at least."""
    return "A7" + made.drawn(_RANDOM, characters, count - 2)


def _upper(count: int) -> str:
    return _any(count, made.LETTERS + "0123456789")


def _hex(count: int) -> str:
    return made.drawn(_RANDOM, "0123456789abcdef", count)


# Each in the order of `SHAPES`: what stands before it, it, and what stands after it.
SAMPLES: tuple[tuple[str, str, str], ...] = (
    ("", made.private_key(_RANDOM), ""),
    ("", "s" + "k-" + _any(40), ""),
    ("", "AK" + "IA" + _upper(16), ""),
    ("", "AI" + "za" + _any(35), ""),
    ("", "GOC" + "SPX-" + _any(28), ""),
    ("", "ya" + "29." + _any(60), ""),
    ("", "me" + "sh-" + "k3v9" * 2 + "ab" + _any(40), ""),
    ("AccountName=x;Account" + "Key=", _any(86) + "==", ";EndpointSuffix=example.net"),
    ("", _any(3) + "8" + "Q~" + _any(34), ""),
    ("", "gh" + "p_" + _any(36), ""),
    ("", "gl" + "pat-" + _any(20), ""),
    ("", "h" + "f_" + _any(34), ""),
    ("", "np" + "m_" + _any(36), ""),
    ("", "py" + "pi-" + _any(90), ""),
    ("", "xo" + "xb-" + _any(40), ""),
    ("https://hooks.slack" + ".com/services/", f"T{_upper(8)}/B{_upper(8)}/{_any(24)}", ""),
    ("", "wh" + "sec_" + _any(32), ""),
    ("", "S" + "G." + _any(22) + "." + _any(43), ""),
    ("", "ke" + "y-" + _hex(32), ""),
    ("", "shp" + "at_" + _hex(32), ""),
    ("", "sq0" + "atp-" + _any(22), ""),
    ("", made.digits(_RANDOM, 9) + ":A" + "A" + _any(33), ""),
    ("", "dckr" + "_pat_" + _any(27), ""),
    ("", "do" + "p_v1_" + _hex(64), ""),
    ("", "da" + "pi" + _hex(32), ""),
    ("", "gl" + "sa_" + _any(32), ""),
    ("", "NR" + "AK-" + _upper(27), ""),
    ("", "li" + "n_api_" + _any(40), ""),
    ("", "nt" + "n_" + _any(46), ""),
    ("", "ATA" + "TT3" + _any(60), ""),
    ("", "hv" + "s." + _any(24), ""),
    ("", "gs" + "k_" + _any(52), ""),
    ("", "AGE-SECRET" + "-KEY-1" + _upper(58), ""),
    ("", made.jwt(_RANDOM), ""),
    ("Bearer ", _any(32), ""),
    ("Authorization: Basic ", _any(20) + "==", ""),
    ("https://", "user:" + _any(12), "@example.org/x"),
)
ORDER = ("internal", "confidential", "pii")
PAIRS = list(zip(SHAPES, SAMPLES, strict=True))


@pytest.fixture(scope="module")
def detectors() -> Detectors:
    return Detectors(Detection(), ORDER)


@pytest.mark.parametrize(("shape", "sample"), PAIRS, ids=[f"{s.kind}-{s.detail}" for s in SHAPES])
@pytest.mark.parametrize("frame", ["{}", "It is {} for now.", 'x = "{}"', "one\n{}\ntwo", "ü{}"])
def test_each_shape_is_found_where_it_stands(
    shape: Shape, sample: tuple[str, str, str], frame: str, detectors: Detectors
) -> None:
    before, value, after = sample
    if frame == "ü{}":
        before = f" {before}"
    text = frame.format(before + value + after)
    start = text.index(value)
    assert may_hold_secret(text.encode())
    assert shape.may_stand_in(text.lower())
    assert (start, start + len(value)) in [(f.start, f.end) for f in shape.find(text)]
    found = [f for f in detectors.find(text) if f.start <= start and start + len(value) <= f.end]
    assert [f.kind for f in found] == [shape.kind]
    assert detectors.data_class(found) == "confidential"


@pytest.mark.parametrize(
    "value",
    [
        "github" + "_pat_" + _any(22) + "_" + _any(59),
        "AS" + "IA" + _upper(16),
        "xa" + "pp-1-" + _any(30),
        "EA" + "AA" + _any(60),
        "hv" + "b." + _any(30),
        "gl" + "c_" + _any(40),
        "xa" + "i-" + _any(40),
        "s" + "k-ant-api03-" + _any(90),
        "r" + "k_live_" + _any(24),
        "dckr" + "_oat_" + _any(30),
        "gl" + "soat-" + _any(20),
    ],
)
def test_other_beginnings_of_the_same_shapes_are_found(value: str, detectors: Detectors) -> None:
    assert [f.of(f"= {value} .") for f in detectors.find(f"= {value} .")] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "import sk_buff_head; sk-learn and sk-toggleable-content are no keys",
        "AK" + "IA is how they begin",
        "the file monkey-business, key-value, turn-key-solution",
        "see https://example.org:8080/path@2x and http://[::1]/@user",
        "docs at https://example.org/a:b/@scope/name",
        "ghp_ is what tokens begin with, and github_pat_ too",
        "bearer of good news and bearer tokens",
        "password: ${DB_PASSWORD}, token = os.environ['TOKEN'], secret: <your secret>",
        "const token = await fetchToken(user); password = getpass()",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "max_tokens: 4096, token_count=1234567, keyboard = qwerty",
        "SG.1 and eyJ and hf_hub_download and npm_config_registry",
    ],
)
def test_what_looks_like_one_is_none(text: str, detectors: Detectors) -> None:
    assert detectors.find(text) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DB_PASSWORD={}", "password"),
        ('{{"password": "{}"}}', "password"),
        ("Das Passwort lautet: {}", "password"),
        ("el contraseña: {}", "password"),
        ("api_key = '{}'", "key"),
        ("client_secret: {}", "key"),
        ("auth_token={}", "token"),
    ],
)
def test_what_is_given_to_a_name_of_a_secret_is_one(
    text: str, kind: str, detectors: Detectors
) -> None:
    value = "q7Rw" + "2Lp9" + "Xz4Kd8Tn"
    text = text.format(value)
    assert [(f.kind, f.of(text)) for f in detectors.find(text)] == [(kind, value)]


def test_a_long_value_drawn_by_lot_is_found_and_a_path_is_not(detectors: Detectors) -> None:
    value = "aZ3kQ9" + "xW7mB2rT5y" + "L8cD4fH6jN1p"
    text = f"x-session = {value}"
    assert [(f.kind, f.of(text)) for f in detectors.find(text)] == [("entropy", value)]
    assert detectors.find("path=/usr/local/share/some/longer/Folder1/name") == ()
    assert detectors.find(f"sha256={value}") == ()


def test_a_column_of_passwords_is_found(detectors: Detectors) -> None:
    text = "user,password,rows\nann,q7" + "&Rw2Lp9,12\nbob,Tz" + "%4kLm8,13\neve,<none>,14\n"
    assert [f.of(text) for f in detectors.find(text)] == ["q7&Rw2Lp9", "Tz%4kLm8"]
    assert {f.kind for f in detectors.find(text)} == {"password"}
