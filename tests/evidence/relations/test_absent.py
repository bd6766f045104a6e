"""How sure it is that a number or name stands nowhere."""

from __future__ import annotations

import pytest

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.relations.absent import Present, absent_names, absent_numbers


@pytest.mark.parametrize(
    ("claim", "source", "least", "most"),
    [
        ("It has 18 floors.", "It has 12 floors.", 1.0, 1.0),
        ("It has 12 floors.", "It has twelve floors.", 0.0, 0.0),
        ("It sold over 40,000 copies.", "It sold 42,150 copies.", 0.05, 0.2),
        ("It rests up to 30 minutes.", "It rests for 25 minutes.", 0.3, 0.6),
        ("Ana Costa, 48, won.", "The 48-year-old Ana Costa won.", 0.0, 0.0),
        ("Heat it to 375°C.", "Heat it to 375°F.", 0.5, 0.7),
        ("Heat it to 63°C.", "Heat it to 145 degrees F.", 0.0, 0.0),
        ("Half of the members came.", "50% of the members came.", 0.0, 0.1),
        ("It ran in the 1990s.", "It ran in 1994.", 0.0, 0.0),
        ("It ran in 1994.", "It ran in the 1980s.", 1.0, 1.0),
        ("Two others agreed.", "Ana agreed. Jan agreed.", 0.4, 0.6),
        ("It is open until 22:30.", "It is open until 21:00, with 0 exceptions.", 1.0, 1.0),
    ],
)
def test_numbers(claim: str, source: str, least: float, most: float) -> None:
    found = absent_numbers(read(claim), Present([read(source)]))
    assert least <= max((a.strength for a in found), default=0.0) <= most


@pytest.mark.parametrize(
    ("claim", "source", "least", "most"),
    [
        ("It is made by Bosch.", "It is made by a firm.", 1.0, 1.0),
        ("It is in Austin, Texas.", "It is in Austin, TX.", 0.0, 0.0),
        ("It is in the United States.", "It is in the US.", 0.0, 0.0),
        ("The old hotel has free Wi-Fi.", "It has WiFi.", 0.0, 0.0),
        ("He lives in Canada.", "He is Canadian.", 0.2, 0.4),
        ("The bill was paid by Ana Voss.", "It was Clara Voss.", 0.6, 0.8),
        ("Ask the HR team.", "Ask Human Resources.", 0.0, 0.0),
    ],
)
def test_names(claim: str, source: str, least: float, most: float) -> None:
    found = absent_names(read(claim), Present([read(source)]))
    assert least <= max((a.strength for a in found), default=0.0) <= most
