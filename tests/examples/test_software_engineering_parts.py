"""The parts of `examples/software-engineering`: planning, diffs, refactoring, threats, trials."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator import UserError
from orchestrator.call_types import CallRequest
from orchestrator.project.load import load_project
from orchestrator.roles.work import InvalidOutputError
from tests.examples.test_software_engineering import EXAMPLE, GOOD

SAMPLE = EXAMPLE / "sample"
REGISTRY = load_project(EXAMPLE, env={}).registry

Files = Mapping[str, str]


def sample() -> dict[str, str]:
    return {p.relative_to(SAMPLE).as_posix(): p.read_text("utf-8") for p in SAMPLE.rglob("*.py")}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("smaple", "smaple does not exist; did you mean sample?"),
        ("README.md", "README.md is a file; name a folder"),
        ("graphs", "there is no Python file in graphs"),
    ],
)
async def test_a_folder_without_code_is_named(
    code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLE)
    with pytest.raises(UserError, match=message):
        await REGISTRY.get("tool", "read_code")(Notes(), code=[code])


# ── planning ─────────────────────────────────────────────────────────────────────────────


def intent(request: str) -> dict[str, Any]:
    read = REGISTRY.get("builtin", "request-reader")
    found: dict[str, Any] = json.loads(read(CallRequest(messages=(), inputs={"request": request})))
    return found


@pytest.mark.parametrize(
    ("request_", "operations"),
    [
        (
            "Rename `a` to `b` and rename c.d into e.",
            [("rename", "a", "b"), ("rename", "c.d", "e")],
        ),
        ("Take the duplicated tax code into one function", [("merge", "tax", "apply_tax")]),
        ("merge repeated code into a function called one", [("merge", "", "one")]),
        ("duplicate logic in one function `two`", [("merge", "", "two")]),
        ("extract lines 3-9 of a/b.py into `c`", [("extract", "a/b.py:3-9", "c")]),
        ("Dance", []),
    ],
)
def test_a_request_is_read(request_: str, operations: list[tuple[str, str, str]]) -> None:
    found = intent(request_)
    assert [(o["kind"], o["target"], o["new"]) for o in found["operations"]] == operations
    assert found["not_understood"] == ([] if operations else ["Dance"])
    assert not found["threats"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("rename bill.charge to x", "did you mean `shop.billing.charge`?"),
        ("Make it faster", "the request names nothing that can be done"),
        ("Merge the duplicated tax code into one function", "no statements about 'tax' stand in"),
        ("Extract lines 3-5 of shop/orders.py into `x`", "are no whole statements of a function"),
    ],
)
def test_what_cannot_be_done_is_said(request_: str, message: str) -> None:
    code = {"folder": "sample", "files": sample()}
    inputs = {"code-base": code, "plan": intent(request_)}
    inputs["map"] = REGISTRY.get("function", "map_dependencies")(inputs)
    with pytest.raises(UserError, match=re.escape(message)):
        REGISTRY.get("function", "order_steps")(inputs)


# ── diffs ────────────────────────────────────────────────────────────────────────────────

LESS = """--- a/tests/test_money.py
+++ b/tests/test_money.py
@@ -39,2 +39,1 @@
-    with pytest.raises(ValueError, match="nothing to charge"):
-        charge(NEW, 0)
+    pass
"""


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        (GOOD.replace("append", "add"), "the diff expects"),
        (GOOD.replace("{'EUR'}", "{'EUR'"), "does not compile after the change"),
        (GOOD.replace("b/shop", "b/../shop"), "only Python files inside the folder"),
        (GOOD.replace("b/shop", "b//shop"), "only Python files inside the folder"),
        (GOOD.replace("billing.py", "billing.txt"), "only Python files inside the folder"),
        (GOOD.replace("billing.py", "bills.py"), "shop/bills.py is not in the folder"),
        (GOOD.replace("a/shop/billing.py", "/dev/null"), "is there already"),
        (GOOD.replace("@@ -19", "@@ -190"), "there is no line 190"),
        (GOOD.replace("-19,3 +19,3", "-19,9 +19,9"), "the diff ends within a hunk"),
        (GOOD.replace("+++ b/shop/billing.py\n", ""), "should begin with +++"),
        (LESS, "takes tests or assertions away"),
        ("I would rather not.", "this is no unified diff"),
    ],
)
def test_a_diff_that_may_not_be_tried(diff: str, message: str) -> None:
    checked = REGISTRY.get("role", "refactorer").__globals__["checked_diff"]
    with pytest.raises(InvalidOutputError, match=re.escape(message)):
        checked(sample(), diff)


# ── the refactorer ───────────────────────────────────────────────────────────────────────


def refactored(files: Files, *operations: tuple[str, str, str]) -> Files:
    """The files that change, as they are after it."""
    listed = [{"kind": kind, "target": target, "new": new} for kind, target, new in operations]
    code = {"folder": ".", "files": dict(files)}
    refactor = REGISTRY.get("builtin", "syntax-tree-refactorer")
    inputs = {"code": code, "operations": listed, "failures": []}
    apply: Any = REGISTRY.get("tool", "run_tests").__globals__["apply_diff"]
    found: Files = apply(files, refactor(CallRequest(messages=(), inputs=inputs)))
    return found


HOME = {"pkg/a.py": "def f():\n    return 1\n"}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("from pkg.a import f\nx = 'é', f()  # f\n", ["from pkg.a import g", "x = 'é', g()  # f"]),
        ("from pkg.a import f as h\nf = h()\n", ["from pkg.a import g as h"]),
        ("import pkg.a\nx = pkg.a.f\n", ["x = pkg.a.g"]),
        ("import pkg.a as b\nx = b.f\n", ["x = b.g"]),
        ("from pkg import a\nx = a.f, x.f\n", ["x = a.g, x.f"]),
        ("from .a import f\nf()\n", ["from .a import g", "g()"]),
        ("from pkg.a import *\nf()\n", ["g()"]),
        ("from pkg.a import f\n__all__ = ['f']\n", ["from pkg.a import g", "__all__ = ['g']"]),
        ("from pkg.a import f\ndef h(f):\n    return f\n", ["from pkg.a import g"]),
        ("from pkg.a import f\nh = [f for f in ()]\n", ["from pkg.a import g"]),
        ("from pkg.a import f\ndef h(x=f):\n    f = 1\n", ["from pkg.a import g", "def h(x=g):"]),
        ("from pkg.a import f\nclass C:\n    f = 1\n    def h(s):\n        return f\n",
         ["from pkg.a import g", "        return g"]),
        ("def h():\n    from pkg.a import f\n    return f\n",
         ["    from pkg.a import g", "    return g"]),
        ("def f():\n    return f\n", []),
    ],
)  # fmt: skip
def test_a_rename_reaches_what_is_meant_and_nothing_else(text: str, changed: list[str]) -> None:
    found = refactored({**HOME, "pkg/b.py": text}, ("rename", "pkg.a.f", "g"))
    assert found["pkg/a.py"] == HOME["pkg/a.py"].replace("f", "g", 2).replace("deg", "def")
    lines = found.get("pkg/b.py", text).split("\n")
    assert [new for new, old in zip(lines, text.split("\n"), strict=True) if new != old] == changed


def test_a_rename_follows_a_name_that_is_handed_on() -> None:
    files = {**HOME, "pkg/__init__.py": "from .a import f\n", "c.py": "from pkg import f\nf()\n"}
    found = refactored(files, ("rename", "f", "g"))
    assert found["pkg/__init__.py"] == "from .a import g\n"
    assert found["c.py"] == "from pkg import g\ng()\n"


@pytest.mark.parametrize(
    ("text", "new", "message"),
    [
        ("from pkg.a import f\ng = 1\n", "g", "`g` already stands for something in pkg/b.py:2"),
        ("", "class", "'class' cannot be the name of anything"),
    ],
)
def test_a_rename_that_would_change_the_meaning_is_refused(
    text: str, new: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        refactored({**HOME, "pkg/b.py": text}, ("rename", "f", new))


BLOCK = "    k = n * 2\n    if k > 9:\n        k -= {}\n"


def twice(one: str, other: str) -> Files:
    """Two functions, in two modules, around the statements."""
    head = "LIMIT = 3\ndef {}(n, on):\n"
    return {"p.py": head.format("p") + one, "q.py": head.format("q") + other}


def test_the_same_statements_become_one_function() -> None:
    other = BLOCK.replace("k", "j").replace("    j = n", "    # later\n    j = n").format(1)
    found = refactored(
        twice(BLOCK.format(1) + "    return k\n", other + "    return j\n"), ("merge", "", "one")
    )
    assert found == {
        "p.py": f"LIMIT = 3\ndef one(n):\n{BLOCK.format(1)}    return k\n\n\n"
        "def p(n, on):\n    k = one(n)\n    return k\n",
        "q.py": "from p import one\nLIMIT = 3\ndef q(n, on):\n"
        "    # later\n    j = one(n)\n    return j\n",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(BLOCK.format(1), BLOCK.format(2), id="another number"),
        pytest.param(BLOCK.format("LIMIT"), BLOCK.format("LIMIT"), id="another module's constant"),
        pytest.param(
            *["    if on:\n        k = n\n        k += 1\n    if on:\n        print(k)\n"] * 2,
            id="a name that may have no value",
        ),
        pytest.param(
            *["    for k in n:\n        if k:\n            return k\n"] * 2, id="a return"
        ),
    ],
)
def test_what_only_looks_the_same_stays(one: str, other: str) -> None:
    with pytest.raises(UserError, match="stand in two functions"):
        refactored(twice(one, other), ("merge", "", "one"))


def test_a_value_that_an_inner_expression_reads_is_handed_back() -> None:
    rest = "    return [x for x in on if x > k]\n"
    found = refactored(twice(BLOCK.format(1) + rest, BLOCK.format(1) + rest), ("merge", "", "one"))
    assert all("    k = one(n)\n" in text for text in found.values())


def test_lines_become_a_function() -> None:
    text = "def f(n: int) -> int:\n    m: int = n\n    # more\n    m += 1\n    return m\n"
    found = refactored({"p.py": text}, ("extract", "p.py:3-4", "more"))
    assert found["p.py"] == (
        "def more(m: int) -> int:\n    # more\n    m += 1\n    return m\n\n\n"
        "def f(n: int) -> int:\n    m: int = n\n    m = more(m)\n    return m\n"
    )


# ── judging ──────────────────────────────────────────────────────────────────────────────

TESTED: dict[str, Any] = {
    "ran": True,
    "passed": ["a", "b"],
    "failed": {"c": "KeyError"},
    "error": "",
}
CHANGE: dict[str, Any] = {"diff": "…", "failed": "", "by": "", "tries": 1}


@pytest.mark.parametrize(
    ("before", "after", "change", "label", "failures"),
    [
        ({}, {}, {}, "done", []),
        ({}, {"failed": {}, "passed": ["a", "b", "c"]}, {}, "done", []),
        ({}, {"passed": ["a"], "failed": {"b": "no"}}, {}, "again", ["b: no"]),
        ({}, {"passed": ["a"]}, {}, "again", ["b: it is not run any more"]),
        ({}, {"error": "it took too long"}, {}, "again", ["it took too long"]),
        ({"passed": [], "error": "there is no test"}, {}, {}, "done",
         ["nothing could prove the change, for before it there is no test"]),
        ({}, {}, {"diff": "", "failed": "`x` is taken"}, "done", ["`x` is taken"]),
    ],
)  # fmt: skip
def test_a_change_is_kept_where_all_passes_that_passed(
    before: dict[str, Any],
    after: dict[str, Any],
    change: dict[str, Any],
    label: str,
    failures: list[str],
) -> None:
    judge = REGISTRY.get("function", "keep_or_send_back")
    inputs = {"before": TESTED | before, "after": TESTED | after, "change": CHANGE | change}
    assert judge({**inputs, "round": 0, "at_most": 1}) == (
        label,
        {"kept": not failures, "failures": failures},
    )
    assert judge({**inputs, "round": 1, "at_most": 1})[0] == "done"


# ── the scanner and the second look ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "cwe"),
    [
        ("subprocess.run(f'ls {x}', shell=True)", "CWE-78"),
        ("os.system('ls ' + x)", "CWE-78"),
        ("subprocess.run('ls', shell=True)", ""),
        ("subprocess.run(['ls', x])", ""),
        ("eval(x)", "CWE-95"),
        ("exec(compile(x, 'f', 'exec'))", "CWE-95"),
        ("eval('1 + 1')", ""),
        ("pickle.loads(x)", "CWE-502"),
        ("yaml.load(x)", "CWE-502"),
        ("yaml.load(x, Loader=yaml.SafeLoader)", ""),
        ("yaml.safe_load(x)", ""),
        ("db.execute('SELECT * FROM t WHERE n = %s' % x)", "CWE-89"),
        ("db.execute('SELECT * FROM t WHERE n = ' + x)", "CWE-89"),
        ("db.execute('DELETE FROM t WHERE n = {}'.format(x))", "CWE-89"),
        ("db.execute('SELECT * FROM t WHERE n = ?', (x,))", ""),
        ("API_KEY = 'abcdef-0123456'", "CWE-798"),
        ("API_KEY = os.environ['API_KEY']", ""),
        ("hashlib.sha1(x)", "CWE-328"),
        ("hashlib.md5(x, usedforsecurity=False)", ""),
        ("hashlib.sha256(x)", ""),
        ("os.path.join('/srv', request['name'])", "CWE-22"),
        ("open(request.form['name'])", "CWE-22"),
        ("os.path.join('/srv', x)", ""),
        ("requests.get(x)", "CWE-1088"),
        ("requests.get(x, timeout=5)", ""),
        ("requests.post(x, timeout=5, verify=False)", "CWE-295"),
    ],
)
def test_a_weakness_is_found_and_confirmed(line: str, cwe: str) -> None:
    imports = "import hashlib, os, pickle, requests, subprocess, yaml\n"
    text = f"{imports}def f(x, db, request):\n    {line}\n"
    code = {"folder": ".", "files": {"m.py": text}}
    scan, look = (REGISTRY.get("builtin", n) for n in ("threat-scanner", "line-reader"))
    found = json.loads(scan(CallRequest(messages=(), inputs={"code": code})))["findings"]
    assert [(f["cwe"], f["quote"], f["line"]) for f in found] == ([(cwe, line, 3)] if cwe else [])
    listed = [{"id": "t1", "cwe": cwe, "quote": quote} for quote in (line, f"# {line}") if cwe]
    checks = json.loads(look(CallRequest(messages=(), inputs={"findings": listed})))["checks"]
    assert [c["confirmed"] for c in checks] == ([True, False] if cwe else [])


# ── the trial ────────────────────────────────────────────────────────────────────────────

ALONE = """
import os, socket, subprocess, sys
import pytest

