from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from orchestrator.evaluation.junit import junit

from .samples import result, run


def test_each_case_is_a_test_case_in_the_standard_shape() -> None:
    document = junit(
        [
            run(
                result("good", "p"),
                result("bad", "f"),
                result("flaky", "pfp"),
                result("down", "e"),
                result("known", "f", known_failing="too hard"),
                result("at-last", "p", known_failing="too hard"),
            ),
            run(result("other", "p"), suite="more"),
        ]
    )
    root = ET.fromstring(document)
    assert root.tag == "testsuites"
    counts = {"tests": "7", "failures": "2", "errors": "1", "skipped": "1"}
    assert {key: root.get(key) for key in counts} == counts
    first, second = root
    assert (first.get("name"), first.get("tests"), second.get("tests")) == ("facts", "6", "1")
    assert first.get("timestamp") == "2026-09-21T14:13:20"
    cases = {case.get("name"): case for case in first}
    inside = {name: [c.tag for c in case if c.tag != "system-out"] for name, case in cases.items()}
    assert inside == {
        "good": [],
        "bad": ["failure"],
        "flaky": ["failure"],
        "down": ["error"],
        "known": ["skipped"],
        "at-last": [],
    }
    assert cases["flaky"].get("time") == "0.600"
    assert cases["good"].get("classname") == "facts"
    failure = cases["flaky"].find("failure")
    assert failure is not None
    assert failure.get("message") == (
        "2 of 3 repetitions passed: verdict: expected accepted; found abstained"
    )


def test_what_xml_cannot_hold_is_replaced() -> None:
    case = result("a", "f")
    failure = replace(case.samples[0].failures[0], found="\x00\x1b[31m<&\ud800\ufffe")
    case = replace(case, samples=(replace(case.samples[0], failures=(failure,)),))
    found = ET.fromstring(junit([run(case)])).find(".//failure")
    assert found is not None
    assert (
        found.get("message") == "verdict: expected accepted; found \ufffd\ufffd[31m<&\ufffd\ufffd"
    )
