"""Finds what could be attacked, by syntax tree, and quotes each place as a citation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Citation, Value
from orchestrator.roles.output import parse
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import from_json

from .code_base import CodeBase, bindings, full_name, is_test
from .scopes import FUNCTIONS, arguments
from .weaknesses import WEAKNESSES

SECRET = re.compile(r"(?i)(?:secret|passw(?:or)?d|token|api_?key|private_?key)")
_REQUESTS = re.compile(r"^(?:request|req|params|query|form|payload|headers|cookies)$")
_SHELLS = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput")
_FOREIGN = ("pickle.load", "pickle.loads", "marshal.load", "marshal.loads", "shelve.open")
_SAFE_YAML = ("SafeLoader", "CSafeLoader", "BaseLoader")
_HASHES = ("hashlib.md5", "hashlib.sha1")
_PATHS = ("os.path.join", "pathlib.Path", "open", "os.open", "shutil.copy", "os.remove")
_SLOW = re.compile(
    r"^(?:urllib\.request\.urlopen|socket\.create_connection|smtplib\.SMTP"
    r"|(?:requests|httpx)\.(?:get|post|put|patch|delete|head|request))$"
)


class Finding(Value):
    """One place that could be attacked."""

    file: str
    line: int
    quote: str
    """What stands there, letter by letter, without the indentation of its first line."""
    cwe: str
    why: str


class Findings(Value):
    findings: tuple[Finding, ...] = ()


@builtin("threat-scanner")
def scan(request: CallRequest) -> str:
    """`Findings` as JSON for the input `code`: the program's files, its tests left out."""
    code = from_json(CodeBase, request.inputs["code"])
    found = [
        finding
        for module, file in code.modules.items()
        if not is_test(file)
        for finding in _in_module(code, module)
    ]
    return Findings(findings=tuple(found)).model_dump_json()


@role("threat-modeller", variables=("files", "weaknesses"))
async def model_threats(work: Work) -> dict[str, Any]:
    """The findings as citations, unchecked; none where the request asks for none."""
    code = from_json(CodeBase, work.inputs["code-base"])
    if not work.inputs["plan"]["threats"]:
        return {"threats": [], "by": ""}
    program = {file: text for file, text in code.files.items() if not is_test(file)}
    reply = await work.call(
        variables={
            "files": "\n".join(fence("file", text, path=file) for file, text in program.items()),
            "weaknesses": "\n".join(f"- {cwe}: {w.title}" for cwe, w in WEAKNESSES.items()),
        },
        inputs={"code": {"folder": code.folder, "files": program}},
        check=lambda text: known(parse(Findings, text), program),
        schema=Findings.model_json_schema(),
    )
    threats = [
        {
            "id": f"t{number}",
            "cwe": finding.cwe,
            "why": finding.why,
            "citation": citation(code, finding).model_dump(),
        }
        for number, finding in enumerate(reply.value.findings, 1)
    ]
    return {"threats": threats, "by": reply.model}


def known(found: Findings, files: Mapping[str, str]) -> Findings:
    """The findings. Raises `InvalidOutputError` for a file or a weakness that is not known."""
    for finding in found.findings:
        if finding.file not in files:
            raise InvalidOutputError(f"there is no file {finding.file}")
        if finding.cwe not in WEAKNESSES:
            raise InvalidOutputError(f"{finding.cwe} is none of {', '.join(WEAKNESSES)}")
    return found


def citation(code: CodeBase, finding: Finding) -> Citation:
    """The finding's quote at its place, as it says; whether it stands there is checked later."""
    lines = code.files[finding.file].split("\n")
    line = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    start = sum(len(text) + 1 for text in lines[: finding.line - 1])
    start += len(line) - len(line.lstrip())
    return Citation(
        file=f"{code.folder}/{finding.file}",
        start=start,
        end=start + len(finding.quote),
        quote=finding.quote,
    )


# ── the scanner ──────────────────────────────────────────────────────────────────────────


