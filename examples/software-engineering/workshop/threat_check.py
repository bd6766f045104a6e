"""Checks what the threat modeller found: the quote letter by letter, then what the line says.

The second look is of another kind than the first: it reads the quoted letters as tokens, has no
syntax tree, and is not told who found them or why.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.values import STANDING, Citation
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import from_json

from .code_base import CodeBase
from .threats import SECRET
from .weaknesses import WEAKNESSES

_SQL = r"\b(?:select|insert|update|delete|create|drop|alter|replace)\b"
_SAYS: Mapping[str, str] = {
    "CWE-78": r"shell = True\b|\bos \. (?:system|popen)|\bget(?:status)?output",
    "CWE-95": r"\b(?:eval|exec) \(",
    "CWE-502": r"\b(?:loads?|open) \(",
    "CWE-89": rf"\bexecute\w* \((?=.*{_SQL})(?=.*(?:\bf['\"]|\+|%|\. format))",
    "CWE-22": r"\b(?:join|Path|open|copy|remove) \(| / \w+ [\[.(]",
    "CWE-798": rf"{SECRET.pattern}\w* (?:: [^=]+)?= [rbu]?['\"]",
    "CWE-328": r"\b(?:md5|sha1)\b",
    "CWE-1088": r"\b(?:urlopen|create_connection|SMTP|get|post|put|patch|delete|head|request) \(",
    "CWE-295": r"\bverify = False\b",
}
_UNLESS: Mapping[str, str] = {
    "CWE-502": r"\bC?SafeLoader\b",
    "CWE-328": r"usedforsecurity = False\b",
    "CWE-1088": r"\btimeout =",
}


@builtin("line-reader")
def read_lines(request: CallRequest) -> str:
    """`{"checks": [{"id", "confirmed", "reason"}]}` for quotes, each with a weakness."""
    checks = []
    for finding in request.inputs["findings"]:
        cwe, said = finding["cwe"], _tokens(finding["quote"])
        shows = re.search(_SAYS[cwe], said, re.IGNORECASE) is not None
        spared = cwe in _UNLESS and re.search(_UNLESS[cwe], said) is not None
        reason = "" if shows and not spared else f"the line does not show {cwe}"
        checks.append({"id": finding["id"], "confirmed": not reason, "reason": reason})
    return json.dumps({"checks": checks})


def _tokens(quote: str) -> str:
    """The quote's tokens with one space between; comments are left out."""
    found: list[str] = []
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    try:
        for token in tokenize.generate_tokens(io.StringIO(quote).readline):
            found += [] if token.type in skipped else [token.string]
    except (tokenize.TokenError, IndentationError):
        pass  # a part of a statement has tokens too
    return " ".join(found)


@role("threat-checker", variables=("findings",))
async def check_threats(work: Work) -> dict[str, Any]:
    """Each threat with its verified citation and whether it was confirmed.

    A quote that does not stand in its file is refused before any model is asked.
    """
    code = from_json(CodeBase, work.inputs["code-base"])
    found = [_verified(code, threat) for threat in work.inputs["threats"]["threats"]]
    standing = [t for t in found if t["citation"]["status"] in STANDING]
    checked: dict[str, Any] = {"threats": found, "by": "", "independence": "none"}
    if not standing:
        return checked
    reply = await work.call(
        variables={"findings": "\n".join(_shown(threat) for threat in standing)},
        inputs={
            "findings": [
                {"id": t["id"], "cwe": t["cwe"], "quote": t["citation"]["quote"]} for t in standing
            ]
        },
        check=lambda text: read_checks(text, [t["id"] for t in standing]),
    )
    for threat in standing:
        threat["confirmed"], threat["reason"] = reply.value[threat["id"]]
    independence = "other-family" if reply.family else "deterministic"
    return checked | {"by": reply.model, "independence": independence}


def _verified(code: CodeBase, threat: Mapping[str, Any]) -> dict[str, Any]:
    claimed = Citation.model_validate(threat["citation"])
    text = code.files.get(claimed.file.removeprefix(f"{code.folder}/"), "")
    found = verify_quote(claimed, text)
    return {
        **threat,
        "citation": found.model_dump(mode="json"),
        "line": text.count("\n", 0, found.start) + 1,
        "confirmed": False,
        "reason": "" if found.status in STANDING else found.reason,
    }


def _shown(threat: Mapping[str, Any]) -> str:
    cwe = threat["cwe"]
    return fence("finding", threat["citation"]["quote"], id=threat["id"], claim=_claim(cwe))


def _claim(cwe: str) -> str:
    return f"{cwe}, {WEAKNESSES[cwe].title}"


def read_checks(text: str, ids: Sequence[str]) -> dict[str, tuple[bool, str]]:
    """By id: whether it is confirmed, and why not. Raises `InvalidOutputError`."""
    items = json_object(text).get("checks")
    found = {
        str(item.get("id")): (item["confirmed"], str(item.get("reason") or ""))
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict) and isinstance(item.get("confirmed"), bool)
    }
    if missing := [name for name in ids if name not in found]:
        raise InvalidOutputError(f"no verdict on {', '.join(missing)}")
    return found
