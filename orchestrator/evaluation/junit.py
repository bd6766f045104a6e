"""JUnit XML, as build servers read it: a test suite a suite, a test case a case.

The elements and attributes are those that Jenkins, GitLab and GitHub actions share: `testsuites`,
`testsuite`, `testcase`, `failure`, `error`, `skipped`, `system-out`; times are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from orchestrator.evaluation.values import CaseResult, EvalRun, Failure, Sample

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (https://www.w3.org/TR/xml/#charsets)."""


def junit(runs: Sequence[EvalRun]) -> str:
    """One document for all runs. A case that is known to fail is skipped, with its reason."""
    root = ET.Element("testsuites", name="mesh eval")
    for run in runs:
        _suite(root, run)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{sum(run.ms for run in runs) / 1000:.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, run: EvalRun) -> None:
    suite = ET.SubElement(root, "testsuite", name=run.suite)
    for case in run.cases:
        _case(suite, run.suite, case)
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{run.ms / 1000:.3f}")
    began = datetime.fromtimestamp(run.started_at, UTC)
    suite.set("timestamp", began.strftime("%Y-%m-%dT%H:%M:%S"))


def _case(suite: ET.Element, suite_name: str, result: CaseResult) -> None:
    seconds = sum(sample.ms for sample in result.samples) / 1000
    case = ET.SubElement(
        suite, "testcase", classname=suite_name, name=result.name, time=f"{seconds:.3f}"
    )
    match result.status:
        case "known failing":
            ET.SubElement(case, "skipped", message=_clean(f"known failing: {result.known_failing}"))
        case "failed" | "flaky":
            bad = [failure for sample in result.samples for failure in sample.failures]
            count = f"{result.passed} of {result.judged} repetitions passed: "
            message = (count if result.judged > 1 else "") + _told(bad[0])
            failed = ET.SubElement(case, "failure", type=bad[0].check, message=_clean(message))
            failed.text = _clean("\n".join(map(_told, bad)))
        case "error":
            broken = next(sample.error for sample in result.samples if sample.error)
            ET.SubElement(case, "error", message=_clean(broken))
    said = "\n\n".join(_said(sample) for sample in result.samples)
    ET.SubElement(case, "system-out").text = _clean(said)


def _told(failure: Failure) -> str:
    return f"{failure.check}: expected {failure.expected}; found {failure.found}"


def _said(sample: Sample) -> str:
    return f"trace {sample.trace_id}\n{sample.verdict or 'no verdict'}\n{sample.text}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
