"""What a checker is given: its batch, in an order and under ids that say nothing."""

from __future__ import annotations

from random import Random

from orchestrator.evidence.values import Citation, Claim
from orchestrator.roles.checking.batches import MOST, batched, sheet
from tests.roles.fake_work import passage
from tests.roles.material import LEAVE, PASSAGES, REMOTE


def claim(number: int, *files: str) -> Claim:
    cited = tuple(Citation(file=f, start=0, end=1, quote="x") for f in files)
    return Claim(id=f"s{number}.1", sentence=f"s{number}", text=f"Text {number}.", citations=cited)


def shape(*claims: Claim) -> list[tuple[list[str], list[str]]]:
    return [
        ([c.id for c in b.claims], [p.file for p in b.passages]) for b in batched(claims, PASSAGES)
    ]


def test_claims_of_one_source_go_together() -> None:
    one, two, three = claim(1, "leave.md"), claim(2, "remote.md"), claim(3, "leave.md")
    assert shape(one, two, three) == [
        (["s1.1", "s3.1"], ["leave.md"]),
        (["s2.1"], ["remote.md"]),
    ]


def test_who_cites_both_is_checked_against_both() -> None:
    assert shape(claim(1, "remote.md", "leave.md")) == [(["s1.1"], ["leave.md", "remote.md"])]


def test_who_cites_nothing_known_is_checked_against_everything() -> None:
    files = ["leave.md", "remote.md"]
    assert shape(claim(1), claim(2, "gone.md")) == [(["s1.1", "s2.1"], files)]


def test_many_claims_are_several_calls() -> None:
    sizes = [len(ids) for ids, _ in shape(*(claim(n, "leave.md") for n in range(2 * MOST + 1)))]
    assert sizes == [MOST, MOST, 1]


def test_passages_stand_as_in_their_file() -> None:
    later = passage(9, "Later.", "leave.md", start=LEAVE.end)
    [batch] = batched([claim(1)], [later, REMOTE, LEAVE])
    assert batch.passages == (LEAVE, later, REMOTE)


def test_the_order_is_random_and_a_replay_has_the_same() -> None:
    [batch] = batched([claim(n) for n in range(6)], PASSAGES)
    orders = {tuple(sheet(batch, "False.", Random(seed)).asked.values()) for seed in range(8)}
    assert len(orders) > 4
    assert sheet(batch, "False.", Random("run")) == sheet(batch, "False.", Random("run"))


def test_neither_ids_nor_order_tell_the_canary() -> None:
    [batch] = batched([claim(n) for n in range(4)], PASSAGES)
    sheets = [sheet(batch, "False.", Random(seed)) for seed in range(60)]
    assert {s.canary for s in sheets} == {f"c{n}" for n in range(1, 6)}
    for one in sheets:
        assert one.canary_text == "False."
        assert [c.id for c in one.claims] == [f"c{n}" for n in range(1, 6)]
        assert set(one.asked) == {c.id for c in one.claims} - {one.canary}


def test_without_a_canary_each_id_is_a_claims() -> None:
    [batch] = batched([claim(1)], PASSAGES)
    alone = sheet(batch, "", Random(1))
    assert (alone.canary, alone.canary_text, dict(alone.asked)) == ("", "", {"c1": "s1.1"})