def _in_module(code: CodeBase, module: str) -> Iterator[Finding]:
    file, tree = code.modules[module], code.trees[module]
    lines, bound = code.files[file].split("\n"), bindings(code, module)
    asked = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, FUNCTIONS)
        for node in _from_request(function)
    }
    paths = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_path_call(node.value, bound)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for cwe, why in _weak(node, bound, asked, paths):
            first, last = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
            quote = "\n".join(lines[first - 1 : last]).strip()
            yield Finding(file=file, line=first, quote=quote, cwe=cwe, why=why)


def _from_request(function: ast.AST) -> Iterator[ast.Name]:
    """The uses of a function's parameters that hold what somebody outside has sent."""
    assert isinstance(function, FUNCTIONS)
    names = {a.arg for a in arguments(function) if _REQUESTS.match(a.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in names:
            yield node


def _weak(
    node: ast.AST, bound: Mapping[str, str], asked: set[int], paths: set[str]
) -> Iterator[tuple[str, str]]:
    """The weaknesses of one node, each with the reason.

    Args:
        asked: ids of the names that hold what a request says.
        paths: names that hold a `pathlib.Path`.
    """
    if isinstance(node, ast.Call):
        yield from _call(node, bound, asked)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left = isinstance(node.left, ast.Name) and node.left.id in paths
        told = any(id(n) in asked for n in ast.walk(node.right))
        if told and (left or _is_path_call(node.left, bound)):
            yield "CWE-22", "the path goes where a request says, `..` included"
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from _secret(node)


def _secret(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, str]]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [t.id for t in targets if isinstance(t, ast.Name) and SECRET.search(t.id)]
    value = node.value
    said = value.value if isinstance(value, ast.Constant) else None
    if names and isinstance(said, str) and len(said) >= 8 and " " not in said:
        yield "CWE-798", f"`{names[0]}` is a literal"


def _call(node: ast.Call, bound: Mapping[str, str], asked: set[int]) -> Iterator[tuple[str, str]]:
    called = full_name(node.func, bound) or ast.unparse(node.func)
    given = {k.arg: k.value for k in node.keywords if k.arg}
    values = [*node.args, *given.values()]
    outside = any(id(n) in asked for value in values for n in ast.walk(value))
    sent = ", and a request says what" if outside else ""
    made = bool(values) and not isinstance(values[0], ast.Constant)
    if made and (_is(given.get("shell"), True) or called in _SHELLS):
        yield "CWE-78", f"`{called}` starts a shell{sent}"
    if made and called in ("eval", "exec"):
        yield "CWE-95", f"`{called}` runs its argument{sent}"
    if called in _FOREIGN or (called == "yaml.load" and not _safe_loader(node, given)):
        yield "CWE-502", f"`{called}` makes whatever object the bytes ask for{sent}"
    sql = called.endswith((".execute", ".executemany", ".executescript"))
    if sql and node.args and _put_together(node.args[0]):
        yield "CWE-89", "values are written into the statement itself"
    if called in _HASHES and not _is(given.get("usedforsecurity"), False):
        yield "CWE-328", f"`{called}` is broken"
    inner = any(_is_path_call(a, bound) for a in node.args)  # is told itself
    if outside and called in _PATHS and not inner:
        yield "CWE-22", f"`{called}` takes what a request says, `..` included"
    if _SLOW.match(called) and "timeout" not in given:
        yield "CWE-1088", f"`{called}` waits for ever"
    if _is(given.get("verify"), False):
        yield "CWE-295", f"`{called}` trusts whoever answers"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_path_call(node: ast.expr, bound: Mapping[str, str]) -> bool:
    return isinstance(node, ast.Call) and full_name(node.func, bound) in _PATHS


def _safe_loader(node: ast.Call, given: Mapping[str, ast.expr]) -> bool:
    loader = given.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
    return loader is not None and ast.unparse(loader).rpartition(".")[2] in _SAFE_YAML


def _put_together(node: ast.expr) -> bool:
    """Whether a text is made of parts of which one is no literal."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return not all(isinstance(side, ast.Constant) for side in (node.left, node.right))
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "format"