def test_no_key_and_no_home():
    assert "OPENAI_API_KEY" not in os.environ
    assert os.path.expanduser("~").startswith(os.environ["TMPDIR"])

@pytest.mark.parametrize("address", [("127.0.0.1", 9), ("192.0.2.1", 80)])
def test_no_network(address):
    with pytest.raises(OSError, match="without a network"):
        socket.create_connection(address, timeout=1)

def test_no_network_below():
    code = "import urllib.request as u; u.urlopen('http://192.0.2.1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "without a network" in done.stderr

def test_that_fails():
    assert 1 == 2
"""


class Notes:
    library: Any = None

    def note(self, text: str) -> None:
        assert text


async def trial(tests: str) -> dict[str, Any]:
    run: Any = REGISTRY.get("tool", "run_tests")
    code = {"folder": ".", "files": {"tests/test_it.py": tests}}
    found: dict[str, Any] = await run(Notes(), code=code)
    return found


async def test_tests_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-test")
    found = await trial(ALONE)
    assert len(found["passed"]) == 4
    assert found["failed"] == {"tests.test_it::test_that_fails": "assert 1 == 2"}


async def test_tests_that_never_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY.get("tool", "run_tests").__globals__, "SECONDS", 0.5)
    found = await trial("import time\ndef test_it():\n    time.sleep(600)\n")
    assert "took more than" in found["error"]


@pytest.mark.parametrize("tests", ["import not_there\n", "raise SystemExit(3)\n"])
async def test_tests_that_cannot_begin_say_why(tests: str) -> None:
    found = await trial(tests)
    assert found["error"] or found["failed"]
    assert not found["passed"]
